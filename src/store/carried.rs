//! Committed events that the wake-up itself carries. A reader that has everything before them need not ask the table, which
//! costs more than everything else that an event needs. A reader that cannot use them reads the table instead, as after any
//! other wake-up.

use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::{
    StoreError,
    columns::{column_of, epoch, event_id},
    event_columns::EventColumns,
    event_rows::EventRow,
    schemas,
};
use crate::domain::{CommittedEvent, Epoch, EventId};

/// PostgreSQL refuses longer payloads (8 000 bytes, less the end of the text).
const LONGEST_PAYLOAD: usize = 7_900;
/// More events than this do not fit anyway.
const MOST_EVENTS: usize = 16;

/// Events that were committed together.
#[derive(Clone, Debug)]
pub struct CarriedEvents {
    /// No event lies between this position and the first of them.
    pub since: EventId,
    /// Everything up to here was committed.
    pub position: EventId,
    /// The epoch of the network that they belong to.
    pub epoch: Epoch,
    /// The events, in chain order.
    pub events: Vec<CommittedEvent>,
}

/// The payload of a wake-up.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    /// The schema that the events are in: every schema of a database shares the channel.
    schema: String,
    since: (i64, i64),
    position: (i64, i64),
    epoch: i32,
    events: Vec<EventRow>,
}

/// Returns the payload of the wake-up for a commit of these events: empty if there are too many to carry.
pub(super) async fn payload_of(
    connection: &mut PgConnection,
    events: &EventColumns,
    (since, position): (EventId, EventId),
    epoch: i32,
) -> Result<String, StoreError> {
    if events.len() > MOST_EVENTS {
        return Ok(String::new());
    }
    let schema = schemas::current_schema(connection).await?;
    let payload = text_of(schema, (since, position), epoch, events.rows(epoch)?)?;
    Ok(if payload.len() > LONGEST_PAYLOAD { String::new() } else { payload })
}

/// Returns the same text for events that were read from the table, however many they are.
pub(super) fn encode(schema: String, carried: CarriedEvents) -> Result<String, StoreError> {
    let CarriedEvents { since, position, epoch, events } = carried;
    let events = events.into_iter().map(EventRow::try_from).collect::<Result<_, _>>()?;
    text_of(schema, (since, position), column_of(epoch)?, events)
}

fn text_of(
    schema: String,
    (since, position): (EventId, EventId),
    epoch: i32,
    events: Vec<EventRow>,
) -> Result<String, StoreError> {
    let columns = |id: EventId| (id.toid(), i64::from(id.index()));
    let payload = Payload { schema, since: columns(since), position: columns(position), epoch, events };
    serde_json::to_string(&payload).map_err(|failure| StoreError::Corrupt(failure.to_string()))
}

/// Reads a payload. Returns `None` for one that carries nothing, or that is not for this schema. A version that writes
/// another form is not understood, which only costs a look at the table.
pub(super) fn decode(payload: &str, schema: &str) -> Option<CarriedEvents> {
    let Payload { schema: of, since, position, epoch: number, events } = serde_json::from_str(payload).ok()?;
    if of != schema {
        return None;
    }
    let [since, position] = [since, position].map(|(toid, index)| event_id(toid, index).ok());
    let events = events.into_iter().map(CommittedEvent::try_from).collect::<Result<_, _>>().ok()?;
    Some(CarriedEvents { since: since?, position: position?, epoch: epoch(number).ok()?, events })
}
