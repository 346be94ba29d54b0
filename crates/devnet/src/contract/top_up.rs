//! Top-ups.

use super::{Contract, above_zero, active, authorized};
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
use flowfi_domain::{Address, StreamId};

impl Contract {
    /// Adds to a stream; allowed while it is paused, and when it has run out of time.
    pub(crate) fn top_up(
        &mut self,
        id: StreamId,
        caller: &Address,
        amount: i128,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.open_to_deposits()?;
        above_zero(amount)?;
        let mut stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(&stream)?;
        if matches!(stream.schedule, Schedule::StepTranches(_)) {
            return Err(ContractError::TopUpUnsupported.into());
        }
        let deposit = self.collect(caller, &stream.token, amount)?;
        stream.deposited = stream.deposited.checked_add(deposit.net).ok_or_else(|| self.overflow())?;
        let new_end_time = self.end_after_top_up(&stream, now)?;
        let mut events: Vec<_> = self.fee_event(id, &stream.token, deposit.fee).into_iter().collect();
        events.push(NamedEvent::of_stream(
            "stream_topped_up",
            id,
            [
                ("sender", Party(caller.clone())),
                ("amount", I128(deposit.net)),
                ("new_deposited_amount", I128(stream.deposited)),
                ("new_end_time", U64(new_end_time)),
            ],
        ));
        self.storage.put(id, stream);
        Ok(events)
    }

    /// Returns the end that the contract announces. Where it is beyond 64 bits, state A cuts it or traps.
    fn end_after_top_up(&self, stream: &Stream, now: u64) -> Result<u64, Refused> {
        if self.runs(ContractCode::A) {
            return stream.end_cut(now);
        }
        let lasts = stream.seconds_left(now)?;
        let end = u64::try_from(lasts).ok().and_then(|seconds| now.checked_add(seconds));
        Ok(end.ok_or(ContractError::ArithmeticOverflow)?)
    }
}
