//! What others made of our tables is still theirs after records were built anew, and after an epoch was put aside.

use flowfi_indexer::{domain::Epoch, ingest::Reindex, store::StoreError};
use sqlx::PgPool;

use crate::world::World;

/// A role that may read. Roles are the server's, so each has a name of its own, and is dropped at the end.
struct Reporter {
    pool: PgPool,
    name: String,
}

impl Reporter {
    async fn of(pool: &PgPool) -> Self {
        let name = sqlx::query_scalar("select 'reporter_' || oid from pg_database where datname = current_database()");
        let reporter = Self { pool: pool.clone(), name: name.fetch_one(pool).await.unwrap() };
        reporter.run("create role ROLE").await;
        reporter
    }

    async fn run(&self, statement: &str) {
        let statement = statement.replace("ROLE", &self.name);
        sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&self.pool).await.unwrap();
    }

    async fn may(&self, question: &str) -> bool {
        let question = format!("select {}", question.replace("ROLE", &format!("'{}'", self.name)));
        sqlx::query_scalar(sqlx::AssertSqlSafe(question)).fetch_one(&self.pool).await.unwrap()
    }

    async fn grant(&self) {
        self.run("grant select on streams to ROLE with grant option").await;
        self.run("grant select (toid), update (amount) on stream_events to ROLE").await;
        self.run("grant select on cursors to public").await;
        self.run("create schema reports").await;
        self.run("create view reports.known with (security_barrier) as select * from streams").await;
        self.run("create view reports.counted as select count(*) from reports.known").await;
        self.run("grant select on reports.counted to ROLE").await;
    }

    async fn assert_as_granted(&self) {
        for question in [
            "has_table_privilege(ROLE, 'streams', 'select with grant option')",
            "has_column_privilege(ROLE, 'stream_events', 'toid', 'select')",
            "has_column_privilege(ROLE, 'stream_events', 'amount', 'update')",
            "not has_column_privilege(ROLE, 'stream_events', 'event_index', 'select')",
            "not has_table_privilege(ROLE, 'streams', 'delete')",
            "has_table_privilege(ROLE, 'cursors', 'select')",
            "has_table_privilege(ROLE, 'reports.counted', 'select')",
            "exists (select from pg_class where relname = 'known' and 'security_barrier=true' = any(reloptions))",
            "(select count from reports.counted) = (select count(*) from streams)",
        ] {
            assert!(self.may(question).await, "{question}");
        }
    }

    async fn drop(self) {
        self.run("drop owned by ROLE").await;
        self.run("drop role ROLE").await;
    }
}

async fn indexed(pool: PgPool) -> World {
    let world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    world
}

#[sqlx::test]
async fn a_reindex_keeps_the_privileges_and_the_views_of_others(pool: PgPool) {
    let world = indexed(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    reporter.grant().await;
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    reporter.assert_as_granted().await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    reporter.assert_as_granted().await;
    assert!(reporter.may("(select count from reports.counted) = 2").await);
    reporter.drop().await;
}

#[sqlx::test]
async fn an_epoch_that_is_put_aside_leaves_privileges_and_views_with_the_tables_of_the_next(pool: PgPool) {
    let world = indexed(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    reporter.grant().await;
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    reporter.assert_as_granted().await;
    assert!(reporter.may("(select count from reports.counted) = 0").await, "the view shows the new epoch");
    reporter.drop().await;
}

#[sqlx::test]
async fn a_reindex_names_what_cannot_follow_to_the_new_tables_before_it_begins(pool: PgPool) {
    let world = indexed(pool).await;
    for (made, dropped, named) in [
        ("create materialized view totals as select count(*) from streams", "drop materialized view totals", "totals"),
        (
            "create function totals() returns bigint begin atomic select count(*) from stream_events; end",
            "drop function totals",
            "totals",
        ),
    ] {
        sqlx::query(made).execute(&world.pool).await.unwrap();
        let refused = Reindex::open(&world.store).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains(named) && refused.to_string().contains("depends on"), "{refused}");
        sqlx::query(dropped).execute(&world.pool).await.unwrap();
    }
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    let kept = "create materialized view kept as select count(*) from streams";
    sqlx::query(kept).execute(&world.pool).await.unwrap();
    let archived: Result<_, StoreError> = world.store.archive_epoch(Epoch(0)).await;
    assert!(archived.unwrap().is_some(), "nobody is there to be asked");
}
