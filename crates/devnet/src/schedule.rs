//! When the money of a stream becomes claimable: the contract's own schedules.

use serde::{Deserialize, Serialize};

use flowfi_domain::{Amount, Step, UnixTime};

/// The unlock time of a tranche that waits for its milestone.
pub(super) const LOCKED: u64 = u64::MAX;

/// How a stream pays out, in the contract's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// At the stream's rate, from its last settlement on.
    Linear,
    /// In tranches, each at a time of its own. The milestones of a conditional stream are tranches too.
    StepTranches(Vec<Tranche>),
    /// A lump sum at a time, and from then on at the stream's rate.
    HybridCliffLinear {
        /// When the lump sum is unlocked, in Unix seconds.
        cliff_time: u64,
        /// The lump sum.
        cliff_amount: Amount,
    },
}

/// A part of a deposit that is unlocked at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tranche {
    /// How much.
    pub unlock_amount: Amount,
    /// When, in Unix seconds; `u64::MAX` while a milestone has not opened it.
    pub unlock_time: u64,
}

impl From<&Schedule> for flowfi_domain::Schedule {
    fn from(schedule: &Schedule) -> Self {
        match schedule {
            Schedule::Linear => Self::Linear,
            Schedule::StepTranches(tranches) => {
                let step = |tranche: &Tranche| Step {
                    unlock_amount: tranche.unlock_amount,
                    unlock_time: UnixTime(tranche.unlock_time),
                };
                Self::Steps { steps: tranches.iter().map(step).collect() }
            }
            Schedule::HybridCliffLinear { cliff_time, cliff_amount } => {
                Self::CliffLump { cliff_time: UnixTime(*cliff_time), cliff_amount: *cliff_amount }
            }
        }
    }
}

/// Returns what the tranches have unlocked at `now`: the first locked one holds back all after it.
pub(super) fn unlocked(tranches: &[Tranche], now: u64) -> i128 {
    let open = tranches.iter().take_while(|tranche| tranche.unlock_time <= now);
    open.fold(0, |sum, tranche| sum.saturating_add(tranche.unlock_amount.0))
}

/// Returns what a rate yields in so many seconds, at most `all`. A product beyond i128 counts as all.
pub(super) fn accrued(seconds: u64, rate_per_second: i128, all: i128) -> i128 {
    i128::from(seconds).checked_mul(rate_per_second).map_or(all, |accrued| accrued.min(all))
}
