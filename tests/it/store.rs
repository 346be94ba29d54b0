//! The commit: all or nothing, idempotent, by a single writer.

use std::pin::pin;

use chrono::DateTime;
use flowfi_indexer::{
    domain::{
        Address, Amount, ContractEvent, ContractId, Creator, Epoch, EventId, EventKind, LedgerSequence,
        RawContractEvent, StreamCreation, StreamEvent, StreamId, UnixTime,
    },
    store::{Batch, Committed, KnownLedger, Records, Store, StoreError, Writer},
};
use sqlx::{ConnectOptions, PgPool};

use crate::world::DEADLINE;

const CONTRACT: &str = "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC";
const SENDER: &str = "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";

fn contract() -> ContractId {
    CONTRACT.parse().unwrap()
}

fn party() -> Address {
    SENDER.parse().unwrap()
}

fn event(ledger: u32, index: u32, event: StreamEvent) -> ContractEvent {
    let raw = RawContractEvent {
        id: EventId::of(LedgerSequence(ledger), 1, 0, index).unwrap(),
        kind: EventKind::Contract,
        contract_id: contract(),
        ledger_closed_at: DateTime::from_timestamp(1_000 + i64::from(ledger), 0).unwrap(),
        tx_hash: "ab".repeat(32),
        in_successful_call: true,
        topics: vec!["AAAA".to_owned(), "BBBB".to_owned()],
        value: "CCCC".to_owned(),
    };
    ContractEvent { raw, event }
}

pub fn created(ledger: u32, stream: u64, deposited: i128) -> ContractEvent {
    let created = StreamCreation {
        stream_id: StreamId(stream),
        creator: Creator::Stream,
        schedule: None,
        sender: party(),
        recipient: party(),
        token_address: contract().into(),
        rate_per_second: Some(Amount(1)),
        deposited_amount: Some(Amount(deposited)),
        start_time: Some(UnixTime(u64::MAX)),
        step_count: None,
        last_unlock_time: None,
        cliff_time: None,
        cliff_unlock_amount: None,
    };
    event(ledger, 1, StreamEvent::Created(created))
}

fn topped_up(ledger: u32, stream: u64, amount: i128, new: i128) -> ContractEvent {
    let topped_up = StreamEvent::ToppedUp {
        stream_id: StreamId(stream),
        sender: party(),
        amount: Amount(amount),
        new_deposited_amount: Amount(new),
        new_end_time: Some(UnixTime(u64::MAX)),
    };
    event(ledger, 0, topped_up)
}

pub fn batch(events: Vec<ContractEvent>, ledger: u32) -> Batch {
    Batch {
        events,
        entries: Vec::new(),
        upgrades: Vec::new(),
        quarantined: Vec::new(),
        position: EventId::end_of_ledger(LedgerSequence(ledger)),
        last_whole_ledger: LedgerSequence(ledger),
        covered_by: Some(flowfi_indexer::domain::CoverageSource::Rpc),
        last_whole_ledger_closed_at: DateTime::from_timestamp(1_000 + i64::from(ledger), 0),
    }
}

pub async fn writer(store: &Store) -> Writer {
    let mut writer = Writer::try_acquire(store, contract().into()).await.unwrap().unwrap();
    if writer.position().is_none() {
        writer.start_at(LedgerSequence(1)).await.unwrap();
    }
    writer
}

/// Prepares and commits.
pub async fn commit(store: &Store, writer: &mut Writer, batch: Batch) -> Result<Committed, StoreError> {
    let prepared = store.prepare(batch, &Records::default()).await.unwrap();
    writer.commit(prepared).await
}

pub async fn deposited(store: &Store, stream: u64) -> Option<Amount> {
    store.stream(&contract(), StreamId(stream)).await.unwrap().map(|record| record.deposited)
}

#[sqlx::test]
async fn rows_records_and_cursor_are_written_together(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    let committed =
        commit(&store, &mut writer, batch(vec![created(2, 1, i128::MAX), created(3, u64::MAX, 5)], 3)).await.unwrap();
    assert_eq!(committed, Committed { events: 2, quarantined: 0, already_stored: 0 });
    assert_eq!(deposited(&store, 1).await, Some(Amount(i128::MAX)));
    assert_eq!(deposited(&store, u64::MAX).await, Some(Amount(5)), "ids use the whole range of u64");
    let progress = store.progress(&contract()).await.unwrap().unwrap();
    assert_eq!(progress.position, EventId::end_of_ledger(LedgerSequence(3)));
    assert_eq!(progress.last_whole_ledger, LedgerSequence(3));
}

#[sqlx::test]
async fn events_that_come_again_are_not_folded_again(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    let (creation, first, second) = (created(2, 1, 100), topped_up(3, 1, 50, 150), topped_up(4, 1, 7, 157));
    commit(&store, &mut writer, batch(vec![creation.clone(), first.clone()], 3)).await.unwrap();
    let committed = commit(&store, &mut writer, batch(vec![creation, first, second], 4)).await.unwrap();
    assert_eq!(committed, Committed { events: 1, quarantined: 0, already_stored: 2 });
    assert_eq!(deposited(&store, 1).await, Some(Amount(157)));
}

