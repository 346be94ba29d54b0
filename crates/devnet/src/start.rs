//! How a network starts. The journal keeps it.

use serde::{Deserialize, Serialize};

use super::code::ContractCode;
use flowfi_domain::UnixTime;

/// Everything that is needed to start a network again in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// When it starts. The generated past lies before this time, the first ledger by the clock at or after it.
    pub(super) closed_at: UnixTime,
    /// The protocol's fee in parts of 10 000.
    pub(super) fee_bps: u32,
    /// How many events the generated past holds.
    pub(super) history_events: u64,
    /// The seed of the generated past.
    pub(super) seed: u64,
    /// How many stream contracts there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) contracts: u8,
    /// The code that the contracts run.
    #[serde(default, skip_serializing_if = "is_a")]
    pub(super) code: ContractCode,
}

const fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
const fn is_one(count: &u8) -> bool {
    *count == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
fn is_a(code: &ContractCode) -> bool {
    *code == ContractCode::A
}
