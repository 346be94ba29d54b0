//! The creators of the contract's newer state, as a body describes them. Each takes `sender` and `recipient`, and
//! `tokenAddress` where it is not the network's own token.

use super::{fields::Fields, problem::Problem};
use crate::{BatchStream, Call, Condition, Milestone, Tranche};
use flowfi_domain::{Address, Amount};

/// A creator other than the linear one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Creator {
    Cliff,
    Batch,
    Step,
    Hybrid,
    Conditional,
    Allowance,
}

/// Returns the creator that a body names; none for the linear one, which needs no name.
pub(super) fn named(fields: &Fields) -> Result<Option<Creator>, Problem> {
    let Some(name) = fields.get("creator") else { return Ok(None) };
    Ok(match name.as_str() {
        Some("linear") => None,
        Some("cliff") => Some(Creator::Cliff),
        Some("batch") => Some(Creator::Batch),
        Some("step") => Some(Creator::Step),
        Some("hybrid") => Some(Creator::Hybrid),
        Some("conditional") => Some(Creator::Conditional),
        Some("allowance") => Some(Creator::Allowance),
        _ => {
            let names = "must be linear, cliff, batch, step, hybrid, conditional or allowance";
            return Err(Problem::parameter("creator", names));
        }
    })
}

impl Creator {
    /// Returns the call that a body describes.
    pub(super) fn call(self, fields: &Fields, own_token: &Address) -> Result<Call, Problem> {
        let sender = fields.address("sender")?;
        let recipient = || fields.address("recipient");
        let token = || token_of(fields, own_token);
        let amount = || fields.number("amount").map(Amount);
        Ok(match self {
            Self::Cliff => Call::CreateWithCliff {
                sender,
                recipient: recipient()?,
                token: token()?,
                amount: amount()?,
                duration_seconds: fields.number("duration")?,
                cliff_seconds: fields.number("cliffDuration")?,
            },
            Self::Batch => {
                let entries = fields.list("streams")?;
                let streams = entries.iter().map(|entry| batch_stream(entry, own_token));
                Call::CreateBatch { sender, streams: streams.collect::<Result<_, _>>()? }
            }
            Self::Step => {
                let steps = fields.list("steps")?.iter().map(step).collect::<Result<_, _>>()?;
                Call::CreateSteps { sender, recipient: recipient()?, token: token()?, amount: amount()?, steps }
            }
            Self::Hybrid => Call::CreateHybrid {
                sender,
                recipient: recipient()?,
                token: token()?,
                amount: amount()?,
                cliff_time: fields.number("cliffTime")?,
                cliff_amount: Amount(fields.number("cliffAmount")?),
                linear_seconds: fields.number("linearDuration")?,
            },
            Self::Conditional => {
                let milestones = fields.list("milestones")?.iter().map(milestone).collect::<Result<_, _>>()?;
                Call::CreateConditional {
                    sender,
                    recipient: recipient()?,
                    token: token()?,
                    amount: amount()?,
                    milestones,
                }
            }
            Self::Allowance => {
                let duration_seconds = fields.number("duration")?;
                Call::CreateAllowance { sender, recipient: recipient()?, token: token()?, duration_seconds }
            }
        })
    }
}

fn token_of(fields: &Fields, token: &Address) -> Result<Address, Problem> {
    Ok(fields.optional_address("tokenAddress")?.unwrap_or_else(|| token.clone()))
}

fn batch_stream(fields: &Fields, token: &Address) -> Result<BatchStream, Problem> {
    Ok(BatchStream {
        recipient: fields.address("recipient")?,
        token: token_of(fields, token)?,
        amount: Amount(fields.number("amount")?),
        duration_seconds: fields.number("duration")?,
        cliff_seconds: fields.optional_number("cliffDuration")?,
    })
}

fn step(fields: &Fields) -> Result<Tranche, Problem> {
    let unlock_amount = Amount(fields.number("unlockAmount")?);
    Ok(Tranche { unlock_amount, unlock_time: fields.number("unlockTime")? })
}

/// A milestone waits for a `time`, for a `price` of an `oracle`, or for an `attestationId` of one.
fn milestone(fields: &Fields) -> Result<Milestone, Problem> {
    let condition = if let Some(time) = fields.optional_number("time")? {
        Condition::TimeOnly(time)
    } else if let Some(price) = fields.optional_number("price")? {
        let is_above = fields.flag("isAbove")?;
        Condition::PriceTarget { oracle: fields.address("oracle")?, price: Amount(price), is_above }
    } else if fields.get("attestationId").is_some() {
        let attestation_id = fields.text("attestationId")?;
        Condition::OracleAttestation { oracle: fields.address("oracle")?, attestation_id }
    } else {
        return Err(Problem::parameter("milestones", "must each have a time, a price or an attestationId"));
    };
    Ok(Milestone {
        milestone_id: fields.number("milestoneId")?,
        amount: Amount(fields.number("amount")?),
        condition,
        is_unlocked: fields.optional_flag("isUnlocked")?.unwrap_or(false),
    })
}
