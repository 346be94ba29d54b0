//! A process with one role only needs what it uses from the database, and says clearly what is missing.

use std::{process::Stdio, time::Duration};

use flowfi_indexer::{
    postgres::{Durability, PrivateServer},
    store::Store,
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    net::TcpListener,
    process::{Child, ChildStderr, Command},
};

use crate::{
    database_away::Folder,
    previous::restore,
    relay::Relay,
    silent_line::SilentLine,
    silent_writes::keep,
    world::{Subscriber, World, eventually, http_client},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_flowfi-indexer");

/// A daemon that only serves.
pub struct Gateway {
    process: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Its log, as far as it was read. The order of messages is up to its parts.
    said: Vec<String>,
}

impl Gateway {
    pub fn of(world: &World, database_url: &str) -> Self {
        Self::with(world, database_url, &["--role", "gateway"])
    }

    pub fn with(world: &World, database_url: &str, arguments: &[&str]) -> Self {
        Self::start(Command::new(PROGRAM), world, database_url, arguments)
    }

    fn start(mut command: Command, world: &World, database_url: &str, arguments: &[&str]) -> Self {
        let mut process = command
            .args(["serve", "--auth", "off"])
            .args(arguments)
            .args(["--network-passphrase", world.devnet.passphrase()])
            .args(["--contracts", world.devnet.contract_id().as_str()])
            .env("DATABASE_URL", database_url)
            // A test asks until something has happened.
            .envs(["FLOWFI_REQUESTS_PER_SECOND", "FLOWFI_CONNECTS_PER_SECOND"].map(|limit| (limit, "0")))
            .env("FLOWFI_LISTEN", "127.0.0.1:0")
            .env("RUST_LOG", "info")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stderr.take().unwrap()).lines();
        Self { process, log, said: Vec::new() }
    }

    /// Sends a signal, such as `-KILL`.
    pub async fn signal(&self, signal: &str) {
        let id = self.process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
    }

    pub async fn kill(mut self) {
        self.process.kill().await.unwrap();
    }

    /// Returns the first log line that contains a text. It may precede lines that were requested earlier.
    pub async fn says(&mut self, text: &str) -> String {
        let mut read = 0;
        loop {
            if let Some(line) = self.said[read..].iter().find(|line| line.contains(text)) {
                return line.clone();
            }
            read = self.said.len();
            let Some(line) = self.log.next_line().await.unwrap() else { break };
            self.said.push(line);
        }
        panic!("{text} was never logged: {}", self.said.concat());
    }

    pub async fn base(&mut self) -> String {
        let line = self.says("listening on ").await;
        line.split_once("listening on ").unwrap().1.split(';').next().unwrap().to_owned()
    }
}

#[sqlx::test(migrations = false)]
async fn a_gateway_changes_no_schema_and_names_the_missing_migration(pool: PgPool) {
    let url = pool.connect_options().to_url_lossy();
    let world = World::new(pool).await;
    let mut gateway = Gateway::of(&world, url.as_str());
    let refused = gateway.says("migration").await;
    assert!(refused.contains("lacks migration 1") && refused.contains("start the indexer"), "{refused}");
    assert!(!gateway.process.wait().await.unwrap().success());
    let tables: i64 = sqlx::query_scalar("select count(*) from pg_tables where schemaname = 'public'")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(tables, 0);
}

#[sqlx::test]
async fn a_gateway_that_starts_before_its_database_says_so_and_serves_once_it_is_available(pool: PgPool) {
    let world = World::new(pool).await;
    let nobody_listens = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = SilentLine::url(&nobody_listens, &world.pool);
    let mut gateway = Gateway::of(&world, &url);
    let base = base_of_start(&mut gateway).await;
    let get = async |path: &str| http_client().get(format!("{base}{path}")).send().await.unwrap();
    assert_eq!(get("/health/live").await.status(), 200);
    gateway.says("waiting for the database").await;
    let ready = get("/health/ready").await;
    assert_eq!(ready.status(), 503);
    let health: Value = ready.json().await.unwrap();
    assert_eq!(health["ready"], false);
    assert_eq!(health["reasons"], json!(["the service is starting: the database does not answer yet"]));
    assert!(get("/metrics").await.text().await.unwrap().contains("flowfi_ingest_ready 0"));
    let streams = get("/v1/streams").await;
    assert_eq!(streams.status(), 503);
    assert!(streams.headers().contains_key("retry-after"), "{streams:?}");
    let stream = get("/v1/events/subscribe?all=true").await;
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let told = stream.text().await.unwrap();
    assert!(told.starts_with("retry: ") && told.ends_with("\n\n"), "a browser reconnects by itself: {told}");
    let _line = SilentLine::on(nobody_listens, &world.pool);
    gateway.says("listening on ").await;
    assert_eq!(get("/v1/streams").await.status(), 200);
}

