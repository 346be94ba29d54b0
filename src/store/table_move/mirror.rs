//! Triggers of the old tables that copy every change to the new ones, in the transaction that makes it.

use sqlx::PgConnection;

use super::{COPY_KEY, MOVE, StoreError, Table, copy, in_one_transaction, partitions};

/// Triggers whose names begin with this are ours, and are not moved to new tables.
const TRIGGER: &str = "flowfi_move";
/// The events of triggers, with the tables that show what changed.
const EVENTS: [(&str, &str); 3] = [
    ("insert", "new table as new_rows"),
    ("update", "old table as old_rows new table as new_rows"),
    ("delete", "old table as old_rows"),
];

/// Creates the triggers. Whatever is committed afterwards is in the new tables too, so the rows that are there can be
/// copied.
pub(super) async fn begin(connection: &mut PgConnection, live: &str, tables: &[Table]) -> Result<(), StoreError> {
    let names: Vec<&str> = tables.iter().map(|table| table.old.as_str()).collect();
    let mut statements = vec![
        // The time that one table may be waited for is that of all of them together.
        "set local lock_timeout = '100ms'".to_owned(),
        format!("lock table {} in share row exclusive mode", names.join(", ")),
        copy::table_of_progress(live),
    ];
    for table in tables {
        statements.push(function_of(table));
        statements.extend(EVENTS.map(|(event, changed)| {
            format!(
                "create trigger {TRIGGER}_{event} after {event} on {} referencing {changed}
                 for each statement execute function {MOVE}.mirror_{}()",
                table.old, table.name
            )
        }));
    }
    in_one_transaction(connection, statements.join(";\n")).await?;
    Ok(())
}

/// Returns the statement that creates the function of a table's triggers. It has the rights of whoever moves, because
/// whoever writes the old tables may have none to the new ones.
fn function_of(table: &Table) -> String {
    let add_partitions = if table.name == "stream_events" {
        partitions::addition(format!("'{MOVE}.stream_events'::regclass"), partitions::numbers_in("new_rows")) + ";"
    } else {
        String::new()
    };
    format!(
        "create function {MOVE}.mirror_{name}() returns trigger language plpgsql
         security definer set search_path = pg_catalog, pg_temp as $mirror$
         begin
             perform pg_advisory_xact_lock_shared({COPY_KEY});
             if tg_op = 'DELETE' then
                 delete from {new} as moved using old_rows as gone where {same_as_gone};
                 return null;
             end if;
             if tg_op = 'UPDATE' then
                 delete from {new} as moved using old_rows as gone
                 where {same_as_gone} and not exists (select from new_rows as kept where {same_as_kept});
             end if;
             {add_partitions}
             insert into {new} ({columns}) overriding system value select {values} from new_rows
             on conflict ({key}) do update set {overwriting};
             return null;
         end $mirror$",
        name = table.name,
        new = table.new,
        same_as_gone = table.same_key("moved", "gone"),
        same_as_kept = table.same_key("moved", "kept"),
        columns = table.names(),
        values = table.values(),
        key = table.key(),
        overwriting = table.overwriting(),
    )
}
