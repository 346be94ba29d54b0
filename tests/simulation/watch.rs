//! What must be true at every moment, checked again and again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use flowfi_indexer::domain::EventId;
use sqlx::{AssertSqlSafe, PgPool, Row, postgres::PgRow};
use tokio::time::sleep;

const LOOK: Duration = Duration::from_millis(5);
/// The tables are in the order in which an archive locks them.
const STATE: &str = "
    select n.epoch, c.toid, c.event_index, c.last_whole_ledger, exists (
        select from stream_events e where (e.toid, e.event_index) > (c.toid, c.event_index)
    ) as beyond from cursors c right join network n on true";

/// The position of the index at one check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stand {
    epoch: i32,
    cursor: EventId,
    whole: i64,
}

/// Checks that every row lies at or before the cursor, that the cursor is only ever raised, and that no epoch begins
/// without a reset: none exceeds `most_epochs`. Ends with the first violation.
pub async fn watch(control: PgPool, most_epochs: Arc<AtomicI32>, broken: Arc<Mutex<Option<String>>>) {
    let mut before = Stand::default();
    loop {
        // A statement may lose a deadlock against an archive; the next one will not.
        if let Ok(Some(row)) = sqlx::query(STATE).fetch_optional(&control).await {
            match look_at(&row, before, most_epochs.load(Ordering::Relaxed)) {
                Ok(now) => before = now,
                Err(fault) => {
                    let fault = fault.describe(&control).await;
                    *broken.lock().unwrap() = Some(fault);
                    return;
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// A violation.
enum Fault {
    TooManyEpochs { epoch: i32 },
    Beyond { cursor: EventId },
    Back { before: Stand, now: Stand },
}

impl Fault {
    async fn describe(&self, control: &PgPool) -> String {
        match self {
            Self::TooManyEpochs { epoch } => {
                let count = format!("select count(*) from flowfi_epoch_{}.stream_events", epoch - 1);
                let rows: Option<i64> = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(control).await.ok();
                format!(
                    "epoch {epoch} began although the network did not start over; {rows:?} event rows were archived"
                )
            }
            Self::Beyond { cursor } => format!("there are event rows beyond the cursor {cursor}"),
            Self::Back { before, now } => format!("the cursor went back from {before:?} to {now:?}"),
        }
    }
}

fn look_at(row: &PgRow, before: Stand, most_epochs: i32) -> Result<Stand, Fault> {
    let epoch: i32 = row.get("epoch");
    if epoch > most_epochs {
        return Err(Fault::TooManyEpochs { epoch });
    }
    let Some(toid) = row.get("toid") else { return Ok(Stand { epoch, ..Stand::default() }) };
    let cursor = EventId::from_parts(toid, row.get("event_index")).unwrap();
    let now = Stand { epoch, cursor, whole: row.get("last_whole_ledger") };
    if row.get("beyond") {
        return Err(Fault::Beyond { cursor });
    }
    let goes_on = now.epoch == before.epoch && now.cursor >= before.cursor && now.whole >= before.whole;
    if goes_on || now.epoch > before.epoch { Ok(now) } else { Err(Fault::Back { before, now }) }
}
