//! The status of the check of a contract's records against the chain.

use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::words, times::date_text};
use crate::{domain::StreamId, store::RecordCheck};

/// The number of differing streams that are named.
const NAMED: usize = 5;

/// The daemon compares the records of a contract with the chain, some at a time, until all were compared, and starts over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecordsCheck)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordsCheckView {
    /// When some of them were last compared; null before the first time.
    #[schema(value_type = Option<words::Moment>)]
    checked_at: Option<String>,
    /// When the last whole round over all of them ended; null during the first one.
    #[schema(value_type = Option<words::Moment>)]
    round_completed_at: Option<String>,
    /// How many streams that round compared; during the first one, how many it has compared so far.
    streams: u64,
    /// How many records are known to differ from the chain's or to be missing; at most 1000 are counted.
    pub(super) differing: u64,
    /// Some of them; empty for callers who may not see every stream.
    examples: Vec<DifferingView>,
    /// How many events a second endpoint had that were missing here. They were written late.
    pub(super) second_opinion_events: u64,
}

/// A record that differs from the chain's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = DifferingRecord)]
#[serde(rename_all = "camelCase")]
struct DifferingView {
    /// Its stream.
    #[schema(value_type = words::StreamId)]
    stream_id: StreamId,
    /// A field that differs, by the contract's name for it; `record` where the whole record is missing or cannot be
    /// compared.
    field: String,
}

impl RecordsCheckView {
    pub(super) fn of(check: &RecordCheck) -> Self {
        let differing = &check.look.differing;
        let example =
            |(stream_id, field): (&StreamId, &String)| DifferingView { stream_id: *stream_id, field: field.clone() };
        Self {
            checked_at: check.checked_at.map(date_text),
            round_completed_at: check.round_completed_at.map(date_text),
            streams: check.compared_in_last_round.unwrap_or(check.look.compared),
            differing: u64::try_from(differing.len()).unwrap_or(u64::MAX),
            examples: differing.iter().take(NAMED).map(example).collect(),
            second_opinion_events: check.second_opinion_events,
        }
    }

    pub(super) fn leave_out_examples(&mut self) {
        self.examples.clear();
    }
}
