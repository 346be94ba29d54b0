//! Tables of an older version are moved to their present layout while others read and write them.

use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicI64, Ordering},
    time::Duration,
};

use flowfi_indexer::{
    domain::{ContractId, EventId, LedgerSequence, StreamId},
    store::{EventRange, Store, StoreError},
};
use sqlx::{AssertSqlSafe, ConnectOptions, PgPool};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use crate::{
    filled,
    previous::restore,
    silent_writes::{freeze, thaw},
    store::{batch, commit, created, writer},
    world::eventually,
};

/// The last migration before the tables had their present layout.
const BEFORE: i64 = 16;
/// The first ledger of the writer, some before the end of a partition.
const FIRST_LEDGER: i64 = (4 << 22) - 50;

/// Everything of a table's rows but what the writer changes, in a form that both layouts share. A later column is null.
const SHAPES: [&str; 2] = [
    "select concat_ws(' ', count(*), sum(hashtextextended(concat_ws('|', toid, event_index, ledger, contract_id,
         ledger_closed_at, tx_hash, type, stream_id, sender, recipient, former_recipient, token, amount, body, topics, value,
         came_late), 0)))
     from stream_events where toid <= 16000000::bigint << 32",
    "select concat_ws(' ', count(*), sum(hashtextextended(jsonb_strip_nulls(to_jsonb(streams) - 'stream_id' - 'withdrawn')::text
         || stream_id::text, 0)))
     from streams",
];

async fn texts(pool: &PgPool, query: &'static str) -> Vec<String> {
    // A prepared statement would not outlive the change of a column it reads.
    sqlx::query_scalar(query).persistent(false).fetch_all(pool).await.unwrap()
}

async fn shape(pool: &PgPool) -> Vec<String> {
    let mut shape = Vec::new();
    for query in SHAPES {
        shape.extend(texts(pool, query).await);
    }
    shape
}

async fn run(pool: &PgPool, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(pool).await.unwrap();
}

/// The real binary, which moves the tables and ends.
fn migrate(pool: &PgPool) -> Child {
    Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"))
        .arg("migrate")
        .env("DATABASE_URL", pool.connect_options().to_url_lossy().as_str())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Returns how many rows were copied; none before the move has begun.
async fn moved(pool: &PgPool) -> i64 {
    let moved = "select coalesce(sum(rows), 0)::bigint from flowfi_move.table_move";
    sqlx::query_scalar(moved).fetch_one(pool).await.unwrap_or(0)
}

/// Does something again and again until told to stop. Returns how often, and the longest that it took.
async fn again_and_again(over: &AtomicBool, act: impl AsyncFn(i64)) -> (i64, Duration) {
    let (mut count, mut longest) = (0, Duration::ZERO);
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        act(count).await;
        longest = longest.max(begun.elapsed());
        count += 1;
        sleep(Duration::from_millis(5)).await;
    }
    (count, longest)
}

/// Writes in the way of a commit: the cursor, an event, a record, and a row of the quarantine that comes and goes. Names
/// no stream by its id, whose type changes meanwhile.
fn write(number: i64) -> String {
    let (ledger, stream) = (FIRST_LEDGER + number, number % 100 + 1);
    format!(
        "begin;
         update cursors set toid = {ledger}::bigint << 32, last_whole_ledger = {ledger};
         insert into stream_events (toid, event_index, contract_id, ledger_closed_at, tx_hash, type, stream_id, sender,
             recipient, token, amount, body, topics, value)
         select {ledger}::bigint << 32, 0, contract_id, now(), tx_hash, type, stream_id, sender, recipient, token, amount,
             body, topics, value
         from stream_events where toid = 16::bigint << 32;
         update streams set withdrawn = withdrawn + 1 where created_toid = ({stream} * 160)::bigint << 32;
         insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, stream_id, reason,
             in_successful_call, topics, value)
         select {ledger}::bigint << 32, 1, contract_id, now(), tx_hash, 'unknown', stream_id, 'none', true, topics, value
         from stream_events where toid = 16::bigint << 32;
         delete from quarantine where toid < ({ledger} - 9)::bigint << 32;
         commit"
    )
}

