//! In an index with a million events, no migration holds a lock that others wait for, for as long as a second.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use flowfi_indexer::domain::ContractId;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use crate::filled;

/// The last migration of the tables that are built beside the old ones. `table_move.rs` looks at those that it replaces.
const BUILT_BESIDE: i64 = 17;
/// A lock may be held for so long, or for as long as three readings of the machine take where it is busy.
const LONGEST: Duration = Duration::from_secs(1);
/// Takes about a third of a second on a machine that is otherwise idle.
const READING: &str = "select sum(hashint8(number)) from generate_series(1::bigint, 3000000) as number";

/// Other tables with as much as an index of this size may have: a correction and an entry of each stream.
const FILL_OTHERS: &str = "
    insert into corrections (contract_id, stream_id, at_ledger, field, ours, chains)
    select contract_id, stream_id, created_toid >> 32, case when rank % 2 = 0 then 'record' else 'status' end, 'present',
        'deleted'
    from (select *, row_number() over () as rank from streams) as streams;
    insert into baselines (contract_id, stream_id, toid, event_index, entry, last_modified_ledger, revision)
    select contract_id, stream_id, created_toid, 0, repeat('AAAAEQAAAAEAAAAH', 30), created_toid >> 32, 0 from streams;
    insert into api_keys (id, subject, name, scopes, hash, created_by, issued_at, expires_at)
    select 'key' || number, 'subject' || number % 1000, 'name', 'read', decode(md5(number::text), 'hex'), 'subject',
        number, number + 86400
    from generate_series(1, 10000) as number;
    analyze";

/// For how long locks on tables were seen to be held, by the server's clock.
#[derive(Debug, Default)]
struct Held {
    of_tables: BTreeMap<String, (DateTime<Utc>, DateTime<Utc>)>,
    /// The longest that a reading of the machine took meanwhile.
    longest_reading: Duration,
}

impl Held {
    fn longest(&self) -> Duration {
        let times = self.of_tables.values().map(|(first, last)| (*last - *first).to_std().unwrap());
        times.max().unwrap_or_default()
    }

    fn allowed(&self) -> Duration {
        LONGEST.max(3 * self.longest_reading)
    }
}

/// Does something, and watches meanwhile which tables that were there before are locked so that others cannot change all
/// of their rows.
async fn watch(pool: &PgPool, act: impl Future<Output = ()>) -> Held {
    let tables = "select tablename::text from pg_tables
        where schemaname = current_schema() and tablename <> '_sqlx_migrations'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    let (is_over, mut held) = (AtomicBool::new(false), BTreeMap::new());
    let watching = async {
        while !is_over.load(Ordering::Relaxed) {
            let locks = "select relname || ' in ' || mode, clock_timestamp()
                from pg_locks join pg_class on pg_class.oid = relation join pg_stat_activity using (pid)
                where granted and relname = any($1) and relnamespace = current_schema()::regnamespace
                  and pid <> pg_backend_pid() and backend_type = 'client backend'
                  and mode in ('RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock',
                      'AccessExclusiveLock')";
            let locks: Vec<(String, DateTime<Utc>)> =
                sqlx::query_as(locks).bind(&tables).persistent(false).fetch_all(pool).await.unwrap();
            for (lock, seen_at) in locks {
                held.entry(lock).or_insert((seen_at, seen_at)).1 = seen_at;
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    let reading = async {
        let mut longest = Duration::ZERO;
        loop {
            let begun = Instant::now();
            sqlx::query(READING).execute(pool).await.unwrap();
            longest = longest.max(begun.elapsed());
            if is_over.load(Ordering::Relaxed) {
                return longest;
            }
        }
    };
    let acting = async {
        act.await;
        is_over.store(true, Ordering::Relaxed);
    };
    let ((), longest_reading, ()) = tokio::join!(watching, reading, acting);
    Held { of_tables: held, longest_reading }
}

#[sqlx::test(migrations = false)]
async fn no_migration_holds_a_table_for_a_second(pool: PgPool) {
    let migrations = sqlx::migrate!();
    migrations.run_to(BUILT_BESIDE, &pool).await.unwrap();
    filled::fill_tables(&pool, &ContractId::from_bytes([9; 32])).await;
    sqlx::raw_sql(FILL_OTHERS).execute(&pool).await.unwrap();
    let waits = watch(&pool, async {
        sqlx::raw_sql("begin; lock table streams in share mode; select pg_sleep(2); commit")
            .execute(&pool)
            .await
            .unwrap();
    });
    let waits = waits.await;
    assert!(waits.longest() > Duration::from_millis(1_500), "a lock is seen: {waits:?}");

    let mut too_long = Vec::new();
    for migration in migrations.iter().filter(|migration| migration.version > BUILT_BESIDE) {
        let mark = "do $$ begin
                if exists (select from pg_attribute
                           where attrelid = 'corrections'::regclass and attname = 'missed_in_ledger') then
                    update corrections set missed_in_ledger = at_ledger where field <> 'record';
                end if;
            end $$";
        sqlx::raw_sql(mark).execute(&pool).await.unwrap();
        let begun = Instant::now();
        let held = watch(&pool, async { migrations.run_to(migration.version, &pool).await.unwrap() }).await;
        println!(
            "{} {}: took at most {:.0?}, held locks for {:.0?} ({:?}); a reading took {:.0?}",
            migration.version,
            migration.description,
            begun.elapsed(),
            held.longest(),
            held.of_tables.keys(),
            held.longest_reading,
        );
        if held.longest() > held.allowed() {
            too_long.push((migration.version, held));
        }
    }
    assert!(too_long.is_empty(), "{too_long:?}");
}
