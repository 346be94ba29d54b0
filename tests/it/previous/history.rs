//! A short life of an index that exercises everything that tables can contain. The test closes the chain's ledgers at
//! fixed times, so that the same rows result every time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use flowfi_indexer::{
    devnet::{Call, Devnet, DevnetArgs, Input, NumberedCall},
    domain::{Amount, Clock, ContractId, EventId, LedgerRange, LedgerSequence, StreamId, UnixTime},
    ingest::{
        Follow, Indexer, IngestSettings, OnReset, PaceArgs, RecordState, Reindex, ReindexProgress, VerifySettings,
        backfill, verify,
    },
    source::WholeLedgers,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::sync::Notify;

use crate::{
    auth::{Access, Guarded},
    completeness::{LakeFolder, lake_of},
    world::{World, eventually},
};

/// Bob's unused ticket.
pub(super) const TICKET: &str = "the-ticket-of-a-previous-version";
/// When the recorded ticket and revocation expire.
const YEAR_2100: i64 = 4_102_444_800;
const FIRST_CLOSE: i64 = 1_735_689_600;
/// The index of the second epoch starts late, with this ledger.
const BEGINS_WITH: u32 = 12;
const KEPT_LEDGERS: u32 = 5;

/// Returns the local network that is recorded.
pub(super) fn network() -> DevnetArgs {
    DevnetArgs { contracts: 2, seed: 10, ..DevnetArgs::by_hand() }
}

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).unwrap()
    }
}

struct History {
    world: World,
    rng: StdRng,
    folder: LakeFolder,
}

/// Fills an empty database with current tables.
pub(super) async fn make(pool: &PgPool) {
    let clock = Arc::new(SetClock(AtomicI64::new(FIRST_CLOSE)));
    let devnet = Devnet::open(&network(), None, clock).unwrap();
    let world = World::on(pool.clone(), devnet).await;
    let folder = LakeFolder::new("lake-of-the-previous-version");
    let mut history = History { world, rng: StdRng::seed_from_u64(11), folder };
    history.first_epoch().await;
    history.an_interrupted_reindex().await;
    history.reset().await;
    history.every_kind_of_stream().await;
    history.ledgers_before_the_first().await;
    history.a_hole_that_a_lake_fills().await;
    history.a_gap_that_is_accepted().await;
    history.records_set_from_the_chain().await;
    history.an_operator_and_sign_in().await;
}

impl History {
    async fn first_epoch(&mut self) {
        self.across(&[
            (0, self.creation("alice", "bob", 1_000_000, 1_000)),
            (1, self.creation("carol", "dave", 500, 50)),
        ])
        .await;
        for _ in 0..4 {
            self.at_random(5).await;
        }
        self.index(None).await;
    }

