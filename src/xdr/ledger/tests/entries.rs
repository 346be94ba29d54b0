//! Changes of entries in ledgers that no fixture has.

use std::collections::BTreeMap;

use serde_json::json;
use stellar_xdr::{
    ContractCodeEntry, ContractDataDurability, ContractDataEntry, DependentTxCluster, FeeBumpTransaction,
    FeeBumpTransactionEnvelope, FeeBumpTransactionInnerTx, GeneralizedTransactionSet, LedgerCloseMetaV0,
    LedgerCloseMetaV1, LedgerEntry, LedgerEntryChange, LedgerEntryChanges, LedgerEntryData, LedgerFootprint, LedgerKey,
    LedgerKeyContractData, LedgerKeyTtl, OperationMeta, ParallelTxExecutionStage, ParallelTxsComponent, ScAddress,
    SorobanResources, SorobanTransactionData, Transaction as XdrTransaction, TransactionEnvelope, TransactionExt,
    TransactionMetaV1, TransactionMetaV2, TransactionMetaV3, TransactionPhase, TransactionResultMeta, TransactionSetV1,
    TransactionV1Envelope, TtlEntry, TxSetComponent, TxSetComponentTxsMaybeDiscountedFee, VecM,
};

use super::*;
use crate::domain::{
    EntryChangeKind::{self, Removed, Restored, Updated},
    EntryDurability, RawEntryChange,
};

const OURS: [u8; 32] = [7; 32];
const ANOTHERS: [u8; 32] = [8; 32];
const LEDGER: LedgerSequence = LedgerSequence(7);

fn key(contract: [u8; 32], number: u32) -> LedgerKeyContractData {
    let contract = ScAddress::Contract(XdrContractId(Hash(contract)));
    LedgerKeyContractData { contract, key: ScVal::U32(number), durability: ContractDataDurability::Persistent }
}

fn entry_of(data: LedgerEntryData) -> LedgerEntry {
    LedgerEntry { last_modified_ledger_seq: 5, data, ..LedgerEntry::default() }
}

/// Our contract's entry whose key and value are this number.
fn entry(number: u32) -> LedgerEntry {
    let LedgerKeyContractData { contract, key, durability } = key(OURS, number);
    let val = ScVal::U32(number);
    entry_of(LedgerEntryData::ContractData(ContractDataEntry { contract, key, durability, val, ..Default::default() }))
}

fn created(number: u32) -> LedgerEntryChange {
    LedgerEntryChange::Created(entry(number))
}

fn ttl(of: LedgerKeyContractData, live_until_ledger_seq: u32) -> LedgerEntry {
    let key_hash = Hash(Sha256::digest(LedgerKey::ContractData(of).to_xdr(LIMITS).unwrap()).into());
    entry_of(LedgerEntryData::Ttl(TtlEntry { key_hash, live_until_ledger_seq }))
}

fn changes(changes: Vec<LedgerEntryChange>) -> LedgerEntryChanges {
    LedgerEntryChanges(changes.try_into().unwrap())
}

/// What one transaction changes, list by list.
#[derive(Clone, Default)]
struct Changes {
    fee: Vec<LedgerEntryChange>,
    before: Vec<LedgerEntryChange>,
    operations: Vec<Vec<LedgerEntryChange>>,
    after: Vec<LedgerEntryChange>,
    refund: Vec<LedgerEntryChange>,
}

impl Changes {
    /// One of each list and two operations, with numbers from this one on.
    fn numbered(first: u32) -> Self {
        let one = |more: u32| vec![created(first + more)];
        Self { fee: one(0), before: one(1), operations: vec![one(2), one(3)], after: one(4), refund: one(5) }
    }

    fn of_operation(changes: Vec<LedgerEntryChange>) -> Self {
        Self { operations: vec![changes], ..Self::default() }
    }

    /// The metadata of this version, without the lists that it does not have.
    fn meta(self, version: u32) -> TransactionMeta {
        let (tx_changes_before, tx_changes_after) = (changes(self.before), changes(self.after));
        let operations = self.operations.into_iter().map(changes);
        let older = || {
            let operations = operations.clone().map(|changes| OperationMeta { changes });
            operations.collect::<Vec<_>>().try_into().unwrap()
        };
        match version {
            0 => TransactionMeta::V0(older()),
            1 => TransactionMeta::V1(TransactionMetaV1 { tx_changes: tx_changes_before, operations: older() }),
            2 => TransactionMeta::V2(TransactionMetaV2 { tx_changes_before, operations: older(), tx_changes_after }),
            3 => TransactionMeta::V3(TransactionMetaV3 {
                tx_changes_before,
                operations: older(),
                tx_changes_after,
                ..TransactionMetaV3::default()
            }),
            _ => {
                let operations = operations.map(|changes| OperationMetaV2 { changes, ..OperationMetaV2::default() });
                let operations = operations.collect::<Vec<_>>().try_into().unwrap();
                let meta = TransactionMetaV4 { tx_changes_before, operations, tx_changes_after, ..Default::default() };
                TransactionMeta::V4(meta)
            }
        }
    }
}

