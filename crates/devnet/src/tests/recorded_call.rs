//! The calls of the recorded histories, with the arguments that they were made with.

use serde_json::Value;

use crate::{AttestationId, BatchStream, Call, Condition, Milestone, OracleReading, Tranche};
use flowfi_domain::{Address, Amount, StreamId};

/// The arguments of a recorded call.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a>(pub(super) &'a Value);

impl Arguments<'_> {
    pub(super) fn address(self, name: &str) -> Address {
        self.0[name].as_str().unwrap_or_else(|| panic!("{name} of {}", self.0)).parse().unwrap()
    }

    pub(super) fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(self, name: &str) -> T {
        number(&self.0[name])
    }

    fn amount(self, name: &str) -> Amount {
        Amount(self.number(name))
    }

    fn stream_id(self) -> StreamId {
        StreamId(self.number("stream_id"))
    }

    fn optional_address(self, name: &str) -> Option<Address> {
        self.0[name].as_str().map(|address| address.parse().unwrap())
    }

    fn list<T>(self, name: &str, read: impl Fn(Arguments<'_>) -> T) -> Vec<T> {
        self.0[name].as_array().unwrap().iter().map(|value| read(Arguments(value))).collect()
    }
}

pub(super) fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse().unwrap()
}

/// Returns the call of an operation; `None` for what is no function of the contract once it is initialized.
pub(super) fn call(op: &str, args: Arguments<'_>) -> Option<Call> {
    if op.starts_with("create_") {
        return Some(creation(op, args));
    }
    let stream_id = || args.stream_id();
    Some(match op {
        "batch_create_streams" => {
            Call::CreateBatch { sender: args.address("sender"), streams: args.list("streams", batch_stream) }
        }
        "top_up_stream" => Call::TopUp {
            stream_id: stream_id(),
            caller: args.optional_address("sender"),
            amount: args.amount("amount"),
        },
        "withdraw" => Call::Withdraw { stream_id: stream_id(), caller: args.optional_address("recipient") },
        "pause_stream" => Call::Pause { stream_id: stream_id(), caller: args.optional_address("sender") },
        "resume_stream" => Call::Resume { stream_id: stream_id(), caller: args.optional_address("sender") },
        "cancel_stream" => Call::Cancel { stream_id: stream_id(), caller: args.optional_address("sender") },
        "batch_withdraw" => {
            let ids = args.0["stream_ids"].as_array().unwrap().iter().map(|id| StreamId(number(id)));
            Call::WithdrawBatch { recipient: args.address("recipient"), stream_ids: ids.collect() }
        }
        "transfer_recipient" => Call::TransferRecipient {
            stream_id: stream_id(),
            caller: args.optional_address("current_recipient"),
            new_recipient: args.address("new_recipient"),
        },
        "modify_rate" => Call::ModifyRate {
            stream_id: stream_id(),
            caller: args.optional_address("sender"),
            rate_per_second: args.amount("new_rate_per_second"),
        },
        "close_stream" => Call::Close { stream_id: stream_id(), caller: args.optional_address("caller") },
        "verify_and_unlock_milestone" => Call::UnlockMilestone {
            stream_id: stream_id(),
            caller: args.optional_address("caller"),
            milestone_id: args.number("milestone_id"),
            reading: reading(&args.0["oracle_before"]),
        },
        "extend_stream_ttl" => Call::ExtendTtl { stream_id: stream_id() },
        "hook_set_arbiter" => Call::SetArbiter { stream_id: stream_id(), arbiter: args.address("arbiter") },
        _ => return of_protocol(op, args),
    })
}

