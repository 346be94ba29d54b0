//! What can be done to one stream, by the last part of the path. Each action takes a `caller` where it is not the party
//! that may do it.

use super::{fields::Fields, problem::Problem};
use crate::{Call, OracleReading};
use flowfi_domain::{Amount, StreamId, UnixTime};

const ACTIONS: &str = "the actions are top-up, withdraw, pause, resume, cancel, transfer, modify-rate, close, unlock, \
                       request-dispute, resolve-dispute, extend-ttl, set-arbiter and archive";

/// Returns the call of an action. `now` is when a price was taken of which nothing else is said.
pub(super) fn call(action: &str, stream_id: StreamId, fields: &Fields, now: UnixTime) -> Result<Call, Problem> {
    let caller = fields.optional_address("caller")?;
    Ok(match action {
        "top-up" => Call::TopUp { stream_id, caller, amount: Amount(fields.number("amount")?) },
        "withdraw" => Call::Withdraw { stream_id, caller },
        "pause" => Call::Pause { stream_id, caller },
        "resume" => Call::Resume { stream_id, caller },
        "cancel" => Call::Cancel { stream_id, caller },
        "transfer" => Call::TransferRecipient { stream_id, caller, new_recipient: fields.address("newRecipient")? },
        "modify-rate" => {
            Call::ModifyRate { stream_id, caller, rate_per_second: Amount(fields.number("ratePerSecond")?) }
        }
        "close" => Call::Close { stream_id, caller },
        "unlock" => Call::UnlockMilestone {
            stream_id,
            caller,
            milestone_id: fields.number("milestoneId")?,
            reading: reading(fields, now)?,
        },
        "request-dispute" => Call::RequestDispute { stream_id, caller },
        "resolve-dispute" => Call::ResolveDispute { stream_id, caller, approved: fields.flag("approved")? },
        "extend-ttl" => Call::ExtendTtl { stream_id },
        "set-arbiter" => Call::SetArbiter { stream_id, arbiter: fields.address("arbiter")? },
        _ => return Err(Problem::not_found(ACTIONS)),
    })
}

/// Returns what the oracle answers: a `price`, taken at `priceTime`.
fn reading(fields: &Fields, now: UnixTime) -> Result<Option<OracleReading>, Problem> {
    let Some(price) = fields.optional_number("price")? else { return Ok(None) };
    let timestamp = fields.optional_number("priceTime")?.unwrap_or(now.0);
    Ok(Some(OracleReading { price: Amount(price), timestamp }))
}
