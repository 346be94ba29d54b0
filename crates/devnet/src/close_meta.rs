//! A closed ledger as the network publishes it: `LedgerCloseMeta`, encoded when it is asked for.
//!
//! Events of operations are those of `getEvents`. The fee events of the native asset are only here: the devnet's
//! `getEvents` knows the events that contracts and the host emit.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use stellar_xdr::{
    Asset, ContractEvent, ContractEventBody, ContractEventType, ContractEventV0, ContractId, ContractIdPreimage,
    ExtensionPoint, Hash as XdrHash, HashIdPreimage, HashIdPreimageContractId, LedgerCloseMeta, LedgerCloseMetaV2,
    LedgerHeader, LedgerHeaderHistoryEntry, OperationMetaV2, ScVal, SorobanTransactionMetaV2, TransactionEvent,
    TransactionEventStage, TransactionMeta, TransactionMetaV4, TransactionResultMetaV1,
};

use super::{
    accounts,
    chain::Ledger,
    encode,
    event::EventKind,
    header::{self, FEE_CHARGED, FEE_REFUNDED},
    meta_changes,
    transaction::{Event, Transaction},
};

/// The one who pays for every transaction.
const PAYER: &str = "payer of fees";

/// Returns the ledger's header with its hash.
pub(super) fn header_entry(header: LedgerHeader) -> LedgerHeaderHistoryEntry {
    LedgerHeaderHistoryEntry { hash: XdrHash(header::hash_of(&header)), header, ..Default::default() }
}

/// Returns the whole ledger under this header.
pub(super) fn close_meta(ledger: &Ledger, header: LedgerHeaderHistoryEntry) -> LedgerCloseMeta {
    let native = native_asset_contract();
    let applied: Vec<_> = ledger.transactions.iter().map(|transaction| applied(transaction, &native)).collect();
    LedgerCloseMeta::V2(LedgerCloseMetaV2 {
        tx_set: header::transaction_set(header.header.previous_ledger_hash.0),
        ledger_header: header,
        tx_processing: applied.try_into().expect("a list holds up to 2^32 transactions"),
        evicted_keys: meta_changes::evicted_keys(&ledger.evictions).try_into().expect("a list holds up to 2^32 keys"),
        ..Default::default()
    })
}

fn applied(transaction: &Transaction, native: &ContractId) -> TransactionResultMetaV1 {
    let operations = if transaction.successful { vec![operation(transaction)] } else { Vec::new() };
    let fees = vec![
        fee_event(TransactionEventStage::BeforeAllTxs, native, FEE_CHARGED),
        fee_event(TransactionEventStage::AfterAllTxs, native, -FEE_REFUNDED),
    ];
    let meta = TransactionMetaV4 {
        operations: operations.try_into().expect("a list holds one operation"),
        soroban_meta: transaction
            .successful
            .then(|| SorobanTransactionMetaV2 { return_value: Some(ScVal::Void), ..Default::default() }),
        events: fees.try_into().expect("a list holds two events"),
        ..Default::default()
    };
    TransactionResultMetaV1 {
        result: header::result_pair(transaction),
        tx_apply_processing: TransactionMeta::V4(meta),
        ..Default::default()
    }
}

fn operation(transaction: &Transaction) -> OperationMetaV2 {
    let events: Vec<_> = transaction.events.iter().map(contract_event).collect();
    OperationMetaV2 {
        changes: meta_changes::changes(&transaction.changes),
        events: events.try_into().expect("a list holds up to 2^32 events"),
        ..Default::default()
    }
}

fn contract_event(event: &Event) -> ContractEvent {
    let kind = match event.kind {
        EventKind::Contract => ContractEventType::Contract,
        EventKind::System => ContractEventType::System,
    };
    let contract_id = ContractId(XdrHash(event.contract_id.to_bytes()));
    event_of(kind, contract_id, event.topics().map(value).collect(), value(event.value()))
}

/// Returns the value that was put in as base64. A ledger has room for values only: what is none is carried as its
/// bytes, so that the events around it keep their places.
fn value(text: &str) -> ScVal {
    encode::from_base64(text).unwrap_or_else(|| {
        let bytes = BASE64_STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec());
        ScVal::Bytes(bytes.try_into().expect("bytes have room for 2^32"))
    })
}

fn fee_event(stage: TransactionEventStage, native: &ContractId, stroops: i64) -> TransactionEvent {
    let payer = encode::sc_address(&accounts::account(PAYER)).expect("an account has an address");
    let topics = vec![encode::symbol("fee").expect("three bytes fit a symbol"), ScVal::Address(payer)];
    let event = event_of(ContractEventType::Contract, native.clone(), topics, encode::int128(stroops.into()));
    TransactionEvent { stage, event }
}

fn event_of(type_: ContractEventType, contract_id: ContractId, topics: Vec<ScVal>, data: ScVal) -> ContractEvent {
    let topics = topics.try_into().expect("a list holds up to 2^32 topics");
    let body = ContractEventBody::V0(ContractEventV0 { topics, data });
    ContractEvent { ext: ExtensionPoint::V0, contract_id: Some(contract_id), type_, body }
}

fn native_asset_contract() -> ContractId {
    let preimage = HashIdPreimage::ContractId(HashIdPreimageContractId {
        network_id: XdrHash(Sha256::digest(accounts::PASSPHRASE).into()),
        contract_id_preimage: ContractIdPreimage::Asset(Asset::Native),
    });
    ContractId(XdrHash(Sha256::digest(encode::to_xdr(&preimage)).into()))
}
