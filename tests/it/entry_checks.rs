//! Records beside the chain's own entries: marked where they are equal, completed and corrected where they are not.

use std::collections::BTreeMap;

use flowfi_indexer::{
    devnet::Call,
    domain::{Amount, Epoch, EventId, FieldDifference, LedgerSequence, StreamEntry, StreamId, StreamRecord},
    ingest::{Indexer, IngestSettings, LateEvents, PaceArgs, RecordState, write_late},
    store::{EntryChecks, EqualEntry, LateRows, Locks, Repair, StoreError, TakenEntry},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    late::decode,
    silent_writes::keep,
    world::{GatewaySettings, World, eventually, http_client},
};

const STREAM: StreamId = StreamId(1);

impl World {
    /// An indexer that compares records with the chain's entries.
    pub fn comparing(&self) -> Indexer {
        let pace = PaceArgs { records: RecordState::Both.into(), ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(self.source(), Vec::new(), self.store.clone(), settings)
    }

    pub async fn record(&self) -> StreamRecord {
        self.store.stream(&self.devnet.contract_id(), STREAM).await.unwrap().unwrap()
    }

    /// Waits until the record was compared with the chain after its last event.
    pub async fn certain(&self) {
        let is_certain = || async {
            let record = self.record().await;
            record.checked_at_ledger >= Some(record.last_event.ledger())
        };
        eventually("the record is certain", is_certain).await;
    }

    pub async fn corrections(&self) -> Vec<(String, String, String)> {
        let corrections = self.store.corrections_of(&self.devnet.contract_id(), STREAM, 10).await.unwrap();
        corrections.into_iter().map(|correction| (correction.field, correction.ours, correction.chains)).collect()
    }

    /// Changes the record behind the indexer's back, and lets an event of another stream have all that is not certain
    /// compared.
    async fn spoil(&self, change: &str) {
        let change = format!("update streams set checked_at_ledger = null, {change} where stream_id = '1'");
        sqlx::query(sqlx::AssertSqlSafe(change)).execute(&self.pool).await.unwrap();
    }

    async fn something_happens(&self) {
        self.create("carol", "dave", 1_000_000, 100).await;
    }
}

async fn compared(pool: PgPool) -> World {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.start(world.comparing());
    world.indexed().await;
    world.certain().await;
    world
}

#[sqlx::test]
async fn a_record_says_up_to_which_ledger_it_equals_the_chains_entry(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    world.call(Call::TopUp { stream_id: STREAM, caller: None, amount: Amount(500) }).await;
    world.indexed().await;
    world.certain().await;
    let (status, stream) = world.get(&base, "/v1/streams/1").await;
    assert_eq!(status, 200);
    assert!(stream["checkedAtLedger"].as_u64() >= stream["lastEventLedger"].as_u64(), "{stream}");
    assert_eq!((&stream["claimableReason"], &stream["schedule"]), (&Value::Null, &json!({"kind": "linear"})));
    assert!(world.corrections().await.is_empty());
    let revisions = world.store.revisions_after(0).await.unwrap();
    assert!(revisions.is_empty(), "nothing was revised: {revisions:?}");
}

#[sqlx::test]
async fn a_record_that_differs_is_corrected_and_keeps_what_it_was(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    world.spoil("deposited = 77, rate_per_second = 5").await;
    world.something_happens().await;
    world.certain().await;
    let record = world.record().await;
    assert_eq!(Some(StreamEntry::from(&record)), world.devnet.stream_entry(STREAM));
    let (deposited, rate) = (record.deposited.to_string(), record.rate_per_second.to_string());
    let text = str::to_owned;
    let expected = [(text("deposited_amount"), text("77"), deposited), (text("rate_per_second"), text("5"), rate)];
    assert_eq!(world.corrections().await, expected);
    let (_, answer) = world.get(&base, "/v1/streams/1/corrections").await;
    assert_eq!((&answer["data"][0]["field"], &answer["data"][0]["was"]), (&json!("deposited_amount"), &json!("77")));
    assert_eq!(world.store.revisions_after(0).await.unwrap().len(), 1, "readers are told");
    let metrics = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    for field in ["deposited_amount", "rate_per_second"] {
        let line = format!("flowfi_ingest_corrections_total{{field=\"{field}\"}} 1");
        assert!(metrics.lines().any(|found| found == line), "{line} is not in {metrics}");
    }
}

#[sqlx::test]
async fn a_correction_survives_a_late_fold_of_its_stream(pool: PgPool) {
    let world = compared(pool).await;
    world.spoil("withdrawn = 12").await;
    world.something_happens().await;
    world.certain().await;
    let baselines: i64 = sqlx::query_scalar("select count(*) from baselines").fetch_one(&world.pool).await.unwrap();
    assert_eq!(baselines, 1, "what the record was set from is kept");
}

#[sqlx::test]
async fn a_late_fold_that_comes_to_the_same_leaves_the_record_certain(pool: PgPool) {
    let world = compared(pool).await;
    let before = world.record().await;
    let (late, epoch) = (world.raw_events().await, world.store.epoch().await.unwrap());
    let late = LateEvents { events: late, ..LateEvents::default() };
    let folded = write_late(&world.store, &world.devnet.contract_id(), epoch, late).await.unwrap().unwrap();
    assert_eq!((folded.streams, world.record().await), (1, before));
}

#[sqlx::test]
async fn a_record_that_waits_for_its_entry_is_completed_and_that_is_no_correction(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    world.spoil("awaits_entry = true").await;
    let (_, stream) = world.get(&base, "/v1/streams/1").await;
    assert_eq!((&stream["claimableAmount"], &stream["claimableReason"]), (&Value::Null, &json!("notYetChecked")));
    assert_eq!(stream["schedule"], json!({"kind": "unknown", "reason": "notYetChecked"}));
    world.something_happens().await;
    world.certain().await;
    let (_, stream) = world.get(&base, "/v1/streams/1").await;
    assert_eq!((stream["claimableAmount"].is_string(), &stream["claimableReason"]), (true, &Value::Null));
    assert!(world.corrections().await.is_empty());
}

#[sqlx::test]
async fn event_rows_are_corrected_with_the_party_of_their_record(pool: PgPool) {
    let world = compared(pool).await;
    world.call(Call::Pause { stream_id: STREAM, caller: None }).await;
    world.indexed().await;
    world.certain().await;
    let stranger = world.devnet.account("stranger");
    world.spoil(&format!("recipient = '{stranger}'")).await;
    let rows = format!("update stream_events set recipient = '{stranger}' where type = 'stream.paused'");
    sqlx::query(sqlx::AssertSqlSafe(rows)).execute(&world.pool).await.unwrap();
    world.something_happens().await;
    world.certain().await;
    let left: i64 = sqlx::query_scalar("select count(*) from stream_events where recipient = $1")
        .bind(stranger.as_str())
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(world.corrections().await[0].0, "recipient");
}

/// A world with one stream that nobody compares.
async fn indexed(pool: PgPool) -> World {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world
}

impl World {
    async fn repair_with(&self, locks: Locks) -> Repair {
        self.store.begin_repair(&self.devnet.contract_id(), Epoch(0), locks).await.unwrap().unwrap()
    }