#[sqlx::test(migrations = false)]
async fn a_million_events_move_while_others_read_and_write_and_nothing_is_lost(pool: PgPool) {
    sqlx::migrate!().run_to(BEFORE, &pool).await.unwrap();
    filled::fill_tables(&pool, &ContractId::from_bytes([9; 32])).await;
    // As the older version made them at the tip.
    run(&pool, "create index streams_by_phase on streams (phase, created_toid, created_event_index); analyze").await;
    let before = shape(&pool).await;
    let (over, written) = (AtomicBool::new(false), AtomicI64::new(0));
    let writing = again_and_again(&over, async |number| {
        run(&pool, &write(number)).await;
        written.fetch_add(1, Ordering::Relaxed);
    });
    let reading = again_and_again(&over, async |_| {
        let newest = "select toid from stream_events order by toid desc, event_index desc limit 20";
        sqlx::raw_sql(newest).execute(&pool).await.unwrap();
        let of_user = "select count(*) from (select from streams order by created_toid limit 20) as streams";
        sqlx::raw_sql(of_user).execute(&pool).await.unwrap();
    });
    let moving = async {
        let begun = Instant::now();
        let mut first = migrate(&pool);
        eventually("a part is moved", || async { moved(&pool).await > 150_000 }).await;
        first.kill().await.unwrap();
        let kept = moved(&pool).await;
        assert!(
            first.wait().await.unwrap().code().is_none() && kept < 1_000_000,
            "it was killed in the middle: {kept}"
        );
        let is_past = || async { written.load(Ordering::Relaxed) > 100 };
        eventually("the writer is past the end of a partition", is_past).await;
        let second = migrate(&pool);
        eventually("the move goes on", || async { moved(&pool).await != kept }).await;
        assert!(moved(&pool).await > kept, "it goes on where it was");
        let ended = second.wait_with_output().await.unwrap();
        let log = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success(), "{log}");
        println!("{log}");
        let took = begun.elapsed();
        let by_then = written.load(Ordering::Relaxed);
        let is_written = || async { written.load(Ordering::Relaxed) > by_then + 1 };
        eventually("the writer writes the new tables", is_written).await;
        over.store(true, Ordering::Relaxed);
        took
    };
    let ((commits, longest_commit), (reads, longest_read), took) = tokio::join!(writing, reading, moving);
    // On a quiet machine nobody waits for a second. How busy this one is decides too much of it to be asserted.
    println!(
        "moved 1000000 events and 100000 streams in {took:.1?}; the longest of {commits} commits took {longest_commit:?}, \
         the longest of {reads} reads {longest_read:?}"
    );
    assert_eq!(shape(&pool).await, before);
    let counts = "select concat_ws(' ', (select count(*) from stream_events where toid > 16000000::bigint << 32),
        (select sum(withdrawn) from streams), (select count(*) from quarantine),
        (select count(distinct tableoid) from stream_events))";
    assert_eq!(texts(&pool, counts).await, [format!("{commits} {commits} 10 5")]);
    Store::on(pool.clone()).expect_schema().await.unwrap();
    let left = texts(&pool, "select nspname::text from pg_namespace where starts_with(nspname, 'flowfi_')").await;
    assert!(left.is_empty(), "{left:?}");
    let indexes =
        "select indexname::text from pg_indexes where tablename = 'streams' and indexname = 'streams_in_order'";
    assert_eq!(texts(&pool, indexes).await.len(), 1, "the index had been at the tip");
}

