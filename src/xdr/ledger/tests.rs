//! What only the XDR itself can show: result hashes, hostile XDR, and ledgers that no fixture has.

mod entries;

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};
use stellar_xdr::{
    ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, ContractId as XdrContractId, Hash,
    InnerTransactionResultResult, InvokeHostFunctionResult, InvokeHostFunctionSuccessPreImage, LedgerCloseMetaV2,
    LedgerHeaderHistoryEntry, OperationMetaV2, OperationResult, OperationResultTr, ReadXdr, ScVal, StellarValueExt,
    StellarValueProposedMsValue, StellarValueProposedValue, StellarValueSignedMsValue, TimePointMs, TransactionEvent,
    TransactionEventStage, TransactionMeta, TransactionMetaV4, TransactionResult, TransactionResultMetaV1,
    TransactionResultPair, TransactionResultResult, WriteXdr,
};

use super::{
    transaction::{Transaction, operation_events},
    *,
};
use crate::{
    domain::{ContractId, EventId, EventKind, LedgerSequence},
    xdr::value,
};

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

pub(super) fn each_ledger(mut each: impl FnMut(&str, &Ledger) + Send) {
    for entry in fs::read_dir(fixtures("lcm")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let file = fs::File::open(&path).unwrap();
        read_ledgers(file, |ledger| -> Result<(), LedgerInputError> {
            each(&name, ledger);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

fn read(input: &[u8]) -> Result<Vec<(LedgerHeader, Vec<LedgerEvent>)>, LedgerInputError> {
    let mut ledgers = Vec::new();
    read_ledgers(input, |ledger| {
        ledgers.push((ledger.header().clone(), ledger.events()));
        Ok::<_, LedgerInputError>(())
    })?;
    Ok(ledgers)
}

fn fault(input: &[u8]) -> LedgerFault {
    read(input).unwrap_err().fault
}

/// The hash that the network agreed on for a contract call, if the transaction is a successful one.
fn agreed_hash(result: &TransactionResultResult) -> Option<&Hash> {
    let operations = match result {
        TransactionResultResult::TxSuccess(operations) => operations,
        TransactionResultResult::TxFeeBumpInnerSuccess(inner) => match &inner.result.result {
            InnerTransactionResultResult::TxSuccess(operations) => operations,
            _ => return None,
        },
        _ => return None,
    };
    match operations.first()? {
        OperationResult::OpInner(OperationResultTr::InvokeHostFunction(InvokeHostFunctionResult::Success(hash))) => {
            Some(hash)
        }
        _ => None,
    }
}

fn return_value(meta: &TransactionMeta) -> Option<ScVal> {
    match meta {
        TransactionMeta::V3(meta) => Some(meta.soroban_meta.as_ref()?.return_value.clone()),
        TransactionMeta::V4(meta) => meta.soroban_meta.as_ref()?.return_value.clone(),
        _ => None,
    }
}

fn matches_agreed_hash(result: &TransactionResult, meta: &TransactionMeta) -> Option<bool> {
    let agreed = agreed_hash(&result.result)?;
    let image = InvokeHostFunctionSuccessPreImage {
        return_value: return_value(meta)?,
        events: operation_events(meta).first()?.to_vec().try_into().unwrap(),
    };
    Some(Sha256::digest(image.to_xdr(LIMITS).unwrap()).as_slice() == agreed.0)
}

fn results(meta: &LedgerCloseMeta) -> Vec<(&TransactionResult, &TransactionMeta)> {
    match meta {
        LedgerCloseMeta::V0(meta) => {
            meta.tx_processing.iter().map(|tx| (&tx.result.result, &tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V1(meta) => {
            meta.tx_processing.iter().map(|tx| (&tx.result.result, &tx.tx_apply_processing)).collect()
        }
        LedgerCloseMeta::V2(meta) => {
            meta.tx_processing.iter().map(|tx| (&tx.result.result, &tx.tx_apply_processing)).collect()
        }
    }
}

#[test]
fn operation_events_and_return_values_hash_to_what_the_network_agreed_on() {
    let mut calls = 0;
    each_ledger(|name, ledger| {
        for (result, meta) in results(&ledger.meta) {
            if let Some(matches) = matches_agreed_hash(result, meta) {
                assert!(matches, "{name}, ledger {}", ledger.header.sequence);
                calls += 1;
            }
        }
    });
    assert_eq!(calls, 75, "the contract calls that succeeded in the fixtures");
}

#[test]
fn the_hash_of_a_ledger_is_that_of_its_header() {
    each_ledger(|name, ledger| {
        let entry = header::entry_of(&ledger.meta);
        let hash = Sha256::digest(entry.header.to_xdr(LIMITS).unwrap());
        assert_eq!(hash.as_slice(), entry.hash.0, "{name}, ledger {}", ledger.header.sequence);
    });
}

/// The reply of `getTransaction` in this file.
fn transaction_reply(file: &str) -> Value {
    let text = fs::read_to_string(fixtures("rpc").join(file)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["result"].take()
}

fn xdr_of<T: ReadXdr>(text: &Value) -> T {
    T::from_xdr(BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap(), LIMITS).unwrap()
}

fn xdr_list<T: ReadXdr>(list: &Value) -> Vec<T> {
    list.as_array().into_iter().flatten().map(xdr_of).collect()
}

#[test]
fn a_transactions_metadata_gives_the_events_that_stellar_rpc_lists_for_it() {
    for (file, succeeds) in [("transaction_response_p23.json", true), ("transaction_response_failed_p23.json", false)] {
        let reply = transaction_reply(file);
        let meta: TransactionMeta = xdr_of(&reply["resultMetaXdr"]);
        let result = TransactionResultPair { transaction_hash: Hash([0; 32]), result: xdr_of(&reply["resultXdr"]) };
        let transaction = Transaction::new(&result, &meta);
        assert_eq!(transaction.successful, succeeds);
        let operations: Vec<_> = transaction.operation_events().into_iter().map(<[ContractEvent]>::to_vec).collect();
        let listed = reply["events"]["contractEventsXdr"].as_array();
        assert_eq!(operations, listed.into_iter().flatten().map(xdr_list).collect::<Vec<_>>());
        assert_eq!(operations.len(), usize::from(succeeds));
        let own: Vec<TransactionEvent> = xdr_list(&reply["events"]["transactionEventsXdr"]);
        assert_eq!(transaction.own_events(), own);
        assert_eq!(matches_agreed_hash(&result.result, &meta), succeeds.then_some(true));
    }
}

/// An event whose value is this number, so that it can be told from others.
fn event(type_: ContractEventType, value: u32) -> ContractEvent {
    let contract_id = (type_ == ContractEventType::Contract).then_some(XdrContractId(Hash([7; 32])));
    let body = ContractEventBody::V0(ContractEventV0 { data: ScVal::U32(value), ..ContractEventV0::default() });
    ContractEvent { contract_id, type_, body, ..ContractEvent::default() }
}

fn own_event(stage: TransactionEventStage, value: u32) -> TransactionEvent {
    TransactionEvent { stage, event: event(ContractEventType::Contract, value) }
}

fn transaction(
    result: TransactionResultResult,
    own: Vec<TransactionEvent>,
    operations: Vec<Vec<ContractEvent>>,
) -> TransactionResultMetaV1 {
    let operations: Vec<_> = operations
        .into_iter()
        .map(|events| OperationMetaV2 { events: events.try_into().unwrap(), ..OperationMetaV2::default() })
        .collect();
    let meta = TransactionMetaV4 {
        operations: operations.try_into().unwrap(),
        events: own.try_into().unwrap(),
        ..TransactionMetaV4::default()
    };
    let result = TransactionResult { result, ..TransactionResult::default() };
    TransactionResultMetaV1 {
        result: TransactionResultPair { result, ..TransactionResultPair::default() },
        tx_apply_processing: TransactionMeta::V4(meta),
        ..TransactionResultMetaV1::default()
    }
}

fn ledger_of(sequence: u32, transactions: Vec<TransactionResultMetaV1>) -> LedgerCloseMetaV2 {
    let mut meta =
        LedgerCloseMetaV2 { tx_processing: transactions.try_into().unwrap(), ..LedgerCloseMetaV2::default() };
    meta.ledger_header.header.ledger_seq = sequence;
    meta
}

fn success() -> TransactionResultResult {
    TransactionResultResult::TxSuccess(Vec::new().try_into().unwrap())
}

#[test]
fn events_of_every_stage_are_numbered_and_ordered_as_stellar_rpc_does() {
    use ContractEventType::{Contract, Diagnostic, System};
    use TransactionEventStage::{AfterAllTxs, AfterTx, BeforeAllTxs};
    let failed = TransactionResultResult::TxFailed(Vec::new().try_into().unwrap());
    let meta = ledger_of(
        7,
        vec![
            transaction(
                success(),
                vec![
                    own_event(BeforeAllTxs, 1),
                    own_event(AfterAllTxs, 20),
                    own_event(AfterTx, 7),
                    own_event(AfterTx, 8),
                ],
                vec![
                    vec![event(Contract, 3), event(Diagnostic, 99), event(System, 5)],
                    Vec::new(),
                    vec![event(Contract, 6)],
                ],
            ),
            transaction(
                failed,
                vec![own_event(BeforeAllTxs, 2), own_event(AfterTx, 9)],
                vec![vec![event(Contract, 99)]],
            ),
            transaction(success(), vec![own_event(AfterAllTxs, 21)], vec![vec![event(Contract, 10)]]),
        ],
    );
    let ledger = Ledger::new(LedgerCloseMeta::V2(meta)).unwrap();
    let found: Vec<_> = ledger.events().into_iter().map(|event| (event.id, event.value, event.successful)).collect();
    let wanted = [
        ((0, 0, 0), 1, true),
        ((0, 0, 1), 2, false),
        ((1, 0, 0), 3, true),
        ((1, 0, 2), 5, true),
        ((1, 2, 0), 6, true),
        ((1, 4095, 0), 7, true),
        ((1, 4095, 1), 8, true),
        ((2, 4095, 0), 9, false),
        ((3, 0, 0), 10, true),
        ((1_048_575, 0, 0), 20, true),
        ((1_048_575, 0, 1), 21, true),
    ];
    let wanted = wanted.map(|((transaction, operation, index), value, successful)| {
        let id = EventId::of(LedgerSequence(7), transaction, operation, index).unwrap();
        (id, BASE64_STANDARD.encode(ScVal::U32(value).to_xdr(LIMITS).unwrap()), successful)
    });
    assert_eq!(found, wanted);
}

#[test]
fn a_contracts_events_are_its_own_and_those_of_the_network_about_it() {
    use ContractEventType::{Contract, Diagnostic, System};
    let mut of_network = event(System, 1);
    of_network.contract_id = event(Contract, 1).contract_id;
    let mut of_another = event(Contract, 2);
    of_another.contract_id = Some(XdrContractId(Hash([8; 32])));
    let mut diagnostic = event(Diagnostic, 4);
    diagnostic.contract_id = of_network.contract_id.clone();
    let operation = vec![of_network, of_another, event(Contract, 3), diagnostic];
    let ledger = LedgerCloseMeta::V2(ledger_of(7, vec![transaction(success(), Vec::new(), vec![operation])]));
    let ledger = Ledger::new(ledger).unwrap();
    assert_eq!(ledger.events().len(), 3);
    let found = ledger.contract_events(&[ContractId::from_bytes([7; 32])]);
    let id = |index| EventId::of(LedgerSequence(7), 1, 0, index).unwrap();
    assert_eq!(
        found.iter().map(|event| (event.id, event.kind)).collect::<Vec<_>>(),
        [(id(0), EventKind::System), (id(2), EventKind::Contract)]
    );
}

#[test]
fn an_event_of_no_contract_has_an_empty_contract_id() {
    let operation = vec![event(ContractEventType::System, 1)];
    let meta = ledger_of(7, vec![transaction(success(), Vec::new(), vec![operation])]);
    let events = Ledger::new(LedgerCloseMeta::V2(meta)).unwrap().events();
    let line = serde_json::to_value(&events[0]).unwrap();
    assert_eq!((&line["contractId"], &line["type"]), (&Value::from(""), &Value::from("system")));
}

#[test]
fn a_ledger_closes_at_the_millisecond_if_its_header_has_one() {
    let closed_at = |ext: StellarValueExt| {
        let mut meta = ledger_of(7, Vec::new());
        meta.ledger_header.header.scp_value.close_time.0 = 1_700_000_000;
        meta.ledger_header.header.scp_value.ext = ext;
        Ledger::new(LedgerCloseMeta::V2(meta)).unwrap().header.closed_at.timestamp_millis()
    };
    let close_time_ms = TimePointMs(1_700_000_000_123);
    let signed = StellarValueSignedMsValue { close_time_ms: close_time_ms.clone(), ..Default::default() };
    let empty = StellarValueProposedMsValue { close_time_ms, ..Default::default() };
    assert_eq!(closed_at(StellarValueExt::SignedMs(signed)), 1_700_000_000_123);
    assert_eq!(closed_at(StellarValueExt::EmptyTxSetMs(empty)), 1_700_000_000_123);
    assert_eq!(closed_at(StellarValueExt::Basic), 1_700_000_000_000);
    assert_eq!(closed_at(StellarValueExt::EmptyTxSet(StellarValueProposedValue::default())), 1_700_000_000_000);
}

#[test]
fn a_ledger_whose_numbers_fit_no_event_id_or_calendar_is_refused() {
    let meta = ledger_of(1 << 31, Vec::new());
    assert!(matches!(Ledger::new(LedgerCloseMeta::V2(meta)), Err(LedgerFault::NoRoom { .. })));
    let meta = ledger_of(7, vec![transaction(success(), Vec::new(), vec![Vec::new(); 4_095])]);
    assert!(matches!(Ledger::new(LedgerCloseMeta::V2(meta)), Err(LedgerFault::NoRoom { .. })));
    for seconds in [u64::MAX, 1 << 60, u64::MAX / 1_000] {
        let mut meta = ledger_of(7, Vec::new());
        meta.ledger_header.header.scp_value.close_time.0 = seconds;
        assert!(matches!(Ledger::new(LedgerCloseMeta::V2(meta)), Err(LedgerFault::CloseTime { .. })));
    }
}

/// The XDR of a ledger with one event of this value. Made where there is stack enough to make and drop it.
fn ledger_with_value(value: impl FnOnce() -> ScVal + Send + 'static) -> Vec<u8> {
    let make = move || {
        let mut event = event(ContractEventType::Contract, 0);
        event.body = ContractEventBody::V0(ContractEventV0 { data: value(), ..ContractEventV0::default() });
        let meta = ledger_of(7, vec![transaction(success(), Vec::new(), vec![vec![event]])]);
        LedgerCloseMeta::V2(meta).to_xdr(Limits::none()).unwrap()
    };
    thread::Builder::new().stack_size(1 << 28).spawn(make).unwrap().join().unwrap()
}

fn nested(levels: u32) -> Vec<u8> {
    ledger_with_value(move || {
        (0..levels).fold(ScVal::Void, |value, _| ScVal::Vec(Some(vec![value].try_into().unwrap())))
    })
}

#[test]
fn deep_nesting_is_read_within_the_limit_and_refused_beyond_it() {
    let ledgers = read(&nested(350)).unwrap();
    assert_eq!(ledgers[0].1.len(), 1);
    assert!(matches!(fault(&nested(400)), LedgerFault::Xdr { .. }));
    assert!(matches!(fault(&nested(20_000)), LedgerFault::Xdr { .. }));
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_ledger_is_refused_with_a_word_about_it() {
    let bytes = |mebibytes: usize| ScVal::Bytes(vec![0; mebibytes << 20].try_into().unwrap());
    let two = |each: usize| {
        let huge = ledger_with_value(move || ScVal::Vec(Some(vec![bytes(each), bytes(each)].try_into().unwrap())));
        zstd::encode_all(huge.as_slice(), 1).unwrap()
    };
    assert!(read(&two(2)).is_ok());
    let packed = two(130);
    assert!(packed.len() < 1 << 20);
    let refused = read(&packed).unwrap_err();
    assert!(matches!(refused.fault, LedgerFault::TooLarge));
    assert!(refused.to_string().contains("more than 256 MiB"), "{refused}");
    assert!(refused.offset < 140 << 20, "the rest is not unpacked: {}", refused.offset);
}

#[test]
fn the_muxed_contract_of_protocol_30_is_read_as_its_w_address() {
    let mut addresses = Vec::new();
    each_ledger(|name, ledger| {
        for topic in ledger.events().iter().flat_map(|event| &event.topic).filter(|_| name.contains("p30")) {
            let value = value::scval_from_base64(topic, &|| "the topic".to_owned()).unwrap();
            addresses.extend(value::address(&value).filter(|address| address.as_str().starts_with('W')));
        }
    });
    assert_eq!(addresses.len(), 1);
    assert_eq!(addresses[0].as_str().len(), 69);
}
