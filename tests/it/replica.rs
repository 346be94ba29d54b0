//! A gateway that reads a replica: a replica that lags delays it, and makes it neither lose an event nor show a record that
//! is older than an event.

use std::{fs, process::Command, time::Duration};

use flowfi_indexer::{
    postgres::{Durability, PrivateServer},
    store::Store,
};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    database_away::Folder,
    roles::Gateway,
    world::{Subscriber, World, eventually},
};

/// An event that must not come would come within a few milliseconds.
const A_WHILE: Duration = Duration::from_millis(300);

/// A server, and a standby that follows it by streaming replication.
struct Pair {
    primary: PrivateServer,
    replica: PrivateServer,
    replica_pool: PgPool,
    /// Removed after the servers have stopped.
    folders: [Folder; 2],
}

impl Pair {
    async fn start() -> Self {
        let folders = [Folder::new(), Folder::new()];
        let [primary, replica] = [0, 1].map(|place: usize| folders[place].0.clone());
        let start = async |folder| PrivateServer::start(folder, None, Durability::None).await.unwrap();
        let first = start(&primary).await;
        let pool = PgPool::connect(first.url()).await.unwrap();
        Store::on(pool.clone()).migrate().await.unwrap();
        let user: String = sqlx::query_scalar("select current_user").fetch_one(&pool).await.unwrap();
        pool.close().await;
        first.stop();
        let [of_primary, of_replica] = [&primary, &replica].map(|folder| folder.join("postgres"));
        let copied = Command::new("cp").arg("-a").args([&of_primary, &of_replica]).status().unwrap();
        assert!(copied.success());
        fs::write(of_replica.join("standby.signal"), "").unwrap();
        let follows = format!("primary_conninfo = 'host={} user={user}'\n", of_primary.display());
        fs::write(of_replica.join("postgresql.auto.conf"), follows).unwrap();
        let (primary, replica) = (start(&primary).await, start(&replica).await);
        let replica_pool = PgPool::connect(replica.url()).await.unwrap();
        Self { primary, replica, replica_pool, folders }
    }

    async fn world(&self) -> World {
        World::new(PgPool::connect(self.primary.url()).await.unwrap()).await
    }

    async fn gateway(&self, world: &World) -> (Gateway, String) {
        let arguments = ["--role", "gateway", "--read-database-url", self.replica.url()];
        let mut gateway = Gateway::with(world, self.primary.url(), &arguments);
        let base = gateway.base().await;
        (gateway, base)
    }

    /// Makes the replica stand still.
    async fn pause(&self) {
        sqlx::query("select pg_wal_replay_pause()").execute(&self.replica_pool).await.unwrap();
        eventually("the replica stands still", || async {
            let state = "select pg_get_wal_replay_pause_state() = 'paused'";
            sqlx::query_scalar(state).fetch_one(&self.replica_pool).await.unwrap()
        })
        .await;
    }

    async fn resume(&self) {
        sqlx::query("select pg_wal_replay_resume()").execute(&self.replica_pool).await.unwrap();
    }
}

#[tokio::test]
async fn an_event_is_published_once_the_replica_has_it_and_its_record_is_there_then() {
    let pair = Pair::start().await;
    let mut world = pair.world().await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let (_gateway, base) = pair.gateway(&world).await;
    eventually("the replica has the first stream", || async { world.get(&base, "/v1/streams/1").await.0 == 200 }).await;
    let newest = world.devnet.events_emitted().last().unwrap().to_string();
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&newest)).await;
    for stream in 2..5 {
        pair.pause().await;
        let before = world.devnet.events_emitted().len();
        world.create("carol", "dave", 1_000_000, 100).await;
        world.indexed().await;
        assert_eq!(world.get(&base, &format!("/v1/streams/{stream}")).await.0, 404, "the replica does not have it");
        assert!(timeout(A_WHILE, subscriber.events(1)).await.is_err(), "its event is not published either");
        pair.resume().await;
        let emitted = world.devnet.events_emitted().split_off(before);
        assert_eq!(subscriber.ids(emitted.len()).await, emitted);
        assert_eq!(world.get(&base, &format!("/v1/streams/{stream}")).await.0, 200, "no record is older than an event");
    }
}

#[tokio::test]
async fn a_client_that_has_more_than_the_replica_resumes_where_it_was() {
    let pair = Pair::start().await;
    let mut world = pair.world().await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let (_gateway, base) = pair.gateway(&world).await;
    pair.pause().await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
    let newest = world.devnet.events_emitted().last().unwrap().to_string();
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&newest)).await;
    pair.resume().await;
    let before = world.devnet.events_emitted().len();
    world.create("erin", "frank", 1_000_000, 100).await;
    let emitted = world.devnet.events_emitted().split_off(before);
    let first = loop {
        let frame = subscriber.next().await.unwrap();
        if frame.event.is_some() {
            break frame;
        }
    };
    assert_eq!(first.feed_id(), Some(emitted[0]), "nothing twice, and no reset: {first:?}");
    assert_eq!(subscriber.ids(emitted.len() - 1).await, emitted[1..]);
}

#[tokio::test]
async fn a_gateway_serves_from_its_replica_while_the_primary_is_away_and_continues_after_it() {
    let pair = Pair::start().await;
    let world = pair.world().await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (mut gateway, base) = pair.gateway(&world).await;
    eventually("the replica has the stream", || async { world.get(&base, "/v1/streams/1").await.0 == 200 }).await;
    let newest = world.devnet.events_emitted().last().unwrap().to_string();
    let mut subscriber = Subscriber::connect(&base, "all=true", Some(&newest)).await;
    let before = world.devnet.events_emitted().len();
    let Pair { primary, replica, replica_pool, folders } = pair;
    primary.stop();
    gateway.says("the feed is waiting for the database").await;
    assert_eq!(world.get(&base, "/v1/streams/1").await.0, 200);
    let primary = PrivateServer::start(&folders[0].0, None, Durability::None).await.unwrap();
    let _pair = Pair { primary, replica, replica_pool, folders };
    world.create("carol", "dave", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let emitted = world.devnet.events_emitted().split_off(before);
    assert_eq!(subscriber.ids(emitted.len()).await, emitted);
}
