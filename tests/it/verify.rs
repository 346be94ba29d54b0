//! The proof: records are compared with the contract's own storage, while the chain moves or not, and streams whose
//! creation was never seen are seeded.

use std::{process::Output, time::Duration};

use flowfi_indexer::{
    devnet::{Call, DevnetArgs, Fault},
    domain::{Amount, Epoch, LedgerSequence, StreamId},
    ingest::{CreatedStreams, IngestError, Verified, VerifySettings, verify},
    source::{Anchor, SourceError},
    store::{LateRows, Locks},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use sqlx::{ConnectOptions, PgPool};
use tokio::{process::Command, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::late::decode;
use crate::{
    relay::Relay,
    world::{DEADLINE, World, eventually},
};

pub const COMPARE: VerifyHow = VerifyHow { sample: None, repair: false };
pub const REPAIR: VerifyHow = VerifyHow { sample: None, repair: true };

#[derive(Clone, Copy)]
pub struct VerifyHow {
    sample: Option<u32>,
    repair: bool,
}

impl World {
    pub async fn verified(&self, how: VerifyHow) -> Verified {
        let settings = VerifySettings {
            sample: how.sample,
            repair: how.repair,
            patience: DEADLINE,
            rng: StdRng::seed_from_u64(5),
        };
        verify(&self.store, &self.source(), &self.devnet.contract_id(), settings, |_| ()).await.unwrap()
    }

    /// Alters records as nothing of ours would. The indexer's statements on the same rows wait, or end first: two
    /// statements that lock rows in different orders could block each other.
    pub async fn alter(&self, statement: &'static str) {
        let in_one_transaction = format!("lock table streams in exclusive mode; {statement}");
        let altered = sqlx::raw_sql(sqlx::AssertSqlSafe(in_one_transaction)).execute(&self.pool).await.unwrap();
        assert!(altered.rows_affected() > 0, "{statement}");
    }

    async fn verify_command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
            .args(["verify", "--patience", "2m", "--network-passphrase", self.devnet.passphrase()])
            .args(["--rpc-urls", &self.rpc_url])
            .args(arguments)
            .env("DATABASE_URL", self.pool.connect_options().to_url_lossy().as_str())
            .output()
            .await
            .unwrap()
    }

    /// Returns a world with several indexed streams, most of which were changed; the indexer keeps running.
    async fn with_streams(pool: PgPool) -> Self {
        let mut world = Self::with_streams_on_chain(pool).await;
        world.start_indexer(100);
        world.indexed().await;
        world
    }

    async fn with_streams_on_chain(pool: PgPool) -> Self {
        let world = Self::new(pool).await;
        for number in 0..5 {
            world.create("alice", "bob", 1_000_000 + number, 1_000).await;
        }
        world.call(Call::Pause { stream_id: StreamId(2), caller: None }).await;
        world.call(Call::Cancel { stream_id: StreamId(3), caller: None }).await;
        world
    }
}

fn ids(numbers: impl IntoIterator<Item = u64>) -> Vec<StreamId> {
    numbers.into_iter().map(StreamId).collect()
}

#[sqlx::test]
async fn every_record_of_a_random_history_is_proven(pool: PgPool) {
    let args = DevnetArgs { history_events: 5_000, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(1_000);
    world.indexed().await;
    let verified = world.verified(COMPARE).await;
    let streams = u64::try_from(world.devnet.stream_count()).unwrap();
    assert!(streams > 250, "more than one request: {streams}");
    assert!(verified.is_proven(), "{verified:?}");
    assert_eq!((verified.equal, verified.at_ledger), (streams, world.devnet.latest_ledger()));
    let sampled = world.verified(VerifyHow { sample: Some(30), ..COMPARE }).await;
    assert_eq!((sampled.equal, sampled.is_proven()), (30, true));
}

#[sqlx::test]
async fn each_altered_field_is_named_and_repaired(pool: PgPool) {
    let world = World::with_streams(pool).await;
    let alterations = [
        ("sender", "update streams set sender = recipient where stream_id = '1'"),
        ("recipient", "update streams set recipient = sender where stream_id = '1'"),
        ("token_address", "update streams set token = sender where stream_id = '1'"),
        ("rate_per_second", "update streams set rate_per_second = rate_per_second + 1 where stream_id = '1'"),
        ("deposited_amount", "update streams set deposited = 7 where stream_id = '1'"),
        ("withdrawn_amount", "update streams set withdrawn = 7 where stream_id = '1'"),
        ("start_time", "update streams set start_time = 7 where stream_id = '1'"),
        ("last_update_time", "update streams set last_update_time = 7 where stream_id = '1'"),
        ("is_active", "update streams set is_active = false where stream_id = '1'"),
        ("paused", "update streams set paused = true where stream_id = '1'"),
        ("paused_at", "update streams set paused_at = 7 where stream_id = '1'"),
        ("status", "update streams set status = 'completed' where stream_id = '1'"),
        (
            "schedule",
            r#"update streams set schedule = '{"kind": "interval", "amount": "5", "everySeconds": 60}' where stream_id = '1'"#,
        ),
        ("cliff_time", "update streams set cliff_time = 7 where stream_id = '1'"),
        ("arbiter", "update streams set arbiter = sender where stream_id = '1'"),
        ("dispute_status", "update streams set dispute_status = 'requested' where stream_id = '1'"),
        ("is_allowance_based", "update streams set is_allowance_based = true where stream_id = '1'"),
        ("closed", "update streams set closed = true where stream_id = '1'"),
    ];
    for (field, statement) in alterations {
        world.alter(statement).await;
        let verified = world.verified(COMPARE).await;
        let found: Vec<_> = verified.differences.iter().map(|found| (found.stream_id, found.field)).collect();
        assert_eq!(found, [(StreamId(1), field)], "{verified:?}");
        assert_eq!((verified.equal, verified.is_proven()), (4, false));
        let repaired = world.verified(REPAIR).await;
        assert_eq!((repaired.repaired.clone(), repaired.is_proven()), (ids([1]), true), "{repaired:?}");
        let told = world.store.revisions_after(0).await.unwrap().pop().and_then(|newest| newest.changed);
        let told: Vec<StreamId> = told.iter().flat_map(|streams| streams.keys().map(|stream| stream.1)).collect();
        assert_eq!(told, [StreamId(1)], "readers are told that nothing but the record changed");
        world.assert_equal_to_the_chain().await;
    }
}

#[sqlx::test]
async fn archived_streams_and_records_that_the_chain_never_had_are_told_apart(pool: PgPool) {
    let world = World::with_streams(pool).await;
    world.devnet.archive_stream(StreamId(4));
    let verified = world.verified(COMPARE).await;
    assert_eq!((verified.archived.clone(), verified.equal), (ids([4]), 4));
    assert!(verified.is_proven(), "{verified:?}");
    world.alter("update streams set stream_id = '99' where stream_id = '5'").await;
    let verified = world.verified(COMPARE).await;
    assert_eq!(verified.missing_here, ids([5]));
    let found: Vec<_> = verified.differences.iter().map(|found| (found.stream_id, found.field)).collect();
    assert_eq!(found, [(StreamId(99), "record")]);
}

#[sqlx::test]
async fn a_chain_that_moves_meanwhile_causes_no_false_difference(pool: PgPool) {
    let args = DevnetArgs { history_events: 600, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    world.start_indexer(100);
    world.indexed().await;
    let mut rng = StdRng::seed_from_u64(11);
    let mut ledgers_passed = false;
    for repair in [false, true, false, true, false, true] {
        let before = world.devnet.latest_ledger();
        if repair {
            world.alter("update streams set deposited = 7, withdrawn = 3 where stream_id::numeric % 3 = 0").await;
        }
        let move_on = async {
            loop {
                for input in world.devnet.random_inputs(&mut rng, 8) {
                    drop(world.devnet.submit(input));
                }
                world.devnet.close_ledger().unwrap();
                world.indexed().await;
            }
        };
        let verified = tokio::select! {
            verified = world.verified(VerifyHow { sample: None, repair }) => verified,
            () = move_on => unreachable!(),
        };
        ledgers_passed |= verified.at_ledger > before;
        assert!(verified.differences.is_empty() && verified.missing_here.is_empty(), "{verified:?}");
        assert!(verified.equal > 0);
    }
    assert!(ledgers_passed);
    world.indexed().await;
    let verified = world.verified(COMPARE).await;
    assert!(verified.is_proven(), "{verified:?}");
}

#[sqlx::test]
async fn an_entry_of_a_node_that_is_behind_our_record_is_not_taken(pool: PgPool) {
    let world = World::with_streams(pool).await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.indexed().await;
    world.devnet.inject(Fault::NodeBehind { ledgers: 1 }, None).unwrap();
    let verified = world.verified(REPAIR).await;
    assert!(verified.repaired.is_empty() && verified.differences.is_empty(), "{verified:?}");
    world.devnet.clear_faults();
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_stream_whose_creation_was_never_seen_is_seeded_and_continues_from_there(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.create("carol", "dave", 2_000_000, 1_000).await;
    world.devnet.close_ledgers(3).unwrap();
    world.devnet.set_retention(2);
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    world.start_indexer(100);
    world.indexed().await;
    let verified = world.verified(COMPARE).await;
    assert_eq!((verified.missing_here.clone(), verified.is_proven()), (ids([1, 2]), false), "{verified:?}");
    let verified = world.verified(REPAIR).await;
    assert_eq!((verified.repaired.clone(), verified.equal, verified.is_proven()), (ids([1, 2]), 2, true));
    let without_parties: i64 =
        sqlx::query_scalar("select count(*) from stream_events where stream_id is not null and recipient is null")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!(without_parties, 0, "events before the seeding have their parties");
    world.call(Call::Pause { stream_id: StreamId(1), caller: None }).await;
    world.call(Call::Cancel { stream_id: StreamId(2), caller: None }).await;
    world.indexed().await;
    let verified = world.verified(COMPARE).await;
    assert_eq!((verified.equal, verified.is_proven()), (2, true), "{verified:?}");
}

#[sqlx::test]
async fn only_a_repair_removes_the_marks_of_unverified_streams(pool: PgPool) {
    let world = World::with_streams(pool).await;
    world.alter("update streams set unverified = true where stream_id in ('1', '2')").await;
    let verified = world.verified(COMPARE).await;
    assert_eq!((verified.equal, verified.unverified, verified.is_proven()), (5, 2, true));
    assert_eq!(world.verified(COMPARE).await.unverified, 2, "a proof without repair writes nothing");
    let verified = world.verified(REPAIR).await;
    assert_eq!((verified.equal, verified.unverified, verified.repaired), (5, 0, ids([1, 2])));
}

#[sqlx::test]
async fn an_index_that_makes_no_progress_is_reported_as_behind_and_not_as_different(pool: PgPool) {
    let world = World::with_streams_on_chain(pool).await;
    let stop = CancellationToken::new();
    let indexing = world.indexer(100).run(stop.clone());
    let (ended, ()) = tokio::join!(indexing, async {
        world.indexed().await;
        stop.cancel();
    });
    ended.unwrap();
    world.call(Call::Cancel { stream_id: StreamId(1), caller: None }).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    for repair in [false, true] {
        let patience = Duration::from_millis(50);
        let settings = VerifySettings { sample: None, repair, patience, rng: StdRng::seed_from_u64(5) };
        let verified = verify(&world.store, &world.source(), &world.devnet.contract_id(), settings, |_| ()).await;
        let verified = verified.unwrap();
        assert_eq!((verified.behind.clone(), verified.equal), (ids([1, 6]), 4), "{verified:?}");
        assert!(verified.differences.is_empty() && verified.repaired.is_empty() && !verified.is_proven());
    }
}

#[sqlx::test]
async fn a_proof_continues_with_a_newer_known_ledger_if_the_endpoints_drop_the_first_one(pool: PgPool) {
    let world = World::with_streams(pool).await;
    let source = world.source();
    source.set_anchor(Some(Anchor { sequence: LedgerSequence(2), hash: "00".repeat(32) }));
    world.devnet.set_retention(2);
    let noted = || async { world.store.network().await.unwrap().is_some_and(|network| network.known.is_some()) };
    eventually("the indexer records a ledger", noted).await;
    let settings = VerifySettings { sample: None, repair: false, patience: DEADLINE, rng: StdRng::seed_from_u64(5) };
    let verified = verify(&world.store, &source, &world.devnet.contract_id(), settings, |_| ()).await.unwrap();
    assert!(verified.is_proven(), "{verified:?}");
}

#[sqlx::test]
async fn a_proof_that_began_before_the_network_started_over_ends_and_says_so(pool: PgPool) {
    let world = World::with_streams(pool).await;
    let source = world.source();
    world.devnet.inject(Fault::Status { status: 503, retry_after_seconds: None }, None).unwrap();
    let settings = VerifySettings { sample: None, repair: false, patience: DEADLINE, rng: StdRng::seed_from_u64(5) };
    let contract_id = world.devnet.contract_id();
    let proof = Box::pin(verify(&world.store, &source, &contract_id, settings, |_| ()));
    let start_over = async {
        eventually("it has begun", || async { source.health()[0].failures > 0 }).await;
        world.alter("update network set epoch = epoch + 1").await;
    };
    let (ended, ()) = tokio::join!(proof, start_over);
    let failed = ended.unwrap_err().to_string();
    assert!(failed.contains("the network started over") && failed.contains("read in epoch 0"), "{failed}");
}

#[test]
fn a_failure_of_the_source_is_reported_once() {
    let failure = IngestError::from(SourceError::Permanent { detail: "it refuses".to_owned() });
    assert_eq!(format!("{:#}", anyhow::Error::from(failure)), "the source cannot be followed: it refuses");
}

#[sqlx::test]
async fn the_commands_exit_code_says_whether_everything_is_proven(pool: PgPool) {
    let world = World::with_streams(pool).await;
    world.devnet.archive_stream(StreamId(4));
    let output = world.verify_command(&[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("4 streams equal") && text.contains("archived"), "{text}");

    world.alter("update streams set deposited = 7 where stream_id = '1'").await;
    let output = world.verify_command(&[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.lines().any(|line| line.contains("deposited_amount") && line.contains("  7 ")), "{text}");
    let output = world.verify_command(&["--json"]).await;
    let lines = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!((&last["isProven"], &last["differences"]), (&Value::Bool(false), &Value::from(1)));
    assert_eq!(world.verify_command(&["--repair"]).await.status.code(), Some(0));

    let elsewhere = world.verify_command(&["--network-passphrase", "Elsewhere"]).await;
    assert_eq!(elsewhere.status.code(), Some(64));
    let said = String::from_utf8(elsewhere.stderr).unwrap();
    assert!(said.lines().count() == 1 && said.contains("network-passphrase"), "{said}");
    assert_eq!(world.verify_command(&["--sample", "0"]).await.status.code(), Some(64));
}

#[sqlx::test]
async fn a_batch_that_waits_for_a_repair_is_prepared_again_from_its_result(pool: PgPool) {
    let world = World::with_streams(pool).await;
    let contract_id = world.devnet.contract_id();
    // The indexer remembers the records of its last batch; stream 1 must not be among them.
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.indexed().await;
    world.alter("update streams set deposited = 7 where stream_id = '1'").await;
    let repair = world.store.begin_repair(&contract_id, Epoch(0), Locks::FromTheBeginning).await.unwrap().unwrap();
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(500) }).await;
    eventually("the batch waits for the repair", || async {
        let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
            and wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(&world.pool).await.unwrap() > 0
    })
    .await;
    let again = LateRows { from_the_first: [StreamId(1)].into(), ..LateRows::default() };
    repair.write(&again, decode).await.unwrap().expect("there was no other repair in between");
    world.indexed().await;
    let verified = world.verified(COMPARE).await;
    assert!(verified.is_proven(), "{verified:?}");
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn without_a_count_all_streams_with_records_are_checked_whatever_their_numbers(pool: PgPool) {
    let mut world = World::with_streams(pool).await;
    let relay = Relay::to(&world.rpc_url).await;
    relay.garble_the_count(&world.devnet.contract_id());
    world.rpc_urls = vec![relay.url.clone()];
    world.alter("update streams set stream_id = '18446744073709551615' where stream_id = '5'").await;
    for how in [COMPARE, REPAIR] {
        let verified = timeout(DEADLINE, world.verified(how)).await.expect("it ends");
        assert_eq!((verified.equal, verified.archived.clone()), (4, ids([u64::MAX])), "{verified:?}");
        assert_eq!((verified.created, verified.is_proven()), (CreatedStreams::NotGiven, true));
    }
    let drawn = world.verified(VerifyHow { sample: Some(3), ..COMPARE });
    let drawn = timeout(DEADLINE, drawn).await.expect("it ends");
    assert_eq!(drawn.equal + u64::try_from(drawn.archived.len()).unwrap(), 3, "{drawn:?}");
    world.rpc_url = relay.url.clone();
    let output = world.verify_command(&[]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("does not say how many streams it has created"), "{text}");
}

#[sqlx::test]
async fn an_implausible_count_of_streams_is_named_and_not_used(pool: PgPool) {
    let mut world = World::with_streams(pool).await;
    let relay = Relay::to(&world.rpc_url).await;
    world.rpc_urls = vec![relay.url.clone()];
    for count in [u64::MAX, (1 << 53) + 1, 10_000_001] {
        relay.count_streams(&world.devnet.contract_id(), count);
        for sample in [None, Some(2)] {
            let verified = world.verified(VerifyHow { sample, repair: false });
            let verified = timeout(DEADLINE, verified).await.expect("it ends");
            assert_eq!(verified.equal, u64::from(sample.unwrap_or(5)), "{verified:?}");
            assert_eq!((verified.created, verified.is_proven()), (CreatedStreams::Implausible(count), true));
        }
    }
    world.rpc_url = relay.url.clone();
    let output = world.verify_command(&["--json"]).await;
    let lines = String::from_utf8(output.stdout).unwrap();
    let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    let reason = last["notLookedFor"].as_str().unwrap();
    assert!(reason.contains("created 10000001 streams, more than the 10000000 that can be walked"), "{reason}");
}