fn of_protocol(op: &str, args: Arguments<'_>) -> Option<Call> {
    Some(match op {
        "request_dispute" => {
            Call::RequestDispute { stream_id: args.stream_id(), caller: args.optional_address("sender") }
        }
        "resolve_dispute" => Call::ResolveDispute {
            stream_id: args.stream_id(),
            caller: args.optional_address("arbiter"),
            approved: args.0["approved"].as_bool().unwrap(),
        },
        "set_protocol_pause" => Call::SetProtocolPause {
            caller: args.optional_address("caller"),
            paused: args.0["paused"].as_bool().unwrap(),
        },
        "set_emergency_guardian" => {
            Call::SetGuardian { caller: args.optional_address("admin"), guardian: args.optional_address("guardian") }
        }
        "update_fee_config" => Call::UpdateFee {
            caller: args.optional_address("admin"),
            treasury: args.address("treasury"),
            fee_rate_bps: args.number("fee_rate_bps"),
        },
        "transfer_admin" => {
            Call::TransferAdmin { caller: args.optional_address("current_admin"), new_admin: args.address("new_admin") }
        }
        "upgrade" => Call::Upgrade { wasm: args.0["new_wasm_hash"].as_str().unwrap().parse().unwrap() },
        "migrate" => Call::Migrate { target_version: args.number("target_version") },
        _ => return None,
    })
}

fn creation(op: &str, args: Arguments<'_>) -> Call {
    let (sender, recipient) = (args.address("sender"), args.address("recipient"));
    let token = args.address("token_address");
    let (amount, duration_seconds) = (|| args.amount("amount"), || args.number("duration"));
    match op {
        "create_stream" => {
            Call::Create { sender, recipient, token, amount: amount(), duration_seconds: duration_seconds() }
        }
        "create_stream_with_cliff" => Call::CreateWithCliff {
            sender,
            recipient,
            token,
            amount: amount(),
            duration_seconds: duration_seconds(),
            cliff_seconds: args.number("cliff_duration"),
        },
        "create_step_vesting_stream" => {
            let steps = args.list("steps", |step| Tranche {
                unlock_amount: step.amount("unlock_amount"),
                unlock_time: step.number("unlock_time"),
            });
            Call::CreateSteps { sender, recipient, token, amount: amount(), steps }
        }
        "create_hybrid_cliff_stream" => Call::CreateHybrid {
            sender,
            recipient,
            token,
            amount: amount(),
            cliff_time: args.number("cliff_time"),
            cliff_amount: args.amount("cliff_unlock_amount"),
            linear_seconds: args.number("linear_duration"),
        },
        "create_conditional_stream" => {
            let milestones = args.list("milestones", milestone);
            Call::CreateConditional { sender, recipient, token, amount: amount(), milestones }
        }
        "create_allowance_stream" => {
            Call::CreateAllowance { sender, recipient, token, duration_seconds: duration_seconds() }
        }
        other => panic!("{other}"),
    }
}

fn batch_stream(args: Arguments<'_>) -> BatchStream {
    BatchStream {
        recipient: args.address("recipient"),
        token: args.address("token_address"),
        amount: args.amount("amount"),
        duration_seconds: args.number("duration"),
        cliff_seconds: (!args.0["cliff_duration"].is_null()).then(|| args.number("cliff_duration")),
    }
}

fn milestone(args: Arguments<'_>) -> Milestone {
    let condition = &args.0["condition"];
    let oracle = |parts: &Value| parts[0].as_str().unwrap().parse().unwrap();
    let condition = if let Some(time) = condition.get("TimeOnly") {
        Condition::TimeOnly(number(time))
    } else if let Some(parts) = condition.get("PriceTarget") {
        let is_above = parts[2].as_bool().unwrap();
        Condition::PriceTarget { oracle: oracle(parts), price: Amount(number(&parts[1])), is_above }
    } else {
        let parts = &condition["OracleAttestation"];
        let attestation_id = AttestationId::try_from(parts[1].as_str().unwrap().to_owned()).unwrap();
        Condition::OracleAttestation { oracle: oracle(parts), attestation_id }
    };
    Milestone {
        milestone_id: args.number("milestone_id"),
        amount: args.amount("amount"),
        condition,
        is_unlocked: args.0["is_unlocked"].as_bool().unwrap(),
    }
}

fn reading(oracle: &Value) -> Option<OracleReading> {
    let args = Arguments(oracle);
    (!oracle.is_null()).then(|| OracleReading { price: args.amount("price"), timestamp: args.number("timestamp") })
}