/// A ledger of these transactions: whether each succeeded, and what it changed. The versions are those of the ledger and
/// of the metadata.
fn ledger_of((version, of_meta): (u32, u32), transactions: Vec<(bool, Changes)>) -> LedgerCloseMeta {
    let results = transactions.into_iter().zip(1..).map(|((succeeds, of_transaction), number)| {
        let mut result = TransactionResultPair { transaction_hash: Hash([number; 32]), ..Default::default() };
        let failure = TransactionResultResult::TxFailed(VecM::default());
        result.result.result = if succeeds { success() } else { failure };
        TransactionResultMetaV1 {
            result,
            fee_processing: changes(of_transaction.fee.clone()),
            post_tx_apply_fee_processing: changes(of_transaction.refund.clone()),
            tx_apply_processing: of_transaction.meta(of_meta),
            ..Default::default()
        }
    });
    let older = || {
        let older =
            results.clone().map(|TransactionResultMetaV1 { result, fee_processing, tx_apply_processing, .. }| {
                TransactionResultMeta { result, fee_processing, tx_apply_processing }
            });
        older.collect::<Vec<_>>().try_into().unwrap()
    };
    let mut ledger_header = LedgerHeaderHistoryEntry::default();
    ledger_header.header.ledger_seq = LEDGER.0;
    match version {
        0 => LedgerCloseMeta::V0(LedgerCloseMetaV0 { ledger_header, tx_processing: older(), ..Default::default() }),
        1 => LedgerCloseMeta::V1(LedgerCloseMetaV1 { ledger_header, tx_processing: older(), ..Default::default() }),
        _ => {
            let tx_processing = results.collect::<Vec<_>>().try_into().unwrap();
            LedgerCloseMeta::V2(LedgerCloseMetaV2 { ledger_header, tx_processing, ..Default::default() })
        }
    }
}

/// A ledger of one transaction with one operation.
fn of_changes(changes: Vec<LedgerEntryChange>) -> LedgerCloseMeta {
    ledger_of((1, 3), vec![(true, Changes::of_operation(changes))])
}

/// What our contract's entries changed: the same whether the ledger is read whole or scanned.
fn found(meta: LedgerCloseMeta) -> Vec<RawEntryChange> {
    let contract_ids = [ContractId::from_bytes(OURS)];
    let xdr = meta.to_xdr(LIMITS).unwrap();
    let ledger = Ledger::new(meta).unwrap();
    let entries = ledger.contract_entry_changes(&contract_ids);
    let scan = scan_ledger(&xdr, &contract_ids, LedgerContents::EventsAndEntries).unwrap();
    assert_eq!(scan, LedgerScan { header: ledger.header.clone(), events: Vec::new(), entries: entries.clone() });
    let without = scan_ledger(&xdr, &contract_ids, LedgerContents::Events).unwrap();
    assert_eq!(without, LedgerScan { entries: Vec::new(), ..scan });
    entries
}

fn number_of(base64: &str) -> u32 {
    let value = value::scval_from_base64(base64, &|| "the key".to_owned()).unwrap();
    let ScVal::U32(number) = value else { panic!("{value:?}") };
    number
}

fn end_of_transaction(number: u32) -> EventId {
    EventId::of(LEDGER, number, 4095, u32::MAX).unwrap()
}

