//! The results of the rolling check of records: one row per contract. The next check continues from it, and gateways
//! show it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    Store, StoreError,
    columns::{event_id, parse},
};
use crate::domain::{ContractId, Epoch, EventId, StreamId};

/// The state of a contract's check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordLook {
    /// The last stream that the current round has reached; 0 at its start.
    pub looked_up_to: StreamId,
    /// How many streams the current round has compared.
    pub compared: u64,
    /// The streams whose records differ from the chain's, each with the first field that differs.
    pub differing: BTreeMap<StreamId, String>,
}

/// The results of the checks of one contract.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordCheck {
    /// The state after the last check.
    pub look: RecordLook,
    /// When that was; `None` before the first check.
    pub checked_at: Option<DateTime<Utc>>,
    /// Milliseconds since then, by the database's clock.
    pub age_ms: Option<i64>,
    /// When the last complete round over all streams ended.
    pub round_completed_at: Option<DateTime<Utc>>,
    /// How many streams that round compared.
    pub compared_in_last_round: Option<u64>,
    /// The position up to which another endpoint was asked for events.
    pub second_opinion_up_to: EventId,
    /// How many of another endpoint's events were missing here, in total.
    pub second_opinion_events: u64,
}

impl Store {
    /// Returns the results for a contract; `None` before the first check.
    pub async fn record_check(&self, contract_id: &ContractId) -> Result<Option<RecordCheck>, StoreError> {
        let row = sqlx::query!(
            "select looked_up_to, compared, checked_at, round_completed_at,
                      compared_in_last_round, differing_streams, differing_fields,
                      second_opinion_toid, second_opinion_event_index, second_opinion_events,
                      (extract(epoch from clock_timestamp() - checked_at) * 1000)::bigint as age_ms
               from record_checks where contract_id = $1",
            contract_id.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let streams = row.differing_streams.iter().map(|text| parse("differing_streams", text));
        let streams: Vec<StreamId> = streams.collect::<Result<_, _>>()?;
        let look = RecordLook {
            looked_up_to: parse("looked_up_to", &row.looked_up_to)?,
            compared: count(row.compared),
            differing: streams.into_iter().zip(row.differing_fields).collect(),
        };
        Ok(Some(RecordCheck {
            look,
            checked_at: row.checked_at,
            age_ms: row.age_ms,
            round_completed_at: row.round_completed_at,
            compared_in_last_round: row.compared_in_last_round.map(count),
            second_opinion_up_to: event_id(row.second_opinion_toid, row.second_opinion_event_index)?,
            second_opinion_events: count(row.second_opinion_events),
        }))
    }

    /// Writes the state after a check and, if it completed a round, how many streams that round compared. Writes
    /// nothing if another epoch has begun.
    pub async fn write_record_look(
        &self,
        epoch: Epoch,
        contract_id: &ContractId,
        look: &RecordLook,
        compared_in_round: Option<u64>,
    ) -> Result<(), StoreError> {
        let streams: Vec<String> = look.differing.keys().map(ToString::to_string).collect();
        let fields: Vec<String> = look.differing.values().cloned().collect();
        sqlx::query!(
            "insert into record_checks (contract_id, checked_at, looked_up_to, compared, differing_streams,
                 differing_fields, round_completed_at, compared_in_last_round)
             select $1, clock_timestamp(), $2::text, $3, $4::text[], $5,
                 case when $6::bigint is not null then clock_timestamp() end, $6
             from network where epoch = $7
             on conflict (contract_id) do update set
                 checked_at = excluded.checked_at, looked_up_to = excluded.looked_up_to,
                 compared = excluded.compared, differing_streams = excluded.differing_streams,
                 differing_fields = excluded.differing_fields,
                 round_completed_at = coalesce(excluded.round_completed_at, record_checks.round_completed_at),
                 compared_in_last_round =
                     coalesce(excluded.compared_in_last_round, record_checks.compared_in_last_round)",
            contract_id.as_str(),
            look.looked_up_to.to_string(),
            bigint(look.compared),
            &streams,
            &fields,
            compared_in_round.map(bigint),
            i32::try_from(epoch.0).unwrap_or(i32::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes the position up to which another endpoint was asked for events, and how many of those were missing here.
    /// Writes nothing if another epoch has begun.
    pub async fn write_second_opinion(
        &self,
        epoch: Epoch,
        contract_id: &ContractId,
        up_to: EventId,
        missing: u64,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into record_checks
                 (contract_id, second_opinion_toid, second_opinion_event_index, second_opinion_events)
             select $1, $2, $3, $4 from network where epoch = $5
             on conflict (contract_id) do update set
                 second_opinion_toid = excluded.second_opinion_toid,
                 second_opinion_event_index = excluded.second_opinion_event_index,
                 second_opinion_events = record_checks.second_opinion_events + excluded.second_opinion_events",
            contract_id.as_str(),
            up_to.toid(),
            i64::from(up_to.index()),
            bigint(missing),
            i32::try_from(epoch.0).unwrap_or(i32::MAX),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

fn bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
