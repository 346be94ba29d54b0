//! How a stream's deposit becomes claimable over time.

use serde::{Deserialize, Serialize};

use super::{Amount, UnixTime};

/// A stream's schedule as the contract stores it. How much each releases at a moment is said in [`super::accrual`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Schedule {
    /// `rate_per_second` accrues from `last_update_time` on.
    Linear,
    /// Whole amounts at fixed times, in this order. The milestones of a conditional stream are steps too.
    Steps {
        /// The steps, in the contract's order.
        steps: Vec<Step>,
    },
    /// An amount at a fixed time, and `rate_per_second` from then on.
    CliffLump {
        /// Before this time nothing is claimable.
        cliff_time: UnixTime,
        /// What becomes claimable at that time.
        cliff_amount: Amount,
    },
    /// An amount after each whole interval since `last_update_time`.
    Interval {
        /// What each interval releases.
        amount: Amount,
        /// How long an interval is, in seconds; a schedule of 0 releases nothing.
        every_seconds: u64,
    },
    /// Anything else. Nothing is computed from it.
    Unknown {
        /// What it is that we do not know.
        reason: UnknownSchedule,
    },
}

/// One step of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// What the step releases.
    pub unlock_amount: Amount,
    /// When it releases it; [`Step::LOCKED`] until its condition is met.
    pub unlock_time: UnixTime,
}

impl Step {
    /// The unlock time of a milestone whose condition is not met yet: the contract stores the largest u64.
    pub const LOCKED: UnixTime = UnixTime(u64::MAX);
}

/// Why a schedule is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", content = "name", rename_all = "camelCase")]
pub enum UnknownSchedule {
    /// The contract's entry names a schedule that this version does not know.
    Name(String),
    /// The contract's entry has a field that this version does not know, so that it may mean anything.
    Field(String),
    /// The contract's entry did not decode.
    Unreadable(String),
    /// An event came after the entry that was last read, and records are taken from entries alone.
    Outdated,
    /// The same, and the entry that came later did not decode.
    OutdatedAndUnreadable(String),
    /// A newer version of this program stored it.
    Newer,
}

impl Schedule {
    /// Every word that stands for a schedule on the wire.
    pub const KINDS: [&'static str; 6] = ["linear", "cliff", "cliffLump", "steps", "interval", "unknown"];

    /// Returns the word that stands for the schedule on the wire; `cliff` for one that is linear behind a cliff.
    #[must_use]
    pub const fn kind(&self, cliff_time: Option<UnixTime>) -> &'static str {
        match self {
            Self::Linear if cliff_time.is_some() => "cliff",
            Self::Linear => "linear",
            Self::Steps { .. } => "steps",
            Self::CliffLump { .. } => "cliffLump",
            Self::Interval { .. } => "interval",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Opens the first step that is still locked and holds `amount`, as the contract does when a milestone's condition is
    /// met. Returns whether there was one.
    pub fn unlock(&mut self, amount: Amount, at: UnixTime) -> bool {
        let Self::Steps { steps } = self else { return false };
        let is_locked = |step: &&mut Step| step.unlock_time == Step::LOCKED && step.unlock_amount == amount;
        let Some(step) = steps.iter_mut().find(is_locked) else { return false };
        step.unlock_time = at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_milestone_opens_the_first_locked_step_of_its_amount() {
        let step = |amount, time| Step { unlock_amount: Amount(amount), unlock_time: UnixTime(time) };
        let mut schedule = Schedule::Steps { steps: vec![step(5, 9), step(7, u64::MAX), step(5, u64::MAX)] };
        assert!(schedule.unlock(Amount(5), UnixTime(20)));
        assert_eq!(schedule, Schedule::Steps { steps: vec![step(5, 9), step(7, u64::MAX), step(5, 20)] });
        assert!(!schedule.unlock(Amount(5), UnixTime(21)), "none is left");
        assert!(!Schedule::Linear.unlock(Amount(5), UnixTime(21)));
    }

    #[test]
    fn a_schedule_is_read_back_as_it_was_written() {
        let steps = vec![Step { unlock_amount: Amount(i128::MAX), unlock_time: Step::LOCKED }];
        let schedules = [
            Schedule::Linear,
            Schedule::Steps { steps },
            Schedule::CliffLump { cliff_time: UnixTime(u64::MAX), cliff_amount: Amount(-1) },
            Schedule::Interval { amount: Amount(3), every_seconds: 60 },
            Schedule::Unknown { reason: UnknownSchedule::Name("Moon".to_owned()) },
            Schedule::Unknown { reason: UnknownSchedule::Outdated },
            Schedule::Unknown { reason: UnknownSchedule::Newer },
        ];
        for schedule in schedules {
            let text = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule, "{text}");
        }
    }
}
