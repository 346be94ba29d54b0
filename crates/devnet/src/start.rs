//! How a network starts. The journal keeps it.

use serde::{Deserialize, Serialize};

use flowfi_domain::UnixTime;

/// How a network starts; all that is needed to start it again in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    /// When it starts: the generated past lies before, the first ledger by the clock at or after it.
    pub(super) closed_at: UnixTime,
    /// The protocol's fee in parts of 10 000.
    pub(super) fee_bps: u32,
    /// How many events the generated past holds.
    pub(super) history_events: u64,
    /// What the generated past is generated from.
    pub(super) seed: u64,
    /// How many stream contracts there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) contracts: u8,
}

const fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands the field by reference")]
const fn is_one(count: &u8) -> bool {
    *count == 1
}