#[sqlx::test]
async fn a_failed_commit_leaves_nothing(pool: PgPool) {
    let store = Store::on(pool.clone());
    let mut writer = writer(&store).await;
    sqlx::query("alter table streams add constraint poor check (deposited < 100)").execute(&pool).await.unwrap();
    let failure = commit(&store, &mut writer, batch(vec![created(2, 1, 100)], 2)).await.unwrap_err();
    assert!(matches!(failure, StoreError::Refused(_)), "{failure}");
    assert_eq!(store.newest_event().await.unwrap(), None);
    let progress = store.progress(&contract()).await.unwrap().unwrap();
    assert_eq!(progress.position, EventId::end_of_ledger(LedgerSequence(0)), "the cursor stays with the rows");
}

#[sqlx::test]
async fn the_cursor_is_never_lowered(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    commit(&store, &mut writer, batch(Vec::new(), 9)).await.unwrap();
    assert!(matches!(commit(&store, &mut writer, batch(Vec::new(), 8)).await, Err(StoreError::Fenced)));
}

#[sqlx::test]
async fn there_is_only_one_writer_until_it_leaves(pool: PgPool) {
    let store = Store::on(pool);
    let first = writer(&store).await;
    assert!(Writer::try_acquire(&store, contract().into()).await.unwrap().is_none());
    first.release().await.unwrap();
    crate::world::eventually("the lock is free", || async {
        Writer::try_acquire(&store, contract().into()).await.unwrap().is_some()
    })
    .await;
}

#[sqlx::test]
async fn a_batch_prepared_while_another_is_committed_is_folded_onto_its_result(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    let first = batch(vec![created(2, 1, 100)], 2);
    let first = store.prepare(first, &Records::default()).await.unwrap();
    let second = batch(vec![topped_up(3, 1, 50, 150)], 3);
    let second = store.prepare(second, &first.records()).await.unwrap();
    writer.commit(first).await.unwrap();
    writer.commit(second).await.unwrap();
    assert_eq!(deposited(&store, 1).await, Some(Amount(150)));
}

#[sqlx::test]
async fn batches_are_committed_in_chain_order_or_not_at_all(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    let early = store.prepare(batch(vec![created(2, 1, 100)], 2), &Records::default()).await.unwrap();
    let late = store.prepare(batch(vec![created(3, 2, 100)], 3), &Records::default()).await.unwrap();
    writer.commit(late).await.unwrap();
    assert!(matches!(writer.commit(early).await, Err(StoreError::Fenced)), "the cursor is only raised");
}

#[sqlx::test]
async fn a_recorded_ledger_is_not_replaced_by_an_earlier_one(pool: PgPool) {
    let store = Store::on(pool.clone());
    let writer = Writer::try_acquire(&store, contract().into()).await.unwrap().unwrap();
    writer.claim("a network").await.unwrap();
    let notes = writer.chain_notes();
    let [two, three] = [2, 3].map(|number| KnownLedger { sequence: LedgerSequence(number), hash: number.to_string() });
    for (noted, known) in [(&two, &two), (&three, &three), (&two, &three)] {
        notes.note_ledger(Epoch(0), noted).await.unwrap();
        assert_eq!(store.network().await.unwrap().unwrap().known.as_ref(), Some(known));
    }
    let four = KnownLedger { sequence: LedgerSequence(4), hash: "4".to_owned() };
    let mut keeper = pool.acquire().await.unwrap();
    sqlx::raw_sql("begin; select from network for update").execute(&mut *keeper).await.unwrap();
    notes.note_ledger(Epoch(0), &four).await.unwrap();
    sqlx::raw_sql("rollback").execute(&mut *keeper).await.unwrap();
    assert_eq!(store.network().await.unwrap().unwrap().known.as_ref(), Some(&three), "a held row is not waited for");
    writer.release().await.unwrap();
    let late = notes.note_ledger(Epoch(0), &four).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "a writer that is gone records nothing: {late:?}");
    assert_eq!(store.network().await.unwrap().unwrap().known, Some(three));
}

#[sqlx::test]
async fn a_caller_that_is_dropped_while_a_transaction_begins_leaves_none_open(pool: PgPool) {
    let store = Store::connect(pool.connect_options().to_url_lossy().as_str(), 1, DEADLINE).await.unwrap();
    for polls in 1..30 {
        let mut revoking = pin!(store.revoke(SENDER, "operator", (UnixTime(1), 0), None));
        for _ in 0..polls {
            if futures_util::poll!(&mut revoking).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    store.contracts().await.unwrap();
    let in_transaction = "select count(*) from pg_stat_activity
                          where datname = current_database() and pid <> pg_backend_pid() and state like 'idle in %'";
    let open: i64 = sqlx::query_scalar(in_transaction).fetch_one(&pool).await.unwrap();
    assert_eq!(open, 0);
}