#[test]
fn every_list_of_changes_in_every_version_is_read_in_the_order_of_application() {
    let (before_all, after_all) = (0, 1_048_575);
    for (of_ledger, of_meta) in [(0, 0), (0, 1), (0, 2), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4)] {
        let transactions = [10, 20].map(|first| (true, Changes::numbered(first)));
        let meta = ledger_of((of_ledger, of_meta), transactions.to_vec());
        let mut wanted = vec![(before_all, 10), (before_all, 20)];
        for (number, first) in [(1, 10), (2, 20)] {
            wanted.extend((of_meta > 0).then_some((number, first + 1)));
            wanted.extend([(number, first + 2), (number, first + 3)]);
            wanted.extend((of_meta > 1).then_some((number, first + 4)));
        }
        if of_ledger == 2 {
            wanted.extend([(after_all, 15), (after_all, 25)]);
        }
        let lines = Ledger::new(meta.clone()).unwrap().entry_changes();
        let found: Vec<_> = found(meta).iter().map(|change| (change.position, number_of(&change.key))).collect();
        let wanted: Vec<_> = wanted.into_iter().map(|(number, key)| (end_of_transaction(number), key)).collect();
        assert_eq!(found, wanted, "a ledger of version {of_ledger}, metadata of version {of_meta}");
        assert!(lines.iter().map(|line| number_of(&line.key)).eq(wanted.iter().map(|(_, key)| *key)));
    }
}

#[test]
fn a_line_has_the_number_of_the_operation_or_null_where_the_transaction_made_the_change() {
    let meta = ledger_of((2, 4), vec![(true, Changes::numbered(10))]);
    let lines: Vec<_> = Ledger::new(meta).unwrap().entry_changes().iter().map(|line| json!(line)).collect();
    let operations: Vec<_> = lines.iter().map(|line| line["op"].clone()).collect();
    let null = Value::Null;
    assert_eq!(operations, [null.clone(), null.clone(), json!(0), json!(1), null.clone(), null]);
    assert!(lines.iter().all(|line| line["tx"] == 1 && line["txHash"] == "01".repeat(32)));
}

#[test]
fn operations_of_a_failed_transaction_change_nothing() {
    let meta = ledger_of((2, 4), vec![(false, Changes::numbered(10))]);
    let keys: Vec<_> = found(meta).iter().map(|change| number_of(&change.key)).collect();
    assert_eq!(keys, [10, 11, 14, 15]);
}

#[test]
fn only_changes_of_the_contracts_own_entries_count_and_not_what_stood_before_them() {
    let mut of_another = entry(12);
    let LedgerEntryData::ContractData(data) = &mut of_another.data else { panic!() };
    data.contract = key(ANOTHERS, 12).contract;
    let mut temporary = key(OURS, 15);
    temporary.durability = ContractDataDurability::Temporary;
    let operation = vec![
        LedgerEntryChange::State(entry(11)),
        LedgerEntryChange::Updated(entry(11)),
        LedgerEntryChange::Created(of_another),
        LedgerEntryChange::Created(entry_of(LedgerEntryData::ContractCode(ContractCodeEntry::default()))),
        LedgerEntryChange::Restored(entry(13)),
        LedgerEntryChange::Removed(LedgerKey::ContractData(key(OURS, 14))),
        LedgerEntryChange::Removed(LedgerKey::ContractData(temporary)),
        LedgerEntryChange::Removed(LedgerKey::ContractData(key(ANOTHERS, 16))),
    ];
    let found = found(of_changes(operation));
    let kinds: Vec<_> = found.iter().map(|change| (change.kind, number_of(&change.key))).collect();
    assert_eq!(kinds, [(Updated, 11), (Restored, 13), (Removed, 14), (Removed, 15)]);
    assert_eq!(found[2].durability, EntryDurability::Persistent);
    assert_eq!(found[3].durability, EntryDurability::Temporary);
    let stored = found[0].entry.as_ref().unwrap();
    assert_eq!(stored.last_modified_ledger, LedgerSequence(5));
    let data = LedgerEntryData::from_xdr(BASE64_STANDARD.decode(&stored.xdr).unwrap(), LIMITS).unwrap();
    assert_eq!(data, entry(11).data);
    assert!(found[2].entry.is_none());
    assert_eq!(found[0].tx_hash, Some("01".repeat(32)));
    assert!(found.iter().all(|change| change.ledger() == LEDGER && change.contract_id.to_bytes() == OURS));
}

#[test]
fn a_change_has_the_lifetime_that_its_transaction_sets() {
    let of_own_key = |number, until| ttl(key(OURS, number), until);
    let operation = vec![
        LedgerEntryChange::Restored(of_own_key(11, 1_000)),
        LedgerEntryChange::Restored(entry(11)),
        LedgerEntryChange::State(of_own_key(11, 9_000)),
        LedgerEntryChange::Updated(of_own_key(11, 2_000)),
        LedgerEntryChange::Created(entry(12)),
        LedgerEntryChange::Created(of_own_key(12, u32::MAX)),
        LedgerEntryChange::Created(entry(13)),
        LedgerEntryChange::Created(ttl(key(ANOTHERS, 13), 3_000)),
    ];
    let found = found(of_changes(operation));
    let lives: Vec<_> = found.iter().map(|change| (number_of(&change.key), change.live_until_ledger)).collect();
    let wanted = [(11, Some(LedgerSequence(2_000))), (12, Some(LedgerSequence::LAST)), (13, None)];
    assert_eq!(lives, wanted);
}

