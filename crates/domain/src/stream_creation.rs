//! What an event tells of the creation of a stream.

use serde::Serialize;

use super::{Address, Amount, StreamId, UnixTime};

/// How a stream was created. Serializes as the fields that the event carried, and `creator`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the contract's own, listed with their units in xdr/table.rs")]
pub struct StreamCreation {
    pub stream_id: StreamId,
    /// Which of the contract's events told it.
    pub creator: Creator,
    /// The schedule's word, where the event tells which one it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<&'static str>,
    pub sender: Address,
    pub recipient: Address,
    pub token_address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposited_amount: Option<Amount>,
    /// The ledger's time where the event carries none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_unlock_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cliff_time: Option<UnixTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cliff_unlock_amount: Option<Amount>,
}

/// Which of the contract's events tells a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Creator {
    /// `stream_created`: linear in the first version of the contract; since the second also behind a cliff, from a batch,
    /// or conditional, which the event does not tell.
    Stream,
    /// `step_vesting_stream_created`, which tells how many steps there are, and not the steps.
    StepVesting,
    /// `hybrid_cliff_stream_created`.
    HybridCliff,
    /// `allowance_stream_created`: nothing is deposited.
    Allowance,
}

impl Creator {
    /// Every creator.
    pub const ALL: [Self; 4] = [Self::Stream, Self::StepVesting, Self::HybridCliff, Self::Allowance];

    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::StepVesting => "stepVesting",
            Self::HybridCliff => "hybridCliff",
            Self::Allowance => "allowance",
        }
    }
}
