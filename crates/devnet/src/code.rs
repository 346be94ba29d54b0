//! The two states of FlowFi's contract that a network can run.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A state of the stream contract's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContractCode {
    /// The older one: linear streams and eleven events.
    #[default]
    A,
    /// The newer one: cliffs, steps, milestones, disputes, transfers, and records that are deleted.
    B,
}

/// A text that names no state of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the contract's code is a or b")]
pub struct UnknownCode;

impl ContractCode {
    /// Returns the letter that stands for it on the command line and in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }
}

impl FromStr for ContractCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::A, Self::B].into_iter().find(|code| code.as_str() == text).ok_or(UnknownCode)
    }
}