fn envelope(read_only: Vec<LedgerKey>, read_write: Vec<LedgerKey>) -> TransactionV1Envelope {
    let footprint =
        LedgerFootprint { read_only: read_only.try_into().unwrap(), read_write: read_write.try_into().unwrap() };
    let resources = SorobanResources { footprint, ..SorobanResources::default() };
    let data = SorobanTransactionData { resources, ..SorobanTransactionData::default() };
    let tx = XdrTransaction { ext: TransactionExt::V1(data), ..XdrTransaction::default() };
    TransactionV1Envelope { tx, ..TransactionV1Envelope::default() }
}

fn of_phases(phases: Vec<TransactionPhase>) -> GeneralizedTransactionSet {
    let phases = phases.try_into().unwrap();
    GeneralizedTransactionSet::V1(TransactionSetV1 { phases, ..TransactionSetV1::default() })
}

/// A set with footprints that name our keys 11 to 13, one in each of the places where a key can stand.
fn transactions_that_name_our_keys() -> GeneralizedTransactionSet {
    let named = |number| vec![LedgerKey::ContractData(key(OURS, number))];
    let anothers = vec![LedgerKey::ContractData(key(ANOTHERS, 14))];
    let in_order = TransactionEnvelope::Tx(envelope(named(11), anothers));
    let component = TxSetComponentTxsMaybeDiscountedFee { txs: vec![in_order].try_into().unwrap(), base_fee: None };
    let component = TxSetComponent::TxsetCompTxsMaybeDiscountedFee(component);
    let inner_tx = FeeBumpTransactionInnerTx::Tx(envelope(Vec::new(), named(12)));
    let tx = FeeBumpTransaction { inner_tx, ..FeeBumpTransaction::default() };
    let fee_bump = TransactionEnvelope::TxFeeBump(FeeBumpTransactionEnvelope { tx, ..Default::default() });
    let in_parallel = vec![fee_bump, TransactionEnvelope::Tx(envelope(Vec::new(), named(13)))];
    let cluster = DependentTxCluster(in_parallel.try_into().unwrap());
    let stage = ParallelTxExecutionStage(vec![cluster].try_into().unwrap());
    let parallel = ParallelTxsComponent { execution_stages: vec![stage].try_into().unwrap(), base_fee: None };
    let phase = TransactionPhase::V0(vec![component].try_into().unwrap());
    of_phases(vec![phase, TransactionPhase::V1(parallel)])
}

/// A ledger of two transactions whose footprints name our keys; one of them makes these changes.
fn named(version: u32, which: usize, changes: Vec<LedgerEntryChange>) -> LedgerCloseMeta {
    let mut transactions = vec![(true, Changes::default()); 2];
    transactions[which].1.operations = vec![changes];
    let mut meta = ledger_of((version, 4), transactions);
    match &mut meta {
        LedgerCloseMeta::V1(meta) => meta.tx_set = transactions_that_name_our_keys(),
        LedgerCloseMeta::V2(meta) => meta.tx_set = transactions_that_name_our_keys(),
        LedgerCloseMeta::V0(_) => panic!("it has no footprints"),
    }
    meta
}

#[test]
fn an_extension_alone_is_a_change_of_the_entry_whose_key_a_footprint_names() {
    let longer = |contract, number, until| LedgerEntryChange::Updated(ttl(key(contract, number), until));
    for version in [1, 2] {
        let operation = vec![
            longer(OURS, 13, 130),
            longer(ANOTHERS, 14, 140),
            longer(OURS, 11, 100),
            longer(OURS, 11, 110),
            longer(OURS, 15, 150),
            longer(OURS, 12, 120),
        ];
        let found = found(named(version, 1, operation));
        let lives: BTreeMap<_, _> =
            found.iter().map(|change| (number_of(&change.key), change.live_until_ledger.unwrap().0)).collect();
        assert_eq!((found.len(), lives), (3, BTreeMap::from([(11, 110), (12, 120), (13, 130)])));
        for change in &found {
            assert_eq!((change.kind, &change.entry), (EntryChangeKind::Extended, &None));
            assert_eq!((change.position, &change.tx_hash), (end_of_transaction(2), &Some("02".repeat(32))));
        }
        assert_eq!(Ledger::new(named(version, 1, vec![longer(OURS, 11, 110)])).unwrap().entry_changes(), []);
    }
}

