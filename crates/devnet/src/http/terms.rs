//! The terms of a new stream, in the contract's words or in those of FlowFi's first documents.

use super::{fields::Fields, problem::Problem};

/// The deposit, and how long it lasts.
pub(super) struct Terms {
    /// In the token's smallest unit.
    pub(super) deposit: i128,
    pub(super) duration_seconds: u64,
    /// Whether the caller gave a rate, so that the duration was computed.
    pub(super) is_from_rate: bool,
}

impl Terms {
    /// Reads `amount` or `depositedAmount`, and `duration` or `ratePerSecond`.
    ///
    /// # Errors
    /// One of them is missing, given under both names, or out of range.
    pub(super) fn read(fields: &Fields) -> Result<Self, Problem> {
        let deposit_name = one_of(fields, "amount", "depositedAmount")?;
        let deposit = fields.number(deposit_name)?;
        let is_from_rate = one_of(fields, "duration", "ratePerSecond")? == "ratePerSecond";
        let duration_seconds = if is_from_rate {
            seconds_at(fields.number("ratePerSecond")?, deposit, deposit_name)?
        } else {
            fields.number("duration")?
        };
        Ok(Self { deposit, duration_seconds, is_from_rate })
    }
}

/// Returns the name under which a value is given.
fn one_of(fields: &Fields, first: &'static str, second: &'static str) -> Result<&'static str, Problem> {
    match (fields.get(first), fields.get(second)) {
        (Some(_), Some(_)) => Err(Problem::parameter(second, format!("cannot be combined with {first}"))),
        (Some(_), None) => Ok(first),
        (None, Some(_)) => Ok(second),
        (None, None) => Err(Problem::parameter(first, format!("is missing; {second} is accepted instead"))),
    }
}

/// Returns how many whole seconds a deposit lasts.
fn seconds_at(rate: i128, deposit: i128, deposit_name: &str) -> Result<u64, Problem> {
    if rate <= 0 {
        return Err(Problem::parameter("ratePerSecond", "must be above zero"));
    }
    if deposit < rate {
        return Err(Problem::parameter(deposit_name, "must last for at least a second"));
    }
    u64::try_from(deposit / rate)
        .map_err(|_| Problem::parameter("ratePerSecond", "is so low that the duration in seconds would exceed 64 bits"))
}