    /// Starts the network over; the index of the new epoch starts late.
    async fn reset(&self) {
        self.world.devnet.reset().unwrap();
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(BEGINS_WITH)),
            poll_interval: Duration::from_millis(10),
            page_limit: 100,
            check_interval: Duration::from_hours(1),
            records: RecordState::Events.into(),
            follow: Follow::Events,
        };
        let settings = IngestSettings { pace, on_reset: OnReset::Archive, ..self.world.settings() };
        let indexer = Indexer::new(self.world.source(), Vec::new(), self.world.store.clone(), settings);
        self.run(indexer, async {
            let network = async || self.world.store.network().await.unwrap().unwrap();
            eventually("the next epoch has begun", || async { network().await.epoch.0 == 1 }).await;
            for contract_id in self.world.devnet.contract_ids() {
                eventually("its index has begun", || is_at_the_tip(&self.world, &contract_id)).await;
            }
        })
        .await;
    }

    async fn every_kind_of_stream(&mut self) {
        self.across(&[
            (0, self.creation("alice", "bob", 36_000_000, 36_000)),
            (1, self.creation("erin", "bob", 900, 90)),
        ])
        .await;
        self.across(&[(0, self.creation("bob", "alice", 7_000_000, 700))]).await;
        while self.world.devnet.latest_ledger().0 < BEGINS_WITH - 1 {
            self.at_random(1).await;
        }
        let created = self.world.devnet.stream_count();
        let nth = |number: usize| StreamId(u64::try_from(created + number).unwrap());
        for (sender, recipient, amount, duration) in [
            ("alice", "bob", 1_000_000_000, 1_000_000),
            ("alice", "carol", 2_000_000, 2_000),
            ("carol", "alice", 3_000_000, 3_000),
            ("dave", "erin", 4_000, 40),
            ("erin", "alice", 5_000, 50),
            ("frank", "alice", 6_000_000, 6_000),
        ] {
            self.across(&[(0, self.creation(sender, recipient, amount, duration))]).await;
        }
        let caller = None;
        for calls in [
            vec![Call::TopUp { stream_id: nth(1), caller: caller.clone(), amount: Amount(5_000_000) }],
            vec![Call::Pause { stream_id: nth(2), caller: caller.clone() }],
            vec![Call::Cancel { stream_id: nth(3), caller: caller.clone() }],
            vec![Call::Withdraw { stream_id: nth(1), caller: caller.clone() }],
            vec![Call::Withdraw { stream_id: nth(4), caller: caller.clone() }],
            vec![
                Call::Pause { stream_id: nth(6), caller: caller.clone() },
                Call::Cancel { stream_id: nth(6), caller: caller.clone() },
            ],
        ] {
            self.across(&calls.into_iter().map(|call| (0, call)).collect::<Vec<_>>()).await;
        }
        for _ in 0..12 {
            self.at_random(4).await;
        }
        self.put(vec![Input::Upgrade(flowfi_indexer::devnet::Upgrade::default())]).await;
        self.index(None).await;
    }

    async fn ledgers_before_the_first(&self) {
        let source = [WholeLedgers::of_endpoints(self.world.source(), StdRng::seed_from_u64(12)).unwrap()];
        let before = LedgerRange::new(LedgerSequence(2), LedgerSequence(BEGINS_WITH - 1)).unwrap();
        for contract_id in self.world.devnet.contract_ids() {
            backfill(&self.world.store, &contract_id, &source, before, |_| {}).await.unwrap();
        }
    }

    async fn a_hole_that_a_lake_fills(&mut self) {
        let from = self.world.devnet.latest_ledger();
        for _ in 0..3 {
            self.at_random(2).await;
        }
        self.quiet_ledgers(10);
        let all = from..=self.world.devnet.latest_ledger();
        self.world.devnet.write_lake(&self.folder.0, 1, 64_000, all).unwrap();
        self.world.devnet.set_retention(KEPT_LEDGERS);
        let lake = lake_of(&self.world, &self.folder).await;
        self.index(Some(lake)).await;
    }

    async fn a_gap_that_is_accepted(&mut self) {
        let from = self.world.devnet.latest_ledger().next();
        let created = self.world.devnet.stream_count() + 1;
        self.across(&[
            (0, self.creation("alice", "frank", 80_000, 8_000)),
            (1, self.creation("alice", "frank", 10, 10)),
        ])
        .await;
        self.quiet_ledgers(KEPT_LEDGERS + 3);
        let stream_id = StreamId(u64::try_from(created).unwrap());
        // A stream whose creation is in the gap.
        self.across(&[(0, Call::Withdraw { stream_id, caller: None })]).await;
        let oldest = LedgerSequence(self.world.devnet.latest_ledger().0 - KEPT_LEDGERS + 1);
        let gap = LedgerRange::new(from, LedgerSequence(oldest.0 - 1)).unwrap();
        for contract_id in self.world.devnet.contract_ids() {
            self.world.store.accept_gap(&contract_id, gap.with_slack()).await.unwrap();
        }
        self.index(None).await;
    }

    /// Sets records of the first contract only, so that the second one keeps a stream without a record.
    async fn records_set_from_the_chain(&mut self) {
        let contract_id = self.world.devnet.contract_id();
        let rng = StdRng::seed_from_u64(13);
        let settings = VerifySettings { sample: None, repair: true, patience: Duration::ZERO, rng };
        verify(&self.world.store, &self.world.source(), &contract_id, settings, |_| {}).await.unwrap();
        self.at_random(6).await;
        self.index(None).await;
    }

    async fn an_operator_and_sign_in(&mut self) {
        let store = self.world.store.clone();
        store.set_desired_state(true, "an operator").await.unwrap();
        store.set_desired_state(false, "another operator").await.unwrap();
        let (now, far) = (UnixTime(1), UnixTime(u64::try_from(YEAR_2100).unwrap()));
        store.consume_challenge(&[7; 32], far, now).await.unwrap();
        let devnet = Devnet::open(&network(), None, Arc::new(SetClock(AtomicI64::new(FIRST_CLOSE)))).unwrap();
        let guarded = Guarded::before(World::on(self.world.pool.clone(), devnet).await, &Access::default()).await;
        guarded.ticket(&guarded.token_of("bob"), &json!({"all": true})).await;
        sqlx::query(
            "update tickets set hash = $1, expires_at = $2,
                 token = token || jsonb_build_object('issuedAt', $3, 'expiresAt', $2)",
        )
        .bind(Sha256::digest(TICKET).to_vec())
        .bind(YEAR_2100)
        .bind(FIRST_CLOSE)
        .execute(&self.world.pool)
        .await
        .unwrap();
        let alice = self.world.devnet.account("alice");
        store.revoke(alice.as_str(), "an operator", (far, 0), None).await.unwrap();
    }

    /// Interrupts a reindex after the events of both contracts were processed, before the build is swapped in.
    async fn an_interrupted_reindex(&self) {
        let mut all = 0;
        for contract_id in self.world.devnet.contract_ids() {
            all += self.world.store.count_raw_events(&contract_id, EventId::ZERO).await.unwrap();
        }
        let built = Notify::new();
        let report = |at: ReindexProgress| {
            if at.done >= all {
                built.notify_one();
            }
        };
        let reindex = Reindex::open(&self.world.store).await.unwrap();
        tokio::select! {
            biased;
            () = built.notified() => {}
            _ = reindex.read_stored_and_swap(report) => panic!("it should have been interrupted"),
        }
    }

    fn creation(&self, sender: &str, recipient: &str, amount: i128, duration_seconds: u64) -> Call {
        self.world.creation(sender, recipient, amount, duration_seconds)
    }

    /// Closes a ledger ten seconds after the previous one, with one transaction of these calls.
    async fn across(&self, calls: &[(u8, Call)]) {
        let call = |(contract, call): &(u8, Call)| NumberedCall { contract: *contract, call: call.clone() };
        self.put(vec![Input::Across(calls.iter().map(call).collect())]).await;
    }

    async fn at_random(&mut self, count: usize) {
        let inputs = self.world.devnet.random_inputs(&mut self.rng, count);
        self.put(inputs).await;
    }

    async fn put(&self, inputs: Vec<Input>) {
        let answers: Vec<_> = inputs.into_iter().map(|input| self.world.devnet.submit(input)).collect();
        self.quiet_ledgers(1);
        for answer in answers {
            // A call that a later close time makes illegal is left out.
            let _ = answer.await;
        }
    }

    fn quiet_ledgers(&self, count: u32) {
        for _ in 0..count {
            let devnet = &self.world.devnet;
            devnet.close_ledger_at(devnet.latest_closed_at().plus_seconds(10)).unwrap();
        }
    }

    /// Runs an indexer of both contracts until it has reached the tip.
    async fn index(&self, lake: Option<WholeLedgers>) {
        let lake = lake.into_iter().collect();
        let indexer = Indexer::new(self.world.source(), lake, self.world.store.clone(), self.world.settings());
        self.run(indexer, async {
            for contract_id in self.world.devnet.contract_ids() {
                eventually("the tip is indexed", || is_at_the_tip(&self.world, &contract_id)).await;
            }
            eventually("the lists have their indexes", || has_query_indexes(&self.world.pool)).await;
        })
        .await;
    }

    async fn run(&self, indexer: Indexer, until: impl Future<Output = ()>) {
        let stop = self.world.stop.child_token();
        let until_then = async {
            until.await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(Box::pin(indexer.run(stop.clone())), until_then);
        ended.unwrap();
    }
}

async fn is_at_the_tip(world: &World, contract_id: &ContractId) -> bool {
    let progress = world.store.progress(contract_id).await.unwrap();
    progress.is_some_and(|progress| progress.last_whole_ledger >= world.devnet.latest_ledger())
}

async fn has_query_indexes(pool: &PgPool) -> bool {
    let count = "select count(*) from pg_indexes where schemaname = current_schema() and indexname = 'streams_by_end'";
    sqlx::query_scalar::<_, i64>(count).fetch_one(pool).await.unwrap() == 1
}
