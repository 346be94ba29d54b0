//! Redis between an indexer and its gateways, each a process of its own: what it carries is not read from the table, and
//! whatever fails, every subscriber gets every event once, in order.

mod announcements;
mod faults;

use std::{
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use flowfi_indexer::domain::EventId;
use futures_util::future::join_all;
use sqlx::{ConnectOptions, PgPool};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::timeout,
};

use crate::{
    database_away::Folder,
    kill::follow,
    roles::Gateway,
    world::{DEADLINE, Subscriber, World, eventually, http_client},
};

/// A Redis that keeps nothing on disk. It ends with this handle.
struct Redis {
    port: u16,
    process: Child,
    folder: Folder,
}

impl Redis {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        let folder = Folder::new();
        Self { port, process: Self::run(port, &folder).await, folder }
    }

    async fn run(port: u16, folder: &Folder) -> Child {
        let process = Command::new(program())
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--dir", folder.0.to_str().unwrap()])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("Redis listens", || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
        process
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it at the same address, without anything that it had.
    async fn start_empty(&mut self) {
        self.process = Self::run(self.port, &self.folder).await;
    }

    async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    /// Sends a command as a client would.
    async fn ask<T: redis::FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut asked = redis::cmd(command[0]);
        asked.arg(&command[1..]);
        asked.query_async(&mut connection).await.unwrap()
    }
}

fn program() -> &'static str {
    let places = ["/usr/bin/redis-server", "/opt/homebrew/bin/redis-server", "/usr/local/bin/redis-server"];
    let found = places.into_iter().find(|place| fs::exists(place).unwrap());
    found.expect("Redis is needed for this test: run make test-rust, or install it as your system does")
}

/// An indexer, gateways, and the Redis between them.
struct Deployment<'a> {
    world: &'a World,
    database_url: String,
    redis: Redis,
}

impl<'a> Deployment<'a> {
    async fn of(world: &'a World) -> Self {
        let database_url = world.pool.connect_options().to_url_lossy().to_string();
        Self { world, database_url, redis: Redis::start().await }
    }

    fn indexer(&self) -> Gateway {
        let arguments = ["--role", "indexer", "--rpc-urls", &self.world.rpc_url, "--poll-interval", "10ms"];
        let more = ["--state", "events", "--on-reset", "archive", "--feed-redis", &self.redis.url()];
        Gateway::with(self.world, &self.database_url, &[&arguments[..], &more[..]].concat())
    }

    async fn gateway(&self) -> (Gateway, String) {
        let arguments = ["--role", "gateway", "--heartbeat", "1s", "--feed-redis", &self.redis.url()];
        // A test asks until something has happened.
        let more = ["--requests-per-second", "0", "--connects-per-second", "0"];
        let mut gateway = Gateway::with(self.world, &self.database_url, &[&arguments[..], &more[..]].concat());
        let base = gateway.base().await;
        (gateway, base)
    }

    /// Makes events until a gateway follows Redis, and returns once it does.
    async fn until_it_follows_redis(&self, base: &str) {
        eventually("the gateway follows Redis", || async {
            self.world.create("alice", "bob", 1_000, 100).await;
            metric(base, "flowfi_feed_follows_redis").await == 1
        })
        .await;
    }
}

async fn metric(base: &str, name: &str) -> u64 {
    let text = http_client().get(format!("{base}/metrics")).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
}

/// Reads up to the newest event of the chain, and expects every event after `after` once, in order.
async fn expect_all_after(world: &World, after: EventId, subscriber: &mut Subscriber) {
    let expected: Vec<EventId> = world.devnet.events_emitted().into_iter().filter(|id| *id > after).collect();
    let read = timeout(DEADLINE, subscriber.ids(expected.len())).await;
    assert_eq!(read.expect("every event arrives"), expected);
}

fn newest(world: &World) -> EventId {
    *world.devnet.events_emitted().last().unwrap()
}

/// Returns a subscriber that has nothing yet, and the newest event before it.
async fn subscriber_from_now(world: &World, base: &str) -> (Subscriber, EventId) {
    world.indexed().await;
    let last = newest(world);
    (Subscriber::connect(base, "all=true", Some(&last.to_string())).await, last)
}

#[sqlx::test]
async fn the_table_is_not_read_for_what_redis_carries_and_nobody_listens_to_postgresql(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let _indexer = deployment.indexer();
    let (_gateway, base) = deployment.gateway().await;
    deployment.until_it_follows_redis(&base).await;
    let (mut subscriber, mut last) = subscriber_from_now(&world, &base).await;
    let listening = "select count(*) from pg_stat_activity where query like 'LISTEN%flowfi_committed%'
                     and datname = current_database()";
    let listening: i64 = sqlx::query_scalar(listening).fetch_one(&world.pool).await.unwrap();
    assert_eq!(listening, 1, "the indexer's relay alone");
    // A look that was due anyway may find an event first, now and then.
    let mut tries = 0;
    loop {
        let before = metric(&base, "flowfi_feed_events_carried_total").await;
        for _ in 0..5 {
            world.create("carol", "dave", 1_000, 100).await;
        }
        let made = world.devnet.events_emitted().into_iter().filter(|id| *id > last).count();
        expect_all_after(&world, last, &mut subscriber).await;
        last = newest(&world);
        let carried = metric(&base, "flowfi_feed_events_carried_total").await - before;
        if carried == u64::try_from(made).unwrap() {
            break;
        }
        tries += 1;
        assert!(tries < 10, "{carried} of {made} events were carried");
    }
}

#[sqlx::test]
async fn gateways_and_an_indexer_that_are_killed_lose_nothing_and_double_nothing(pool: PgPool) {
    let world = World::new(pool).await;
    let deployment = Deployment::of(&world).await;
    let mut indexer = deployment.indexer();
    eventually("the index has begun", || async { world.progress().await.is_some() }).await;
    let (mut gateways, mut bases) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (gateway, base) = deployment.gateway().await;
        gateways.push(gateway);
        bases.push(Arc::new(Mutex::new(base)));
    }
    let (wanted, over) = (Arc::new(Mutex::new(None)), Mutex::new(false));
    let clients = join_all(bases.iter().map(|base| follow(Arc::clone(base), Arc::clone(&wanted))));
    let load = async {
        while !*over.lock().unwrap() {
            world.create("alice", "bob", 1_000, 100).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        *wanted.lock().unwrap() = Some(newest(&world));
    };
    let kills = async {
        for at in [0, 1, 2] {
            let base = bases[at].lock().unwrap().clone();
            eventually("it follows Redis", || async { metric(&base, "flowfi_feed_follows_redis").await == 1 }).await;
            let (gateway, base) = deployment.gateway().await;
            std::mem::replace(&mut gateways[at], gateway).kill().await;
            *bases[at].lock().unwrap() = base;
            let next = deployment.indexer();
            std::mem::replace(&mut indexer, next).kill().await;
        }
        for base in &bases {
            let base = base.lock().unwrap().clone();
            eventually("it follows Redis again", || async { metric(&base, "flowfi_feed_follows_redis").await == 1 })
                .await;
        }
        *over.lock().unwrap() = true;
    };
    let (seen, (), ()) = tokio::join!(clients, load, kills);
    let emitted = world.devnet.events_emitted();
    for seen in seen {
        assert_eq!(seen, emitted, "each event once, in order");
    }
}
