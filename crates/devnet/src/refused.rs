//! Why the network does not carry out a call.

use thiserror::Error;

/// The stream contract's own errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ContractError {
    /// An amount is zero or negative, or nothing can be claimed.
    #[error("the amount must be above zero, and there must be something to claim")]
    InvalidAmount,
    /// There is no such stream.
    #[error("there is no stream of this number")]
    StreamNotFound,
    /// The caller is not the party that may do this.
    #[error("the caller is not the party of the stream that may do this")]
    Unauthorized,
    /// The stream is cancelled or completed.
    #[error("the stream is no longer active")]
    StreamInactive,
    /// The duration is zero.
    #[error("the duration must be above zero")]
    InvalidDuration,
    /// The token is no token contract.
    #[error("the token address is not a token contract of this network")]
    InvalidToken,
    /// The deposit is too small for the duration.
    #[error("the deposit spread over the duration is less than one unit a second")]
    RateTooLow,
    /// The stream is paused.
    #[error("the stream is paused")]
    StreamPaused,
    /// The stream is not paused.
    #[error("the stream is not paused")]
    StreamNotPaused,
    /// The stream is paused already.
    #[error("the stream is paused already")]
    StreamAlreadyPaused,
}

impl ContractError {
    /// Returns the number under which the contract raises this error.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::InvalidAmount => 1,
            Self::StreamNotFound => 2,
            Self::Unauthorized => 3,
            Self::StreamInactive => 4,
            Self::InvalidDuration => 9,
            Self::InvalidToken => 10,
            Self::RateTooLow => 11,
            Self::StreamPaused => 12,
            Self::StreamNotPaused => 13,
            Self::StreamAlreadyPaused => 14,
        }
    }
}

/// Why a call was not carried out; nothing of it reached a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The stream contract says no.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The token contract says no.
    #[error("the sender does not hold that much of the token")]
    InsufficientBalance,
    /// A party is an address that cannot be one to a contract, or the contract itself.
    #[error("a party must be an account G… or another contract C…")]
    NotAParty,
    /// There is no stream contract of this number.
    #[error("there is no stream contract of this number")]
    NoSuchContract,
    /// A topic or value of a raw event has characters that base64 does not.
    #[error("topics and values must be base64")]
    NotBase64,
    /// The numbers leave the range of the contract's integers.
    #[error("an amount leaves the range of i128")]
    Overflow,
}
