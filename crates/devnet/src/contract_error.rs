//! The stream contract's own errors, by the numbers under which it raises them.

use thiserror::Error;

/// Declares each error with its number and its text.
macro_rules! contract_errors {
    ($($(#[$doc:meta])+ $number:literal $name:ident $text:literal)+) => {
        /// An error that the stream contract raises.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        pub enum ContractError {
            $($(#[$doc])+ #[error($text)] $name,)+
        }

        impl ContractError {
            /// Returns the number under which the contract raises this error.
            #[must_use]
            pub const fn code(self) -> u32 {
                match self {
                    $(Self::$name => $number,)+
                }
            }
        }
    };
}

contract_errors! {
    /// An amount is zero or negative, or nothing can be claimed.
    1 InvalidAmount "the amount must be above zero, and there must be something to claim"
    /// There is no such stream.
    2 StreamNotFound "there is no stream of this number"
    /// The caller is not the party that may do this.
    3 Unauthorized "the caller is not the party of the stream that may do this"
    /// The stream is cancelled or completed.
    4 StreamInactive "the stream is no longer active"
    /// The contract has its admin and its fee already.
    5 AlreadyInitialized "the contract is initialized already"
    /// The caller is not the admin.
    6 NotAdmin "the caller is not the protocol's admin"
    /// The fee is too high.
    7 InvalidFeeRate "the fee must be at most 1000 hundredths of a percent"
    /// The contract has no admin yet.
    8 NotInitialized "the contract is not initialized"
    /// The duration is zero, or the cliff does not lie within it.
    9 InvalidDuration "the duration must be above zero, and the cliff must lie within it"
    /// The token is no token contract.
    10 InvalidTokenAddress "the token address is not a token contract of this network"
    /// The deposit is too small for the duration.
    11 InvalidRate "the deposit spread over the duration is less than one unit a second"
    /// The stream is paused.
    12 StreamPaused "the stream is paused"
    /// The stream is not paused.
    13 StreamNotPaused "the stream is not paused"
    /// The stream is paused already.
    14 StreamAlreadyPaused "the stream is paused already"
    /// The protocol takes no deposits at present.
    15 ProtocolPaused "the protocol is paused and takes no deposits"
    /// There are no steps or milestones.
    16 EmptyVestingSchedule "the schedule has no steps"
    /// There are too many steps.
    17 TooManyVestingSteps "a schedule has at most 12 steps"
    /// The times of the steps do not increase.
    18 NonMonotonicVestingSteps "each step must unlock later than the step before it"
    /// A step or milestone unlocks nothing.
    19 InvalidVestingStepAmount "each step or milestone must unlock more than zero"
    /// The steps or milestones are not the whole deposit.
    20 VestingStepTotalMismatch "the steps or milestones must add up to the deposit after the fee"
    /// A step unlocks before the stream starts.
    21 VestingStepBeforeStart "each step must unlock after the stream starts"
    /// The lump sum, its time or the rate after it is out of range.
    22 InvalidCliffParameters "the cliff must lie ahead, its amount must be above zero and below the deposit after the fee, and the rest \
         must last at one unit a second or more"
    /// Too many streams are named.
    23 BatchTooLarge "one call withdraws from at most 30 streams"
    /// The caller may not pause the protocol.
    24 NotGuardian "only the protocol's admin or its guardian may pause it"
    /// The stored state cannot be brought to that version.
    25 UnsupportedMigration "the stored state cannot be migrated to this version"
    /// The stored state is of a version that the code does not know.
    26 StateVersionTooNew "the stored state is newer than the code"
    /// The stream's schedule takes no top-ups.
    27 TopUpUnsupported "a stream that unlocks in steps cannot be topped up"
    /// The stream's schedule has no rate to change.
    28 RateModificationUnsupported "only the rate of a linear stream can be changed"
    /// The new rate is zero or negative.
    29 InvalidNewRate "the new rate must be above zero"
    /// The stream has no arbiter.
    30 DisputeNotSupported "the stream has no arbiter"
    /// There is no dispute to resolve.
    31 NoActiveDispute "no dispute about the stream was requested"
    /// The caller is not the arbiter.
    32 NotArbiter "the caller is not the stream's arbiter"
    /// The sender lets the contract take nothing.
    33 AllowanceLocked "the sender lets the contract take none of the token"
    /// A number leaves its range.
    34 ArithmeticOverflow "an amount leaves the range of i128, or a time the range of u64"
    /// The stream is cancelled or completed, and cannot be resumed.
    35 StreamNotActive "the stream is no longer active and cannot be resumed"
    /// The stream is not settled, and cannot be closed.
    36 StreamStillActive "the stream is neither completed nor cancelled"
    /// There is no such milestone, or two have one number.
    37 InvalidMilestone "the stream has no milestone of this number, or more than one"
    /// The oracle answers nothing.
    38 OraclePriceUnavailable "the oracle has no price"
    /// The oracle's answer is too old.
    39 OraclePriceStale "the oracle's price is older than an hour"
    /// The milestone still waits.
    40 ConditionNotMet "the condition of the milestone is not met"
    /// The milestone waits no longer.
    41 MilestoneAlreadyUnlocked "the milestone is unlocked already"
    /// The attestation was used before.
    42 InvalidAttestation "the attestation has unlocked another milestone of the stream"
    /// The caller is neither sender nor recipient.
    43 MilestoneCallerUnauthorized "only the stream's sender or recipient may unlock a milestone"
    /// There are too many milestones.
    44 TooManyMilestones "a stream has at most 12 milestones"
}
