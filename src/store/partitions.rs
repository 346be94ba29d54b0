//! The partitions of `stream_events`: ranges of 2^22 ledgers, about eight months, in the order of the chain.
//!
//! Whoever writes rows adds the partitions that they need in the same transaction, and the next one weeks ahead.
//! There is no partition for the rest: with one, the planner could no longer read partitions one after the other. Each
//! partition costs every query that does not name a range of ledgers some planning, hence few large ones.

use std::{collections::BTreeSet, fmt::Display};

use sqlx::PgConnection;

use super::{StoreError, schemas::execute};

/// A TOID holds the ledger in its upper 32 bits.
const BITS_OF_A_PARTITION: u32 = 54;
/// Once a row is among the last of this many parts of its partition, the next partition is added.
const PARTS: i64 = 8;

/// Adds the partitions of the events with these TOIDs, in ascending order, unless they are there. The lock that this
/// takes keeps nobody from reading or writing.
pub(super) async fn add_for(connection: &mut PgConnection, toids: &[i64]) -> Result<(), StoreError> {
    if toids.is_empty() {
        return Ok(());
    }
    let missing = sqlx::query_scalar!(
        r#"select number as "number!" from unnest($1::bigint[]) as wanted (number)
           where not exists (
               select from pg_inherits join pg_class on pg_class.oid = inhrelid
               where inhparent = to_regclass('stream_events') and relname = 'stream_events_' || number
           )
           order by number"#,
        &numbers_of(toids),
    )
    .fetch_all(&mut *connection)
    .await?;
    if missing.is_empty() {
        return Ok(());
    }
    let numbers: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let add = addition("'stream_events'::regclass", format!("unnest(array[{}]::bigint[])", numbers.join(", ")));
    execute(connection, format!("do $do$ {add} $do$")).await
}

fn numbers_of(toids: &[i64]) -> Vec<i64> {
    let mut numbers: BTreeSet<i64> = toids.iter().map(|toid| toid >> BITS_OF_A_PARTITION).collect();
    if let Some(last) = toids.last() {
        let ahead = (1_i64 << BITS_OF_A_PARTITION) / PARTS;
        numbers.insert(last.saturating_add(ahead) >> BITS_OF_A_PARTITION);
    }
    numbers.into_iter().collect()
}

/// Returns the body of a function that adds the partitions with some numbers to the table `parent`, unless they are
/// there. `numbers` is a row source with one column.
///
/// Attaching a table, unlike creating it as a partition, lets others read and write meanwhile. Privileges that new tables
/// get by default are revoked, since a partition is read through its parent alone.
pub(super) fn addition(parent: impl Display, numbers: impl Display) -> String {
    format!(
        "declare
             parent regclass := {parent};
             place text;
             name text;
             number bigint;
             others text;
         begin
             select nspname into place from pg_class join pg_namespace on pg_namespace.oid = relnamespace
             where pg_class.oid = parent;
             for number in select * from {numbers} loop
                 name := format('%I.%I', place, 'stream_events_' || number);
                 continue when to_regclass(name) is not null;
                 execute format('lock table only %s in share update exclusive mode', parent);
                 continue when to_regclass(name) is not null;
                 execute format('create table %s (like %s including all)', name, parent);
                 execute format(
                     'alter table %s attach partition %s for values from (%s) to (%s)', parent, name,
                     number << {BITS_OF_A_PARTITION},
                     case when number = {LAST} then 'maxvalue' else ((number + 1) << {BITS_OF_A_PARTITION})::text end
                 );
                 for others in
                     select distinct case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end
                     from pg_class, aclexplode(relacl) where oid = to_regclass(name) and grantee <> relowner
                 loop
                     execute format('revoke all on %s from %s', name, others);
                 end loop;
             end loop;
         end"
    )
}

/// The bits of a TOID that do not tell its partition.
const REST_OF_A_TOID: i64 = (1 << BITS_OF_A_PARTITION) - 1;
/// The partition that ends with the highest TOID.
const LAST: i64 = i64::MAX >> BITS_OF_A_PARTITION;

/// Returns a row source with the numbers of the partitions for what is in a table that has an index of TOIDs.
pub(super) fn numbers_of_table(table: impl Display) -> String {
    format!(
        "(select part from generate_series(
              (select min(toid) >> {BITS_OF_A_PARTITION} from {table}),
              (select max(toid) >> {BITS_OF_A_PARTITION} from {table})
          ) as series (part)
          where exists (
              select from {table} where toid between part << {BITS_OF_A_PARTITION}
                  and (part << {BITS_OF_A_PARTITION}) | {REST_OF_A_TOID}
          )) as numbers"
    )
}

/// Returns a row source with the numbers of the partitions that hold the events with the TOIDs in `rows`.
pub(super) fn numbers_in(rows: impl Display) -> String {
    format!("(select distinct toid >> {BITS_OF_A_PARTITION} from {rows}) as numbers")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toid(ledger: i64) -> i64 {
        ledger << 32
    }

    #[test]
    fn events_need_the_partitions_of_their_ledgers_and_the_next_one_near_an_end() {
        let ledgers = 1 << 22;
        assert!(numbers_of(&[]).is_empty());
        assert_eq!(numbers_of(&[toid(1), toid(5)]), [0]);
        assert_eq!(numbers_of(&[toid(ledgers - 1)]), [0, 1]);
        assert_eq!(numbers_of(&[toid(ledgers - ledgers / 8 - 1)]), [0]);
        assert_eq!(numbers_of(&[toid(ledgers - ledgers / 8)]), [0, 1]);
        assert_eq!(numbers_of(&[toid(1), toid(3 * ledgers)]), [0, 3]);
        assert_eq!(numbers_of(&[i64::MAX]), [LAST]);
    }
}
