//! `kill -9` of the real daemon under load, at random points and inside open transactions: nothing is lost or
//! duplicated, neither in the database nor for a client that reconnects.

use std::{
    process::{Command as StdCommand, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use flowfi_indexer::{
    devnet::DevnetArgs,
    domain::{EventId, LedgerSequence},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sqlx::{ConnectOptions, PgPool};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::world::{Subscriber, World, eventually};

const KILLS: usize = 12;
const KILLS_INSIDE_A_BATCH: usize = 3;
const LONGEST_RUN: Duration = Duration::from_mins(15);
/// The chain waits for an index that is further behind, so that the slowest machine has no more to do than the fastest.
const MOST_LEDGERS_AHEAD: u32 = 500;

/// The real binary.
struct Daemon {
    process: Child,
    base: String,
}

impl Daemon {
    async fn start(world: &World) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
            .args([
                "serve",
                "--auth",
                "off",
                "--listen",
                "127.0.0.1:0",
                "--page-limit",
                "400",
                "--poll-interval",
                "10ms",
            ])
            .args(["--rpc-urls", &world.rpc_url, "--network-passphrase", world.devnet.passphrase()])
            .args(["--contracts", world.devnet.contract_id().as_str()])
            .env("DATABASE_URL", world.pool.connect_options().to_url_lossy().as_str())
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let base = loop {
            let line = lines.next_line().await.unwrap().expect("the daemon prints where it listens");
            if let Some((_, rest)) = line.split_once("listening on ") {
                break rest.split(';').next().unwrap().to_owned();
            }
        };
        process.stderr = Some(lines.into_inner().into_inner());
        Self { process, base }
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().unwrap().to_string();
        assert!(StdCommand::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    async fn kill(mut self) {
        self.signal("-KILL");
        self.process.wait().await.unwrap();
    }

    /// Holds a batch that is writing events, after it has raised the cursor, and kills there: freezes the daemon, lets
    /// the database finish the pending statement, and checks that the transaction is still open.
    async fn kill_inside_a_batch(self, pool: &PgPool) {
        #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
        let mut holding = pool.begin().await.unwrap();
        sqlx::query("lock table stream_events in share mode").execute(&mut *holding).await.unwrap();
        eventually("a batch that has written is held", || async {
            count(pool, "backend_xid is not null and wait_event_type = 'Lock'").await > 0
        })
        .await;
        self.signal("-STOP");
        holding.rollback().await.unwrap();
        // The statement may be waiting for the frozen daemon in the middle of a message.
        eventually("no statement of the daemon runs", || async {
            count(pool, "state = 'active' and wait_event_type is distinct from 'Client'").await == 0
        })
        .await;
        assert!(count(pool, "backend_xid is not null").await > 0, "the transaction is open");
        self.kill().await;
    }
}

async fn count(pool: &PgPool, condition: &str) -> i64 {
    let query = format!(
        "select count(*) from pg_stat_activity where datname = current_database()
         and application_name like 'flowfi-indexer serve %' and {condition}"
    );
    sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(pool).await.unwrap()
}

/// A client that reconnects with its last event id, to whichever daemon is running.
pub async fn follow(base: Arc<Mutex<String>>, wanted: Arc<Mutex<Option<EventId>>>) -> Vec<EventId> {
    let mut seen: Vec<EventId> = Vec::new();
    let before_everything = EventId::end_of_ledger(LedgerSequence(1));
    let deadline = Instant::now() + LONGEST_RUN;
    loop {
        let now = base.lock().unwrap().clone();
        let after = seen.last().copied().unwrap_or(before_everything).to_string();
        if let Some(mut subscriber) = Subscriber::try_connect(&now, "all=true", Some(&after)).await {
            while let Some(frame) = subscriber.next().await {
                assert_ne!(frame.event.as_deref(), Some("reset"), "{frame:?}");
                // Heartbeats would otherwise keep a client that misses an event waiting forever.
                assert!(Instant::now() < deadline, "the client has not seen everything: {} events", seen.len());
                seen.extend(frame.feed_id());
                if seen.last().is_some_and(|last| *wanted.lock().unwrap() == Some(*last)) {
                    return seen;
                }
            }
        }
        sleep(Duration::from_millis(5)).await;
    }
}

/// Keeps closing ledgers with new streams until the kills are over.
async fn load(world: &World, over: &Mutex<bool>) {
    while !*over.lock().unwrap() {
        let indexed = world.progress().await.map_or(0, |progress| progress.last_whole_ledger.0);
        if world.devnet.latest_ledger().0 < indexed + MOST_LEDGERS_AHEAD {
            for _ in 0..5 {
                drop(world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100)));
            }
            world.devnet.close_ledger().unwrap();
        }
        sleep(Duration::from_millis(10)).await;
    }
}

async fn kill_again_and_again(world: &World, base: &Mutex<String>) {
    let mut rng = StdRng::seed_from_u64(9);
    for kill in 0..KILLS + KILLS_INSIDE_A_BATCH {
        let stored = world.store.newest_event().await.unwrap();
        let daemon = Daemon::start(world).await;
        base.lock().unwrap().clone_from(&daemon.base);
        eventually("the daemon writes", || async { world.store.newest_event().await.unwrap() > stored }).await;
        if kill < KILLS {
            // The random point is what this test is about, not something to wait for.
            sleep(Duration::from_micros(rng.random_range(0..60_000))).await;
            daemon.kill().await;
        } else {
            daemon.kill_inside_a_batch(&world.pool).await;
        }
    }
}

#[sqlx::test]
async fn a_daemon_that_is_killed_at_any_point_loses_nothing_and_duplicates_nothing(pool: PgPool) {
    let args = DevnetArgs { history_events: 15_000, ..DevnetArgs::by_hand() };
    let world = World::with_devnet(pool, &args).await;
    let first = Daemon::start(&world).await;
    let base = Arc::new(Mutex::new(first.base.clone()));
    eventually("the index has begun", || async { world.progress().await.is_some() }).await;
    let (wanted, over) = (Arc::new(Mutex::new(None)), Mutex::new(false));

    let client = follow(Arc::clone(&base), Arc::clone(&wanted));
    let chain = load(&world, &over);
    let daemons = async {
        first.kill().await;
        kill_again_and_again(&world, &base).await;
        *over.lock().unwrap() = true;
        let last = Daemon::start(&world).await;
        base.lock().unwrap().clone_from(&last.base);
        world.create("carol", "dave", 1_000_000, 100).await;
        *wanted.lock().unwrap() = world.devnet.events_emitted().last().copied();
        world.indexed().await;
        last
    };
    let (seen, (), _last) = tokio::join!(client, chain, daemons);
    assert_eq!(seen, world.devnet.events_emitted(), "the client saw each event once, in order");
    world.assert_equal_to_the_chain().await;
}