/// Returns the address that a start answers at.
async fn base_of_start(gateway: &mut Gateway) -> String {
    let line = gateway.says("starting; ").await;
    line.split_once("starting; ").unwrap().1.split(' ').next().unwrap().to_owned()
}

#[sqlx::test(migrations = false)]
async fn a_start_whose_migration_waits_for_a_lock_says_that_it_waits_for_a_lock(pool: PgPool) {
    restore(&pool).await;
    let keeper = keep(&pool, "network").await;
    let world = World::new(pool).await;
    let url = world.pool.connect_options().to_url_lossy();
    let mut daemon = Gateway::with(&world, url.as_str(), &["--rpc-urls", &world.rpc_url]);
    let base = base_of_start(&mut daemon).await;
    daemon.says("the migration waits for a lock").await;
    let ready = http_client().get(format!("{base}/health/ready")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let health: Value = ready.json().await.unwrap();
    let reason =
        "the service is starting: the migration of the database schema waits for a lock that another session holds";
    assert_eq!(health["reasons"], json!([reason]));
    keeper.rollback().await.unwrap();
    daemon.says("listening on ").await;
}

#[sqlx::test]
async fn a_gateway_that_waits_for_its_database_stops_when_it_is_asked_to(pool: PgPool) {
    let world = World::new(pool).await;
    let nobody_listens = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut gateway = Gateway::of(&world, &SilentLine::url(&nobody_listens, &world.pool));
    gateway.says("starting; ").await;
    let id = gateway.process.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
    assert!(gateway.process.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_gateway_serves_from_a_hot_standby() {
    let folder = Folder::new();
    let start = || PrivateServer::start(&folder.0, None, Durability::None);
    let server = start().await.unwrap();
    let pool = PgPool::connect(server.url()).await.unwrap();
    Store::on(pool.clone()).migrate().await.unwrap();
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world.pool.close().await;
    server.stop();
    std::fs::write(folder.0.join("postgres/standby.signal"), "").unwrap();
    let server = start().await.unwrap();
    let mut gateway = Gateway::of(&world, server.url());
    let base = gateway.base().await;
    gateway.says("this database is a replica").await;
    let streams = http_client().get(format!("{base}/v1/streams")).send().await.unwrap();
    assert_eq!(streams.status(), 200);
    let first = world.devnet.events_emitted()[0];
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&first.to_string())).await;
    let rest = &world.devnet.events_emitted()[1..];
    assert_eq!(subscriber.ids(rest.len()).await, rest, "stored events are replayed");
}

#[sqlx::test]
async fn a_role_that_may_open_few_connections_is_told_how_many_are_needed(pool: PgPool) {
    let name: String = sqlx::query_scalar("select 'few_' || oid from pg_database where datname = current_database()")
        .fetch_one(&pool)
        .await
        .unwrap();
    let run = async |statement: String| {
        sqlx::query(AssertSqlSafe(statement)).execute(&pool).await.unwrap();
    };
    run(format!("create role {name} login connection limit 3")).await;
    run(format!("grant pg_read_all_data to {name}")).await;
    let options = (*pool.connect_options()).clone().username(&name);
    let world = World::new(pool.clone()).await;
    let mut gateway = Gateway::of(&world, options.to_url_lossy().as_str());
    let warned = gateway.says("connections to the database are needed").await;
    assert!(warned.contains(&name) && warned.contains("up to 18") && warned.contains("is allowed 3"), "{warned}");
    drop(gateway);
    let store = Store::connect(options.to_url_lossy().as_str(), 4, Duration::from_secs(10)).await.unwrap();
    let mut listeners = Vec::new();
    let refused = loop {
        match store.listen().await {
            Ok(listener) => listeners.push(listener),
            Err(refused) => break refused.to_string(),
        }
    };
    assert!(refused.contains("too many connections for role"), "{refused}");
    drop(listeners);
    store.close().await;
    run(format!("drop owned by {name}")).await;
    run(format!("drop role {name}")).await;
}

#[sqlx::test]
async fn what_a_lake_says_ends_no_daemon_that_has_indexed_before(pool: PgPool) {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (folder, url) = (Folder::new(), world.pool.connect_options().to_url_lossy());
    for config in [None, Some("<html>down for maintenance</html>"), Some("")] {
        if let Some(config) = config {
            std::fs::write(folder.0.join(".config.json"), config).unwrap();
        }
        let lake = ["--rpc-urls", &world.rpc_url, "--lake", folder.0.to_str().unwrap(), "--poll-interval", "100ms"];
        let mut daemon = Gateway::with(&world, url.as_str(), &lake);
        let base = daemon.base().await;
        daemon.says("the lake cannot be read yet").await;
        world.create("carol", "dave", 1_000_000, 100).await;
        world.indexed().await;
        let streams = http_client().get(format!("{base}/v1/streams")).send().await.unwrap();
        assert_eq!(streams.status(), 200, "{config:?}");
    }
}

#[sqlx::test]
async fn an_api_outlives_a_reset_that_nobody_has_allowed_to_archive(pool: PgPool) {
    let world = World::new(pool).await;
    let url = world.pool.connect_options().to_url_lossy();
    let mut daemon = Gateway::with(&world, url.as_str(), &["--rpc-urls", &world.rpc_url, "--poll-interval", "100ms"]);
    let base = daemon.base().await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    world.devnet.reset().unwrap();
    world.devnet.close_ledger().unwrap();
    daemon.says("indexing has stopped").await;
    let reason = "the network started over, and indexing has stopped (--on-reset stop)";
    eventually("it says that it is not ready, and why", || async {
        let ready = http_client().get(format!("{base}/health/ready")).send().await.unwrap();
        ready.status() == 503 && ready.json::<Value>().await.unwrap()["reasons"] == json!([reason])
    })
    .await;
    let streams = http_client().get(format!("{base}/v1/streams")).send().await.unwrap();
    assert_eq!(streams.status(), 200, "what was indexed is served");
    assert_eq!(world.get(&base, "/v1/status").await.1["indexer"]["state"], "stopped");
}

#[sqlx::test]
async fn an_endpoint_that_refuses_what_callers_make_it_read_is_still_asked_by_the_indexer(pool: PgPool) {
    let url = pool.connect_options().to_url_lossy();
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let relay = Relay::to(&world.rpc_url).await;
    // The indexer itself asks for entries only after a commit.
    let mut daemon = Gateway::with(&world, url.as_str(), &["--rpc-urls", &relay.url, "--check-interval", "1h"]);
    let base = daemon.base().await;
    let status = async |path: &str| http_client().get(format!("{base}{path}")).send().await.unwrap().status().as_u16();
    let is_checked = async |stream: &str| {
        let record = world.get(&base, &format!("/v1/streams/{stream}")).await.1;
        !record["checkedAtLedger"].is_null()
    };
    eventually("the first stream is checked", || is_checked("1")).await;
    let asked_before = relay.asked().len();
    relay.limit(3_600);
    for _ in 0..3 {
        assert_eq!(status("/v1/streams/2?source=chain").await, 503);
    }
    assert_eq!(relay.asked().len(), asked_before + 1, "callers leave it alone after that");
    relay.unlimit();
    world.create("carol", "dave", 1_000_000, 100).await;
    eventually("the second stream is checked", || is_checked("2")).await;
    assert_eq!(status("/v1/streams/3?source=chain").await, 503, "callers still leave it alone");
}

#[sqlx::test]
async fn gateways_share_an_address_if_all_of_them_are_asked_to(pool: PgPool) {
    let url = pool.connect_options().to_url_lossy();
    let world = World::new(pool).await;
    let sharing = ["--role", "gateway", "--reuse-port"];
    let mut first = Gateway::with(&world, url.as_str(), &sharing);
    let base = first.base().await;
    let address = base.strip_prefix("http://").unwrap();
    let mut second = Gateway::with(&world, url.as_str(), &[&sharing[..], &["--listen", address]].concat());
    assert_eq!(second.base().await, base);
    let mut alone = Gateway::with(&world, url.as_str(), &["--role", "gateway", "--listen", address]);
    alone.says("cannot listen on").await;
    first.process.kill().await.unwrap();
    let live = http_client().get(format!("{base}/health/live")).send().await.unwrap();
    assert_eq!(live.status(), 200, "the second one serves");
}

#[sqlx::test]
async fn a_gateway_may_have_as_many_files_open_as_the_hard_limit_allows(pool: PgPool) {
    let url = pool.connect_options().to_url_lossy();
    let world = World::new(pool).await;
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -Sn 64 && ulimit -Hn 500 && exec "$0" "$@""#, PROGRAM]);
    let arguments = ["--role", "gateway", "--max-connections-per-ip", "0"];
    let mut gateway = Gateway::start(command, &world, url.as_str(), &arguments);
    gateway.says("this process may have 500 files open, but --max-connections 20000 needs 21200").await;
    let base = gateway.base().await;
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(Subscriber::connect(&base, "all=true", None).await);
    }
}