#[test]
fn of_the_lifetimes_that_transactions_of_one_ledger_give_an_entry_the_longest_counts() {
    let longer = |until| LedgerEntryChange::Updated(ttl(key(OURS, 11), until));
    let restored = LedgerEntryChange::Restored(ttl(key(OURS, 11), 150));
    let transactions = [longer(434), longer(234), longer(1_034), restored, longer(140)];
    let transactions = transactions.map(|change| (true, Changes::of_operation(vec![change])));
    let mut meta = ledger_of((2, 4), transactions.to_vec());
    let LedgerCloseMeta::V2(inner) = &mut meta else { panic!() };
    inner.tx_set = transactions_that_name_our_keys();
    let lives: Vec<_> = found(meta).iter().map(|change| change.live_until_ledger.unwrap().0).collect();
    assert_eq!(lives, [434, 434, 1_034, 150, 150]);
}

#[test]
fn an_entry_that_is_changed_and_extended_gives_one_change() {
    let operation = vec![
        LedgerEntryChange::Updated(entry(11)),
        LedgerEntryChange::Updated(ttl(key(OURS, 11), 110)),
        LedgerEntryChange::Removed(LedgerKey::ContractData(key(OURS, 12))),
        LedgerEntryChange::Updated(ttl(key(OURS, 12), 120)),
    ];
    let found = found(named(2, 1, operation));
    let told: Vec<_> = found.iter().map(|change| (change.kind, change.live_until_ledger)).collect();
    assert_eq!(told, [(EntryChangeKind::Updated, Some(LedgerSequence(110))), (EntryChangeKind::Removed, None)]);
}

#[test]
fn evictions_come_last_and_have_no_transaction() {
    let hash = |of| {
        let LedgerEntryData::Ttl(ttl) = ttl(of, 0).data else { panic!() };
        LedgerKey::Ttl(LedgerKeyTtl { key_hash: ttl.key_hash })
    };
    let mut temporary = key(OURS, 12);
    temporary.durability = ContractDataDurability::Temporary;
    let keys = [temporary, key(ANOTHERS, 13), key(OURS, 11)];
    let evicted: Vec<_> = keys.into_iter().flat_map(|key| [LedgerKey::ContractData(key.clone()), hash(key)]).collect();
    for version in [1, 2] {
        let mut meta = ledger_of((version, 4), vec![(true, Changes::of_operation(vec![created(14)]))]);
        match &mut meta {
            LedgerCloseMeta::V1(meta) => meta.evicted_keys = evicted.clone().try_into().unwrap(),
            LedgerCloseMeta::V2(meta) => meta.evicted_keys = evicted.clone().try_into().unwrap(),
            LedgerCloseMeta::V0(_) => {}
        }
        let found = found(meta.clone());
        let [.., first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!([number_of(&first.key), number_of(&second.key)], [12, 11]);
        assert_eq!([first.durability, second.durability], [EntryDurability::Temporary, EntryDurability::Persistent]);
        for change in [first, second] {
            assert_eq!((change.kind, &change.tx_hash), (EntryChangeKind::Evicted, &None));
            assert_eq!(change.position, EventId::end_of_ledger(LEDGER));
        }
        assert_eq!(found.iter().filter(|change| change.kind == EntryChangeKind::Evicted).count(), 2);
        let lines = Ledger::new(meta).unwrap().entry_changes();
        assert_eq!(lines.iter().filter(|line| line.cause.is_none()).count(), 3);
        assert!(lines.iter().rev().take(3).all(|line| line.change == EntryChangeKind::Evicted));
    }
}

#[test]
fn nothing_is_read_beyond_the_last_change() {
    let longer = LedgerEntryChange::Updated(ttl(key(OURS, 11), 110));
    for change in [LedgerEntryChange::Updated(entry(11)), longer] {
        let mut xdr = named(1, 0, vec![change]).to_xdr(LIMITS).unwrap();
        // The last 4 in it is the version of the second transaction's metadata.
        let version = xdr.windows(4).rposition(|word| word == [0, 0, 0, 4]).unwrap();
        xdr[version + 3] = 99;
        let scan = scan_ledger(&xdr, &[ContractId::from_bytes(OURS)], LedgerContents::EventsAndEntries).unwrap();
        assert_eq!(scan.entries.len(), 1);
        assert!(LedgerCloseMeta::from_xdr(xdr, LIMITS).is_err());
    }
}