    /// Writes that the stream's entry was found to be deleted by the end of a ledger. Returns whether that closed the record.
    pub async fn check_finds_it_deleted_in(&self, at_ledger: LedgerSequence) -> bool {
        let last_event = self.record().await.last_event;
        self.write_that_it_is_deleted(at_ledger, last_event).await.unwrap() == [STREAM]
    }

    async fn write_that_it_is_deleted(
        &self,
        at_ledger: LedgerSequence,
        last_event: EventId,
    ) -> Result<Vec<StreamId>, StoreError> {
        let contract_id = self.devnet.contract_id();
        let gone = FieldDifference { field: "record", ours: "present".to_owned(), chains: "deleted".to_owned() };
        let checks = EntryChecks {
            contract_id: &contract_id,
            epoch: Epoch(0),
            at_ledger,
            equal: Vec::new(),
            taken: vec![TakenEntry { stream_id: STREAM, baseline: None, last_event, differences: vec![gone] }],
            unreadable: Vec::new(),
            missed_in: BTreeMap::new(),
        };
        self.store.write_entry_checks(&checks).await
    }

    /// Writes that the stream's record was found to be equal to the chain. Returns whether it counts as compared now.
    async fn check_finds_it_equal(&self) -> bool {
        self.check_finds_it_equal_and_alive_until(None).await
    }

    /// The same, and that its entry lives until a ledger.
    async fn check_finds_it_equal_and_alive_until(&self, live_until: Option<LedgerSequence>) -> bool {
        let (contract_id, last_event) = (self.devnet.contract_id(), self.record().await.last_event);
        let checks = EntryChecks {
            contract_id: &contract_id,
            epoch: Epoch(0),
            at_ledger: self.devnet.latest_ledger(),
            equal: vec![EqualEntry { stream_id: STREAM, last_event, live_until }],
            taken: Vec::new(),
            unreadable: Vec::new(),
            missed_in: BTreeMap::new(),
        };
        self.store.write_entry_checks(&checks).await.unwrap();
        self.record().await.checked_at_ledger.is_some()
    }

    async fn check_finds_it_deleted(&self) -> bool {
        self.check_finds_it_deleted_in(self.devnet.latest_ledger()).await
    }

