//! Whatever others added to our tables is kept after a reindex, and after an epoch is archived.

use flowfi_indexer::{domain::Epoch, ingest::Reindex, store::StoreError};
use sqlx::PgPool;

use crate::world::World;

/// A role that may read. Roles belong to the server, so each has a unique name, and is dropped at the end.
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
async fn archiving_an_epoch_gives_its_privileges_and_views_to_the_tables_of_the_next(pool: PgPool) {
    let world = indexed(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    reporter.grant().await;
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    reporter.assert_as_granted().await;
    assert!(reporter.may("(select count from reports.counted) = 0").await, "the view shows the new epoch");
    reporter.drop().await;
}

#[sqlx::test]
async fn a_reindex_names_what_cannot_be_moved_to_the_new_tables_before_it_starts(pool: PgPool) {
    let world = indexed(pool).await;
    for (made, dropped, named) in [
        ("create materialized view totals as select count(*) from streams", "drop materialized view totals", "totals"),
        (
            "create function totals() returns bigint begin atomic select count(*) from stream_events; end",
            "drop function totals",
            "totals",
        ),
        (
            "create function active() returns setof streams language sql stable as 'select * from streams'",
            "drop function active",
            "active",
        ),
        ("create view whole as select streams as stream from streams", "drop view whole", "whole"),
        ("alter table streams add column note text", "alter table streams drop column note", "the column note"),
        (
            "alter table streams add constraint some_rate check (rate_per_second >= 0)",
            "alter table streams drop constraint some_rate",
            "the constraint some_rate",
        ),
        (
            "create publication part for table streams (contract_id, stream_id) where (stream_id = '1')",
            "drop publication part",
            "the publication part",
        ),
    ] {
        sqlx::query(made).execute(&world.pool).await.unwrap();
        let refused = Reindex::open(&world.store).await.map(drop).unwrap_err();
        assert!(refused.to_string().contains(named) && refused.to_string().contains("cannot be moved"), "{refused}");
        sqlx::query(dropped).execute(&world.pool).await.unwrap();
    }
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    let kept = "create materialized view kept as select count(*) from streams";
    sqlx::query(kept).execute(&world.pool).await.unwrap();
    let archived: Result<_, StoreError> = world.store.archive_epoch(Epoch(0)).await;
    assert!(archived.unwrap().is_some(), "there is nobody to ask");
}

impl Reporter {
    /// Returns how many streams the role sees.
    async fn sees(&self) -> i64 {
        let mut connection = self.pool.acquire().await.unwrap();
        let become_it = format!("set role {}", self.name);
        sqlx::query(sqlx::AssertSqlSafe(become_it)).execute(&mut *connection).await.unwrap();
        let seen = sqlx::query_scalar("select count(*) from streams").fetch_one(&mut *connection).await.unwrap();
        sqlx::query("reset role").execute(&mut *connection).await.unwrap();
        seen
    }
}

/// Each addition: the statement that makes it, and the condition that shows that it is there.
const OF_OTHERS: [(&str, &str); 6] = [
    (
        "create function copied() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger copied after insert on stream_events for each row execute function copied()",
        "exists (select from pg_trigger where tgname = 'copied' and tgrelid = 'stream_events'::regclass)",
    ),
    (
        "create trigger silenced after insert on stream_events for each row execute function copied();
         alter table stream_events disable trigger silenced",
        "exists (select from pg_trigger
         where tgname = 'silenced' and tgrelid = 'stream_events'::regclass and tgenabled = 'D')",
    ),
    (
        "create publication told for table stream_events",
        "exists (select from pg_publication_rel join pg_publication on pg_publication.oid = prpubid
         where pubname = 'told' and prrelid = 'stream_events'::regclass)",
    ),
    (
        "create index of_others on streams (token, start_time)",
        "exists (select from pg_indexes where indexname = 'of_others' and schemaname = 'public')",
    ),
    ("comment on table streams is 'ours'", "obj_description('streams'::regclass) = 'ours'"),
    (
        "comment on column streams.sender is 'who'",
        "exists (select from pg_description where description = 'who'
         and objoid = 'streams'::regclass)",
    ),
];

#[sqlx::test]
async fn triggers_publications_indexes_and_comments_of_others_are_moved_by_a_reindex_and_by_an_archive(pool: PgPool) {
    let world = indexed(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    let all_are_there = async |when: &str| {
        for (made, question) in OF_OTHERS {
            assert!(reporter.may(question).await, "{when}: {made}");
        }
    };
    for (made, _) in OF_OTHERS {
        sqlx::raw_sql(made).execute(&world.pool).await.unwrap();
    }
    all_are_there("at first").await;
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    all_are_there("after a reindex").await;
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    all_are_there("in the next epoch").await;
    reporter.drop().await;
}

#[sqlx::test]
async fn rows_that_a_policy_hides_stay_hidden_after_a_reindex_and_in_the_next_epoch(pool: PgPool) {
    let world = indexed(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    reporter.run("alter table streams enable row level security").await;
    reporter.run("create policy nobody on streams for select to ROLE using (false)").await;
    reporter.run("grant select on streams to ROLE").await;
    assert_eq!(reporter.sees().await, 0);
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    assert_eq!(reporter.sees().await, 0, "after a reindex");
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    assert!(reporter.may("(select count(*) from streams) = 1").await, "there is one stream");
    assert_eq!(reporter.sees().await, 0, "in the next epoch");
    reporter.run("drop policy nobody on streams").await;
    reporter.drop().await;
}

#[sqlx::test]
async fn a_revoked_privilege_is_not_granted_again_by_default(pool: PgPool) {
    let world = World::new(pool).await;
    let reporter = Reporter::of(&world.pool).await;
    reporter.run("alter default privileges grant select on tables to ROLE").await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.index_to_the_tip(world.indexer(100)).await;
    reporter.run("revoke all on quarantine from ROLE").await;
    Reindex::open(&world.store).await.unwrap().read_stored_and_swap(|_| {}).await.unwrap();
    let may = reporter.may("has_table_privilege(ROLE, 'quarantine', 'select')").await;
    reporter.run("alter default privileges revoke select on tables from ROLE").await;
    reporter.drop().await;
    assert!(!may);
}

#[sqlx::test]
async fn a_view_that_does_not_fit_does_not_prevent_an_archive(pool: PgPool) {
    let world = indexed(pool).await;
    sqlx::query("create view whole as select streams as stream from streams").execute(&world.pool).await.unwrap();
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
}

#[sqlx::test]
async fn a_session_that_holds_a_view_delays_an_archive_and_the_view_is_kept(pool: PgPool) {
    let world = indexed(pool).await;
    sqlx::query("create view counted as select count(*) from streams").execute(&world.pool).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it starts")]
    let mut describing = world.pool.begin().await.unwrap();
    // Locks the view but not the table.
    sqlx::query("comment on view counted is 'being described'").execute(&mut *describing).await.unwrap();
    let archived = world.store.archive_epoch(Epoch(0)).await;
    assert!(archived.as_ref().is_err_and(StoreError::is_unavailable), "it must be retried: {archived:?}");
    describing.rollback().await.unwrap();
    world.store.archive_epoch(Epoch(0)).await.unwrap().unwrap();
    let counted: i64 = sqlx::query_scalar("select count from counted").fetch_one(&world.pool).await.unwrap();
    assert_eq!(counted, 0, "it shows the next epoch");
}
