//! Behind PgBouncer: in session mode everything works; transaction mode is refused with a clear message.

use std::{fs, os::unix::fs::MetadataExt, process::Stdio, time::Duration};

use flowfi_indexer::store::{Store, StoreError};
use sqlx::PgPool;
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use crate::{
    database_away::Folder,
    world::{GatewaySettings, Subscriber, World, eventually},
};

/// A PgBouncer in front of a test's database. It ends with this handle.
struct Pooler {
    url: String,
    _process: Child,
    _folder: Folder,
}

impl Pooler {
    async fn of(pool: &PgPool, mode: &str) -> Self {
        Self::with(pool, mode, "").await
    }

    async fn with(pool: &PgPool, mode: &str, settings: &str) -> Self {
        let options = pool.connect_options();
        let socket = options.get_socket().expect("the private server listens on a socket");
        let port = free_port().await;
        let folder = Folder::new();
        let database = options.get_database().unwrap();
        let user = options.get_username();
        let config = format!(
            "[databases]\n{database} = host={} port={} user={user}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = 30\n{settings}\n",
            socket.display(),
            options.get_port(),
        );
        let file = folder.0.join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        // Run it under the server's account: no other one can reach the socket, and PgBouncer refuses to run as root.
        let account = fs::metadata(socket).unwrap();
        std::os::unix::fs::chown(&folder.0, Some(account.uid()), Some(account.gid())).unwrap();
        let process = Command::new(program())
            .arg(&file)
            .uid(account.uid())
            .gid(account.gid())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        eventually("PgBouncer listens", || async { TcpStream::connect(("127.0.0.1", port)).await.is_ok() }).await;
        Self { url: format!("postgres://{user}@127.0.0.1:{port}/{database}"), _process: process, _folder: folder }
    }

    async fn store(&self) -> Result<Store, StoreError> {
        Store::connect(&self.url, 8, Duration::from_secs(10)).await
    }
}

fn program() -> &'static str {
    let places =
        ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
    let found = places.into_iter().find(|place| fs::exists(place).unwrap());
    found.expect("PgBouncer is needed for this test: run make test-rust, or install it as your system does")
}

async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[sqlx::test]
async fn everything_works_behind_a_pooler_in_session_mode(pool: PgPool) {
    let mut world = World::new(pool.clone()).await;
    let pooler = Pooler::of(&pool, "session").await;
    world.store = pooler.store().await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let before = world.devnet.events_emitted().len();
    world.create("carol", "dave", 1_000_000, 100).await;
    let new = &world.devnet.events_emitted()[before..];
    assert_eq!(subscriber.ids(new.len()).await, new);
    world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn a_pooler_that_shares_sessions_is_refused_whichever_session_it_assigns(pool: PgPool) {
    let shared = [
        ("transaction", ""),
        ("transaction", "server_round_robin = 1"),
        ("transaction", "default_pool_size = 1"),
        ("statement", ""),
        ("statement", "server_round_robin = 1"),
    ];
    for (mode, settings) in shared {
        let pooler = Pooler::with(&pool, mode, settings).await;
        let refused = pooler.store().await.unwrap_err();
        assert!(matches!(refused, StoreError::TransactionPooler), "{mode} {settings}: {refused}");
        assert!(refused.to_string().contains("session mode"), "{refused}");
    }
}

#[sqlx::test]
async fn a_pooler_with_a_single_session_is_not_taken_for_one_that_shares_sessions(pool: PgPool) {
    let pooler = Pooler::with(&pool, "session", "default_pool_size = 1").await;
    pooler.store().await.unwrap();
}