#[sqlx::test(migrations = false)]
async fn a_mover_that_is_frozen_while_it_holds_the_tables_loses_them_and_moves_them_when_it_goes_on(pool: PgPool) {
    restore(&pool).await;
    sqlx::migrate!().run_to(BEFORE, &pool).await.unwrap();
    // A swap takes milliseconds. Three seconds are enough to freeze it in the middle.
    run(
        &pool,
        "create function wait_in_a_swap() returns event_trigger language plpgsql as $$ begin
             if to_regnamespace('flowfi_replaced') is not null then perform pg_sleep(3); end if;
         end $$;
         create event trigger slow on ddl_command_end when tag in ('CREATE SCHEMA') execute function wait_in_a_swap()",
    )
    .await;
    let holds_the_tables = || async {
        let held = "select count(*)::text from pg_locks
            where relation = 'streams'::regclass and mode = 'AccessExclusiveLock' and granted";
        texts(&pool, held).await != ["0"]
    };
    let mover = migrate(&pool);
    eventually("it holds the tables", holds_the_tables).await;
    freeze(&mover).await;
    eventually("it has lost them", || async { !holds_the_tables().await }).await;
    let swapped = "select count(*)::text from _sqlx_migrations where version > 16";
    assert_eq!(texts(&pool, swapped).await, ["0"], "it was frozen in the middle of the swap");
    run(&pool, "drop event trigger slow; drop function wait_in_a_swap").await;
    thaw(&mover).await;
    let ended = mover.wait_with_output().await.unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Store::on(pool).expect_schema().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn what_others_added_to_the_tables_is_moved_and_numbers_go_on(pool: PgPool) {
    restore(&pool).await;
    sqlx::migrate!().run_to(BEFORE, &pool).await.unwrap();
    let role =
        texts(&pool, "select 'reader_' || oid from pg_database where datname = current_database()").await.remove(0);
    run(
        &pool,
        &format!(
            "create role {role}; grant select on stream_events to {role};
             create index of_others on stream_events (tx_hash) where amount > 5;
             create view of_others_too with (security_barrier) as select * from streams;
             create view through_another as select stream_id, sender from of_others_too;
             grant select on through_another to {role};
             comment on view of_others_too is 'theirs';
             create publication told for table stream_events;
             insert into corrections (contract_id, stream_id, at_ledger, field, ours, chains)
             select 'C', number, 5, 'status', 'active', 'paused' from generate_series(9, 11) as number;
             insert into record_checks (contract_id, looked_up_to, differing_streams, differing_fields)
             values ('C', 12, '{{3, 18446744073709551615}}', '{{status, paused}}')"
        ),
    )
    .await;
    let quarantined =
        texts(&pool, "select concat_ws(' ', toid, event_index, stream_id) from quarantine order by 1").await;
    Store::on(pool.clone()).migrate().await.unwrap();
    run(
        &pool,
        "insert into corrections (contract_id, stream_id, at_ledger, field, ours, chains)
         values ('C', '10', 6, 'status', 'active', 'paused')",
    )
    .await;
    for (question, answer) in [
        ("select concat_ws(' ', number, stream_id) from corrections order by number", "1 9, 2 10, 3 11, 4 10"),
        (
            "select concat_ws(' ', looked_up_to, differing_streams) from record_checks where contract_id = 'C'",
            "12 {3,18446744073709551615}",
        ),
        ("select concat_ws(' ', indexname) from pg_indexes where indexname = 'of_others'", "of_others"),
        ("select (count(*) = (select count(*) from streams))::text from through_another", "true"),
        ("select obj_description('of_others_too'::regclass)", "theirs"),
        ("select reloptions[1] from pg_class where relname = 'of_others_too'", "security_barrier=true"),
        (
            "select relkind::text from pg_publication_rel join pg_class on pg_class.oid = prrelid
             join pg_publication on pg_publication.oid = prpubid where pubname = 'told'",
            "p",
        ),
        ("select tgname::text from pg_trigger where not tgisinternal", ""),
    ] {
        assert_eq!(texts(&pool, question).await.join(", "), answer, "{question}");
    }
    let may = format!(
        "select (has_table_privilege('{role}', 'stream_events', 'select')
             and has_table_privilege('{role}', 'through_another', 'select'))::text"
    );
    let may: String = sqlx::query_scalar(AssertSqlSafe(may)).fetch_one(&pool).await.unwrap();
    run(&pool, &format!("drop owned by {role}; drop role {role}")).await;
    assert_eq!(may, "true");
    assert_eq!(
        texts(&pool, "select concat_ws(' ', toid, event_index, stream_id) from quarantine order by 1").await,
        quarantined
    );
}

