//! A database that goes away and comes back: nothing ends, nothing is lost, and clients are told to reconnect.

use std::{env, fs, path::PathBuf, time::Duration};

use flowfi_indexer::{
    postgres::{Durability, PrivateServer},
    store::Store,
};
use sqlx::postgres::PgPoolOptions;

use crate::world::{GatewaySettings, Subscriber, World, eventually, http_client};

pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let folder = env::temp_dir().join(format!("flowfi-away-{:016x}", rand::random::<u64>()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn start(folder: &Folder) -> PrivateServer {
    PrivateServer::start(&folder.0, None, Durability::None).await.unwrap()
}

#[tokio::test]
async fn a_database_that_goes_away_ends_nothing_and_loses_nothing() {
    let folder = Folder::new();
    let server = start(&folder).await;
    // As long as the daemon's own timeout: a database that is there answers even a busy machine within it.
    let pool = PgPoolOptions::new().acquire_timeout(Duration::from_secs(5)).connect(server.url()).await.unwrap();
    Store::on(pool.clone()).migrate().await.unwrap();
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut connected = Subscriber::connect(&base, "all=true", None).await;
    let last = *world.devnet.events_emitted().last().unwrap();

    server.stop();
    let while_away = world.create("carol", "dave", 1_000_000, 100).await;
    let old_id = "0000000008589938688-0000000000";
    let answer = http_client().get(format!("{base}/v1/events/subscribe?all=true")).header("last-event-id", old_id);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 200, "a browser reconnects only after a 200");
    let text = answer.text().await.unwrap();
    assert!(text.starts_with("retry: ") && text.ends_with("\n\n"), "{text:?}");
    let mut by_ring = Subscriber::connect(&base, "all=true", Some(&last.to_string())).await;
    let query = http_client().get(format!("{base}/v1/streams")).send().await.unwrap();
    assert_eq!(query.status(), 503);

    let _server = start(&folder).await;
    let ids: Vec<_> = world.devnet.events_emitted().into_iter().filter(|id| *id > last).collect();
    assert_eq!(ids[0].ledger(), while_away.ledger);
    assert_eq!(connected.ids(ids.len()).await, ids, "the client that stayed connected");
    assert_eq!(by_ring.ids(ids.len()).await, ids, "the client that connected in between");
    eventually("queries are answered again", || async {
        http_client().get(format!("{base}/v1/streams")).send().await.unwrap().status() == 200
    })
    .await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

#[tokio::test]
async fn a_symbolic_link_in_place_of_the_servers_log_is_not_followed() {
    let folder = Folder::new();
    start(&folder).await.stop();
    let (log, elsewhere) = (folder.0.join("postgres/server.log"), folder.0.join("elsewhere"));
    fs::write(&elsewhere, "as it was").unwrap();
    fs::remove_file(&log).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &log).unwrap();
    let refused = PrivateServer::start(&folder.0, None, Durability::None).await.unwrap_err();
    assert!(refused.to_string().contains("server.log"), "{refused}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "as it was");
}

#[test]
fn an_invalid_database_url_is_not_repeated() {
    for url in ["postgres://user:x?sslmode=s3cret@host/db", "postgres://user:x/s3cret@host/db", "s3cret", ""] {
        let refused = Store::check_url(url).unwrap_err().to_string();
        assert!(!refused.contains("s3cret"), "{refused}");
    }
}

#[test]
fn an_unknown_parameter_in_a_database_url_is_refused_before_the_driver_logs_it() {
    for url in ["postgres://h/db?user=u&password=abc&s3cret=x", "postgres://h/db?pasword=s3cret"] {
        let refused = Store::check_url(url).unwrap_err().to_string();
        assert!(refused.contains("%26") && !refused.contains("s3cret"), "{refused}");
    }
    for url in
        ["postgres://h/db?sslmode=disable", "postgres://h/db?options[search_path]=x&user=u", "postgres:///db?host=/tmp"]
    {
        assert!(Store::check_url(url).is_ok(), "{url}");
    }
}

#[tokio::test]
async fn a_symbolic_link_in_place_of_the_lock_is_not_followed() {
    let folder = Folder::new();
    let elsewhere = folder.0.join("elsewhere");
    fs::write(&elsewhere, "as it was").unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.0.join("lock")).unwrap();
    let refused = PrivateServer::start(&folder.0, None, Durability::None).await.unwrap_err();
    assert!(refused.to_string().contains("lock"), "{refused}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "as it was");
}
