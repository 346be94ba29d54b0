//! The milestones of a conditional stream: what each waits for, and whether that is so.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{contract_error::ContractError, hash};
use flowfi_domain::{Address, Amount};

/// A price older than this is not relied on.
const FRESH_SECONDS: u64 = 3_600;

/// A part of a conditional stream, and what unlocks it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Milestone {
    /// Its number in the stream, chosen by the sender.
    pub milestone_id: u32,
    /// How much it unlocks.
    pub amount: Amount,
    /// What it waits for.
    pub condition: Condition,
    /// Whether it was unlocked; one that is created so can never be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unlocked: bool,
}

/// What a milestone waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Condition {
    /// A time, in Unix seconds.
    TimeOnly(u64),
    /// A price of an oracle, at least or at most so high.
    PriceTarget {
        /// The oracle's contract.
        oracle: Address,
        /// The price.
        price: Amount,
        /// Whether the price must be at least this, or else at most.
        is_above: bool,
    },
    /// The word of an oracle, each of whose attestations serves a stream once.
    OracleAttestation {
        /// The oracle, which signs.
        oracle: Address,
        /// The attestation.
        attestation_id: AttestationId,
    },
}

/// The 32 bytes that an attestation is known by; 64 hex digits as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AttestationId(pub [u8; 32]);

/// A text that is no attestation's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an attestation's id is 64 hexadecimal digits")]
pub struct NotAnAttestationId;

impl TryFrom<String> for AttestationId {
    type Error = NotAnAttestationId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        hash::from_hex(&text).map(Self).ok_or(NotAnAttestationId)
    }
}

impl From<AttestationId> for String {
    fn from(id: AttestationId) -> Self {
        hash::hex(&id.0)
    }
}

/// What an oracle answers at the moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OracleReading {
    /// The price.
    pub price: Amount,
    /// When the oracle took it, in Unix seconds.
    pub timestamp: u64,
}

impl Condition {
    /// Checks whether the condition holds at `now`, by what the oracle answers and the attestations used before.
    pub(super) fn check(
        &self,
        reading: Option<OracleReading>,
        used: &[AttestationId],
        now: u64,
    ) -> Result<(), ContractError> {
        let is_met = match self {
            Self::TimeOnly(time) => now >= *time,
            Self::PriceTarget { price, is_above, .. } => {
                let reading = reading.ok_or(ContractError::OraclePriceUnavailable)?;
                if now.saturating_sub(reading.timestamp) > FRESH_SECONDS {
                    return Err(ContractError::OraclePriceStale);
                }
                if *is_above { reading.price >= *price } else { reading.price <= *price }
            }
            Self::OracleAttestation { attestation_id, .. } if used.contains(attestation_id) => {
                return Err(ContractError::InvalidAttestation);
            }
            Self::OracleAttestation { .. } => true,
        };
        if is_met { Ok(()) } else { Err(ContractError::ConditionNotMet) }
    }

    /// Returns the oracle that the condition asks.
    pub(super) const fn oracle(&self) -> Option<&Address> {
        match self {
            Self::PriceTarget { oracle, .. } | Self::OracleAttestation { oracle, .. } => Some(oracle),
            Self::TimeOnly(_) => None,
        }
    }

    /// Returns the attestation that the condition uses up.
    pub(super) const fn attestation_id(&self) -> Option<AttestationId> {
        match self {
            Self::OracleAttestation { attestation_id, .. } => Some(*attestation_id),
            Self::TimeOnly(_) | Self::PriceTarget { .. } => None,
        }
    }
}