#[sqlx::test(migrations = false)]
async fn what_cannot_be_moved_is_named_before_anything_is_moved(pool: PgPool) {
    restore(&pool).await;
    let store = Store::on(pool.clone());
    run(&pool, "create materialized view totals as select count(*) from streams").await;
    let refused = store.migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::StaysBehind { .. }) && refused.to_string().contains("totals"), "{refused}");
    let begun = texts(&pool, "select nspname::text from pg_namespace where nspname = 'flowfi_move'").await;
    assert!(begun.is_empty());
    run(&pool, "drop materialized view totals").await;
    store.migrate().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_gateway_waits_until_the_tables_are_moved(pool: PgPool) {
    sqlx::migrate!().run_to(BEFORE, &pool).await.unwrap();
    let store = Store::on(pool);
    let waits = store.expect_schema().await.unwrap_err();
    assert!(matches!(waits, StoreError::TablesNotMoved) && waits.is_unavailable(), "{waits}");
    store.migrate().await.unwrap();
    store.expect_schema().await.unwrap();
}

#[sqlx::test(migrations = false)]
async fn a_move_whose_tables_were_replaced_begins_anew(pool: PgPool) {
    restore(&pool).await;
    sqlx::migrate!().run_to(BEFORE, &pool).await.unwrap();
    let rows = texts(&pool, "select concat_ws(' ', toid, event_index) from stream_events order by 1").await;
    // A move that says that everything is copied, from a table that is not there any more.
    run(
        &pool,
        "create schema flowfi_move;
         create table flowfi_move.table_move as
         select 'stream_events' as name, 1::oid as old, null::text[] as last_key, 0::bigint as rows, true as done",
    )
    .await;
    Store::on(pool.clone()).migrate().await.unwrap();
    assert_eq!(texts(&pool, "select concat_ws(' ', toid, event_index) from stream_events order by 1").await, rows);
}

#[sqlx::test]
async fn ids_of_streams_are_in_the_order_of_their_numbers(pool: PgPool) {
    let store = Store::on(pool);
    let mut writer = writer(&store).await;
    let numbers = [u64::MAX, 9, 100, 10, 99, 1];
    let events = numbers.iter().zip(2..).map(|(number, ledger)| created(ledger, *number, 5)).collect();
    commit(&store, &mut writer, batch(events, 9)).await.unwrap();
    let contract_id = created(2, 1, 5).raw.contract_id;
    let above = async |id| store.stream_ids_above(&contract_id, StreamId(id), 4).await.unwrap();
    assert_eq!(above(0).await, [1, 9, 10, 99].map(StreamId));
    assert_eq!(above(10).await, [99, 100, u64::MAX].map(StreamId));
    assert_eq!(store.highest_stream_id(&contract_id).await.unwrap(), Some(StreamId(u64::MAX)));
    let uncertain = store.uncertain_streams(&contract_id, StreamId(9), 2).await.unwrap();
    let uncertain: Vec<StreamId> = uncertain.into_iter().map(|(id, _)| id).collect();
    assert_eq!(uncertain, [10, 99].map(StreamId));
}

#[sqlx::test]
async fn events_of_distant_ledgers_lie_in_partitions_that_are_added_ahead_of_them(pool: PgPool) {
    let store = Store::on(pool.clone());
    let mut writer = writer(&store).await;
    let partitions = "select relname::text from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'stream_events'::regclass order by 1";
    let (end, last) = (1 << 22, u32::MAX >> 1);
    commit(&store, &mut writer, batch(vec![created(2, 1, 5)], 2)).await.unwrap();
    assert_eq!(texts(&pool, partitions).await, ["stream_events_0"]);
    commit(&store, &mut writer, batch(vec![created(end - 1, 2, 5)], end - 1)).await.unwrap();
    assert_eq!(texts(&pool, partitions).await, ["stream_events_0", "stream_events_1"]);
    let events = vec![created(end, 3, 5), created(last, 4, 5)];
    commit(&store, &mut writer, batch(events, last)).await.unwrap();
    assert_eq!(texts(&pool, partitions).await, ["stream_events_0", "stream_events_1", "stream_events_511"]);
    let range = EventRange { after: EventId::end_of_ledger(LedgerSequence(2)), up_to: EventId::LAST };
    let ids = store.ids_of_everything(&created(2, 1, 5).raw.contract_id, range, 9).await.unwrap();
    let ledgers: Vec<u32> = ids.into_iter().map(|id| id.ledger().0).collect();
    assert_eq!(ledgers, [end - 1, end, last]);
}
