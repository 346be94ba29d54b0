//! Why the network does not carry out a call.

use thiserror::Error;

use super::contract_error::ContractError;

/// Why a call was not carried out; nothing of it reached a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// The stream contract says no.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The token contract says no.
    #[error("the payer does not hold that much of the token")]
    InsufficientBalance,
    /// A party is an address that cannot be one to a contract, or the contract itself.
    #[error("a party must be an account G… or another contract C…")]
    NotAParty,
    /// There is no stream contract of this number.
    #[error("there is no stream contract of this number")]
    NoSuchContract,
    /// The contract runs its older code, which does not have the function.
    #[error("the contract runs its older code, which has no such function")]
    NoSuchFunction,
    /// The contract runs its newer code, whose records the older one cannot read.
    #[error("the contract runs its newer code and cannot go back to the older one")]
    OlderCode,
    /// No module of this hash was uploaded.
    #[error("no module of this hash was uploaded")]
    UnknownModule,
    /// A topic or value of a raw event has characters that base64 does not.
    #[error("topics and values must be base64")]
    NotBase64,
    /// The numbers leave the range of the contract's integers.
    #[error("an amount leaves the range of i128")]
    Overflow,
    /// A time leaves the range of the contract's times.
    #[error("a time leaves the range of u64")]
    EndOfTime,
    /// The contract divides by the rate of a stream that has none.
    #[error("the stream's rate is 0, and the contract divides by it")]
    RateIsZero,
}
