//! Streams of the contract's second version, from the local network to the API: every schedule is shown and computed as
//! the contract itself answers.

use flowfi_indexer::{
    devnet::{Call, Condition, ContractCode, DevnetArgs, Milestone, Tranche},
    domain::{Amount, CoverageSource, LedgerRange, LedgerSequence, StreamEntry, StreamId, UnixTime},
    ingest::{Indexer, IngestSettings, PaceArgs, RecordState, backfill},
    source::{EndpointPool, WholeLedgers},
    xdr::LedgerContents,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::json;
use sqlx::PgPool;

use crate::world::{GatewaySettings, World, eventually};

const DAY: u64 = 86_400;

async fn second_version(pool: PgPool) -> World {
    World::with_devnet(pool, &DevnetArgs { contract_code: ContractCode::B, fee_bps: 0, ..DevnetArgs::by_hand() }).await
}

impl World {
    fn now(&self) -> u64 {
        self.devnet.latest_closed_at().0
    }

    fn with_cliff(&self) -> Call {
        let (sender, recipient) = (self.devnet.account("alice"), self.devnet.account("bob"));
        let (token, amount) = (self.token(), Amount(1_000_000));
        Call::CreateWithCliff { sender, recipient, token, amount, duration_seconds: 1_000, cliff_seconds: 400 }
    }

    fn in_steps(&self) -> Call {
        let (sender, recipient) = (self.devnet.account("alice"), self.devnet.account("bob"));
        let (token, amount, at) = (self.token(), Amount(900), self.now() + DAY);
        let step = |number: u64| Tranche { unlock_amount: Amount(300), unlock_time: at + number * DAY };
        Call::CreateSteps { sender, recipient, token, amount, steps: (0..3).map(step).collect() }
    }

    fn with_lump(&self) -> Call {
        let (sender, recipient) = (self.devnet.account("alice"), self.devnet.account("bob"));
        let (token, amount, cliff_time) = (self.token(), Amount(1_000_000), self.now() + DAY);
        let cliff_amount = Amount(250_000);
        Call::CreateHybrid { sender, recipient, token, amount, cliff_time, cliff_amount, linear_seconds: 1_000 }
    }

    fn on_conditions(&self) -> Call {
        let (sender, recipient) = (self.devnet.account("alice"), self.devnet.account("bob"));
        let milestone = |milestone_id: u32| Milestone {
            milestone_id,
            amount: Amount(500),
            condition: Condition::TimeOnly(1),
            is_unlocked: false,
        };
        let milestones = vec![milestone(1), milestone(2)];
        Call::CreateConditional { sender, recipient, token: self.token(), amount: Amount(1_000), milestones }
    }

    /// Makes streams 1 to 6, of each schedule, and lets things happen to them that only this version knows.
    async fn make_streams(&self) {
        for creation in [self.with_cliff(), self.in_steps(), self.with_lump(), self.on_conditions()] {
            self.call(creation).await;
        }
        for _ in 5..=6 {
            self.create("alice", "bob", 1_000_000, 1_000).await;
        }
        let (stream_id, caller) = (StreamId(5), None);
        self.call(Call::TransferRecipient { stream_id, caller: None, new_recipient: self.devnet.account("carol") })
            .await;
        self.call(Call::ModifyRate { stream_id, caller, rate_per_second: Amount(7) }).await;
        let unlock = Call::UnlockMilestone { stream_id: StreamId(4), caller: None, milestone_id: 1, reading: None };
        self.call(unlock).await;
        self.call(Call::Cancel { stream_id: StreamId(6), caller: None }).await;
        self.call(Call::Close { stream_id: StreamId(6), caller: None }).await;
    }

    /// An indexer that takes entries from the whole ledgers of this source.
    fn taking_entries_from(&self, source: EndpointPool) -> Indexer {
        let pace = PaceArgs { records: RecordState::Both.into(), ..self.settings().pace };
        let settings = IngestSettings { pace, ..self.settings() };
        Indexer::new(source.read_for(LedgerContents::EventsAndEntries), Vec::new(), self.store.clone(), settings)
    }

    /// Waits until every record was compared with the chain after its last event.
    async fn all_certain(&self) {
        self.indexed().await;
        let contract_id = self.devnet.contract_id();
        let is_certain =
            || async { self.store.uncertain_streams(&contract_id, StreamId(0), 100).await.unwrap().is_empty() };
        eventually("every record is certain", is_certain).await;
    }

    async fn assert_streams_are_the_contracts(&self) {
        let contract_id = self.devnet.contract_id();
        for number in 1..=5 {
            let record = self.store.stream(&contract_id, StreamId(number)).await.unwrap().unwrap();
            assert_eq!(Some(StreamEntry::from(&record)), self.devnet.stream_entry(StreamId(number)), "{number}");
            for later in [0, 1, 399, 400, 401, DAY, 2 * DAY, 3 * DAY, 10 * DAY, u64::MAX - self.now()] {
                let at = UnixTime(self.now() + later);
                let (ours, contracts) = (record.claimable(at), self.devnet.claimable(StreamId(number), at));
                assert_eq!(ours.ok(), contracts, "stream {number} after {later} s");
            }
        }
        assert_eq!(self.devnet.stream_entry(StreamId(6)), None, "the contract deleted it");
    }
}

async fn assert_the_api_shows_them(world: &mut World) {
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut kinds = Vec::new();
    for number in 1..=6 {
        let (_, stream) = world.get(&base, &format!("/v1/streams/{number}")).await;
        assert!(stream["checkedAtLedger"].as_u64() >= stream["lastEventLedger"].as_u64(), "{stream}");
        kinds.push(stream["schedule"]["kind"].as_str().unwrap().to_owned());
    }
    assert_eq!(kinds, ["cliff", "steps", "cliffLump", "steps", "linear", "linear"]);
    let (_, closed) = world.get(&base, "/v1/streams/6").await;
    assert_eq!((&closed["status"], &closed["claimableReason"]), (&json!("closed"), &json!("closed")));
    for party in ["bob", "carol"] {
        let address = world.devnet.account(party);
        let (_, page) =
            world.get(&base, &format!("/v1/events?address={address}&type=stream.recipient_transferred")).await;
        assert_eq!(page["total"], 1, "{party} is a party of the transfer");
    }
    let (_, of_carol) = world.get(&base, &format!("/v1/streams?user={}", world.devnet.account("carol"))).await;
    assert_eq!((&of_carol["total"], &of_carol["data"][0]["streamId"]), (&json!(1), &json!("5")));
}

#[sqlx::test]
async fn streams_of_every_schedule_are_the_contracts_at_the_tip(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.start(world.comparing());
    world.indexed().await;
    world.make_streams().await;
    world.all_certain().await;
    world.assert_streams_are_the_contracts().await;
    assert_the_api_shows_them(&mut world).await;
}

#[sqlx::test]
async fn streams_of_every_schedule_are_the_contracts_after_a_catch_up(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.make_streams().await;
    world.start(world.comparing());
    world.all_certain().await;
    world.assert_streams_are_the_contracts().await;
    assert_the_api_shows_them(&mut world).await;
    let corrected = world.store.correction_counts().await.unwrap();
    assert!(corrected.is_empty(), "the rules of the second version were followed: {corrected:?}");
}

#[sqlx::test]
async fn streams_of_every_schedule_are_the_contracts_at_the_tip_of_whole_ledgers(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.start(world.taking_entries_from(world.source().by_whole_ledgers().unwrap()));
    world.indexed().await;
    world.make_streams().await;
    world.all_certain().await;
    world.assert_streams_are_the_contracts().await;
    assert_the_api_shows_them(&mut world).await;
    let covered = world.store.coverage(&world.devnet.contract_id()).await.unwrap();
    assert!(covered.iter().all(|covered| covered.source == CoverageSource::GetLedgers), "{covered:?}");
}

#[sqlx::test]
async fn streams_of_every_schedule_are_the_contracts_with_a_horizon_alone(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.make_streams().await;
    world.start(world.taking_entries_from(world.horizon()));
    world.all_certain().await;
    world.assert_streams_are_the_contracts().await;
    assert_the_api_shows_them(&mut world).await;
    assert!(world.store.correction_counts().await.unwrap().is_empty());
}

#[sqlx::test]
async fn streams_of_a_past_that_is_filled_from_whole_ledgers_are_the_contracts(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.make_streams().await;
    world.devnet.close_ledger().unwrap();
    let start = world.devnet.latest_ledger();
    let pace = PaceArgs { start_ledger: Some(start), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(world.source(), Vec::new(), world.store.clone(), settings));
    world.indexed().await;
    let past = LedgerRange::new(LedgerSequence(2), start.previous()).unwrap();
    let whole = WholeLedgers::of_endpoints(world.source(), StdRng::seed_from_u64(7)).unwrap();
    let whole = [whole.read_for(LedgerContents::EventsAndEntries)];
    backfill(&world.store, &world.devnet.contract_id(), &whole, past, |_| {}).await.unwrap();
    world.all_certain().await;
    world.assert_streams_are_the_contracts().await;
    assert_the_api_shows_them(&mut world).await;
}

#[sqlx::test]
async fn without_entries_nothing_is_shown_that_events_do_not_tell(pool: PgPool) {
    let mut world = second_version(pool).await;
    world.make_streams().await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    for number in [1, 2, 4, 5] {
        let (_, stream) = world.get(&base, &format!("/v1/streams/{number}")).await;
        assert_eq!((&stream["claimableAmount"], &stream["claimableReason"]), (&json!(null), &json!("notYetChecked")));
    }
    let (_, lump) = world.get(&base, "/v1/streams/3").await;
    assert_eq!((&lump["claimableAmount"], &lump["checkedAtLedger"]), (&json!("0"), &json!(null)));
}
