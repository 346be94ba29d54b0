//! How a deposit becomes claimable, as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use super::{openapi::words, times::dated_time};
use crate::domain::{Amount, ClaimableReason, Schedule, Step, StreamRecord, UnixTime};

/// How the deposit becomes claimable, told apart by `kind`. A time is null if it lies beyond the year 9999.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Schedule)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum ScheduleView {
    /// `ratePerSecond` accrues from `lastUpdateTime` on.
    Linear,
    /// The same, but nothing can be claimed before a time.
    #[serde(rename_all = "camelCase")]
    Cliff {
        /// Before this time nothing can be claimed.
        #[schema(value_type = Option<words::UnixTime>)]
        cliff_time: Option<u64>,
    },
    /// An amount at a time, and `ratePerSecond` from then on.
    #[serde(rename_all = "camelCase")]
    CliffLump {
        /// Before this time nothing can be claimed.
        #[schema(value_type = Option<words::UnixTime>)]
        cliff_time: Option<u64>,
        /// What can be claimed at that time.
        #[schema(value_type = words::Amount)]
        cliff_amount: Amount,
    },
    /// Whole amounts at fixed times. They count up to the first one that is not unlocked yet.
    Steps {
        /// The steps in the contract's order.
        steps: Vec<StepView>,
    },
    /// An amount after each whole interval since `lastUpdateTime`.
    #[serde(rename_all = "camelCase")]
    Interval {
        /// What each interval releases.
        #[schema(value_type = words::Amount)]
        amount: Amount,
        /// The length of an interval in seconds.
        every_seconds: u64,
    },
    /// The schedule is not known, so nothing is computed from it.
    Unknown {
        /// Why it is not known.
        #[schema(value_type = words::ClaimableReason)]
        reason: ClaimableReason,
    },
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScheduleStep)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepView {
    /// What it releases.
    #[schema(value_type = words::Amount)]
    unlock_amount: Amount,
    /// When it releases it; null while its condition is not met, and beyond the year 9999.
    #[schema(value_type = Option<words::UnixTime>)]
    unlock_time: Option<u64>,
}

impl ScheduleView {
    /// Returns the schedule of a record.
    pub(super) fn of_record(record: &StreamRecord) -> Self {
        match record.unknown() {
            Some(reason) if reason != ClaimableReason::Closed => Self::Unknown { reason },
            _ => Self::of(&record.schedule, record.cliff_time),
        }
    }

    /// Returns a schedule as the contract stores it.
    pub(super) fn of(schedule: &Schedule, cliff_time: Option<UnixTime>) -> Self {
        match schedule {
            Schedule::Linear => match cliff_time {
                None => Self::Linear,
                Some(cliff_time) => Self::Cliff { cliff_time: dated_time(cliff_time) },
            },
            Schedule::CliffLump { cliff_time, cliff_amount } => {
                Self::CliffLump { cliff_time: dated_time(*cliff_time), cliff_amount: *cliff_amount }
            }
            Schedule::Steps { steps } => Self::Steps { steps: steps.iter().map(StepView::of).collect() },
            Schedule::Interval { amount, every_seconds } => {
                Self::Interval { amount: *amount, every_seconds: *every_seconds }
            }
            Schedule::Unknown { .. } => Self::Unknown { reason: ClaimableReason::UnknownSchedule },
        }
    }
}

impl StepView {
    fn of(step: &Step) -> Self {
        Self { unlock_amount: step.unlock_amount, unlock_time: dated_time(step.unlock_time) }
    }
}

/// Returns the time before which nothing can be claimed, wherever the contract keeps it.
pub(super) fn cliff_time_of(schedule: &Schedule, cliff_time: Option<UnixTime>) -> Option<u64> {
    let of_schedule = match schedule {
        Schedule::CliffLump { cliff_time, .. } => Some(*cliff_time),
        _ => None,
    };
    cliff_time.max(of_schedule).and_then(dated_time)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::http::openapi_text;

    fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_document_names_every_field_of_every_kind_as_it_is_written() {
        let views = [
            ScheduleView::Linear,
            ScheduleView::Cliff { cliff_time: None },
            ScheduleView::CliffLump { cliff_time: Some(1), cliff_amount: Amount(2) },
            ScheduleView::Steps { steps: Vec::new() },
            ScheduleView::Interval { amount: Amount(3), every_seconds: 4 },
            ScheduleView::Unknown { reason: ClaimableReason::NotYetChecked },
        ];
        let document: Value = serde_json::from_str(&openapi_text()).unwrap();
        let described = document["components"]["schemas"]["Schedule"]["oneOf"].as_array().unwrap();
        assert_eq!(described.len(), views.len());
        for (view, schema) in views.iter().zip(described) {
            let written = serde_json::to_value(view).unwrap();
            let fields = sorted(written.as_object().unwrap().keys().map(String::as_str));
            let named = sorted(schema["properties"].as_object().unwrap().keys().map(String::as_str));
            let required = sorted(schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()));
            assert_eq!((&named, &required), (&fields, &fields), "{written}");
        }
    }
}