    /// Waits until this many statements wait for a lock.
    async fn waiting(&self, statements: i64) {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
            and wait_event_type = 'Lock'";
        eventually("they wait", || async {
            sqlx::query_scalar::<_, i64>(waiting).fetch_one(&self.pool).await.unwrap() == statements
        })
        .await;
    }
}

#[sqlx::test]
async fn a_lifetime_is_the_one_that_the_chain_told_last(pool: PgPool) {
    let world = indexed(pool).await;
    let contract_id = world.devnet.contract_id();
    let lifetime = async || world.store.lifetimes(&contract_id, &[STREAM]).await.unwrap().get(&STREAM).copied();
    let told = async |until: u32| {
        let until = Some(LedgerSequence(until));
        world.devnet.close_ledger().unwrap();
        assert!(world.check_finds_it_equal_and_alive_until(until).await);
        assert_eq!(lifetime().await, until);
    };
    told(u32::MAX).await;
    told(1_000).await;
    world.devnet.close_ledger().unwrap();
    let position = EventId::end_of_ledger(world.devnet.latest_ledger());
    let baseline = "insert into baselines (contract_id, stream_id, toid, event_index, entry, last_modified_ledger, \
        live_until_ledger, revision) values ($1, '1', $2, $3, 'AAAA', 1, $4, 1)";
    sqlx::query(baseline)
        .bind(contract_id.as_str())
        .bind(position.toid())
        .bind(i64::from(position.index()))
        .bind(i64::from(u32::MAX))
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(lifetime().await, Some(LedgerSequence(u32::MAX)), "the entry was taken after the last check");
    told(900).await;
}

fn again() -> LateRows {
    LateRows { from_the_first: [STREAM].into(), ..LateRows::default() }
}

#[sqlx::test]
async fn a_repair_waits_for_a_check_that_is_being_written_and_starts_again(pool: PgPool) {
    let world = indexed(pool).await;
    let repair = world.repair_with(Locks::ToWrite).await;
    // A check tells readers after it has written the record, and those who tell do so one after the other.
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it begins")]
    let mut telling = world.pool.begin().await.unwrap();
    let locked = sqlx::query("select from network for update").execute(&mut *telling).await.unwrap();
    assert_eq!(locked.rows_affected(), 1);
    let repairing = async {
        world.waiting(1).await;
        repair.write(&again(), decode).await.unwrap()
    };
    let telling = async {
        world.waiting(2).await;
        telling.rollback().await.unwrap();
    };
    let (closed, repaired, ()) = tokio::join!(world.check_finds_it_deleted(), repairing, telling);
    assert!(closed && repaired.is_none(), "{repaired:?}");
    assert!(world.record().await.closed);
    let repaired = world.repair_with(Locks::ToWrite).await.write(&again(), decode).await.unwrap();
    assert_eq!(repaired.map(|repaired| repaired.streams), Some(1));
    assert!(world.record().await.closed, "the next attempt knows what the check found");
}

#[sqlx::test]
async fn no_check_is_written_while_a_repair_locks_its_records_from_the_beginning(pool: PgPool) {
    let world = indexed(pool).await;
    let mut repair = world.repair_with(Locks::FromTheBeginning).await;
    assert_eq!(repair.baselines_of(&[STREAM].into()).await.unwrap(), []);
    assert!(!world.check_finds_it_deleted().await);
    repair.write(&again(), decode).await.unwrap().expect("nobody comes in between");
    assert!(!world.record().await.closed);
    assert!(world.check_finds_it_deleted().await);
    assert!(world.record().await.closed);
}

#[sqlx::test]
async fn what_was_read_of_a_chain_is_not_written_once_its_tables_were_archived(pool: PgPool) {
    let world = indexed(pool).await;
    let (ledger, last_event) = (world.devnet.latest_ledger(), world.record().await.last_event);
    // As an archive does: it changes the tables that a check is about to write, and the epoch.
    let mut archiving = keep(&world.pool, "streams").await;
    sqlx::query("update network set epoch = epoch + 1").execute(&mut *archiving).await.unwrap();
    let archiving = async {
        world.waiting(1).await;
        archiving.commit().await.unwrap();
    };
    let (written, ()) = tokio::join!(world.write_that_it_is_deleted(ledger, last_event), archiving);
    assert!(matches!(written, Err(StoreError::OtherEpoch { .. })), "{written:?}");
    assert!(!world.record().await.closed);
}

#[sqlx::test]
async fn what_an_unreadable_event_spoke_of_is_compared_only_once_its_entry_is_taken_unless_it_is_closed(pool: PgPool) {
    let world = indexed(pool).await;
    for is_closed in [false, true] {
        world.spoil(&format!("unverified = true, closed = {is_closed}")).await;
        assert_eq!(world.check_finds_it_equal().await, is_closed, "a closed stream has no entry to take");
    }
}
