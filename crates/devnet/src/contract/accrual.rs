//! What changes how a stream accrues: a pause, its end, and another rate.

use super::{Contract, active, authorized};
use crate::{
    code::ContractCode,
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128, U64},
        NamedEvent,
    },
    refused::Refused,
    schedule::Schedule,
    stream::Stream,
};
use flowfi_domain::{Address, ChainStatus, StreamId};

impl Contract {
    /// Stops the accrual.
    pub(crate) fn pause(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let mut stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(&stream)?;
        if stream.paused {
            return Err(ContractError::StreamAlreadyPaused.into());
        }
        stream.paused = true;
        stream.paused_at = Some(now);
        stream.status = ChainStatus::Paused;
        self.storage.put(id, stream);
        let fields = [("sender", Party(caller.clone())), ("paused_at", U64(now))];
        Ok(vec![NamedEvent::of_stream("stream_paused", id, fields)])
    }

    /// Lets the accrual go on. State A does not ask whether the stream is active: one that was cancelled while paused
    /// becomes Active in name and stays inactive.
    pub(crate) fn resume(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let mut stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        if self.runs(ContractCode::B) && !stream.is_active {
            return Err(ContractError::StreamNotActive.into());
        }
        if !stream.paused {
            return Err(ContractError::StreamNotPaused.into());
        }
        let paused_seconds = now.saturating_sub(stream.paused_at.unwrap_or(now));
        stream.last_update_time = stream.last_update_time.saturating_add(paused_seconds);
        stream.paused = false;
        stream.paused_at = None;
        stream.status = ChainStatus::Active;
        let new_end_time = end_after_resume(&stream, now)?;
        self.storage.put(id, stream);
        let fields = [("sender", Party(caller.clone())), ("new_end_time", U64(new_end_time))];
        Ok(vec![NamedEvent::of_stream("stream_resumed", id, fields)])
    }

    /// Gives a linear stream another rate from now on. What had accrued and was not withdrawn is no longer claimable.
    pub(crate) fn modify_rate(
        &mut self,
        id: StreamId,
        caller: &Address,
        rate_per_second: i128,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        if rate_per_second <= 0 {
            return Err(ContractError::InvalidNewRate.into());
        }
        let mut stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(&stream)?;
        if stream.schedule != Schedule::Linear {
            return Err(ContractError::RateModificationUnsupported.into());
        }
        let lasts = u64::try_from(stream.left() / rate_per_second).ok();
        let new_end_time = lasts.and_then(|seconds| now.checked_add(seconds));
        let new_end_time = new_end_time.ok_or(ContractError::ArithmeticOverflow)?;
        let old_rate_per_second = std::mem::replace(&mut stream.rate_per_second, rate_per_second);
        stream.last_update_time = now;
        self.storage.put(id, stream);
        let fields = [
            ("sender", Party(caller.clone())),
            ("old_rate_per_second", I128(old_rate_per_second)),
            ("new_rate_per_second", I128(rate_per_second)),
            ("new_end_time", U64(new_end_time)),
            ("timestamp", U64(now)),
        ];
        Ok(vec![NamedEvent::of_stream("stream_rate_modified", id, fields)])
    }
}

/// Returns the end that the contract announces, by the stream's schedule.
fn end_after_resume(stream: &Stream, now: u64) -> Result<u64, Refused> {
    match &stream.schedule {
        Schedule::Linear => stream.end_cut(now),
        Schedule::StepTranches(tranches) => Ok(tranches.last().map_or(now, |tranche| tranche.unlock_time)),
        Schedule::HybridCliffLinear { cliff_time, cliff_amount } => {
            let tail = stream.deposited.saturating_sub(cliff_amount.0);
            let seconds = u64::try_from(tail / stream.rate_per_second.max(1)).unwrap_or(u64::MAX);
            cliff_time.checked_add(seconds).ok_or(Refused::EndOfTime)
        }
    }
}
