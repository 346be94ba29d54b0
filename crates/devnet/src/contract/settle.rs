//! What pays a stream out: withdrawals, cancellations, and the transfer to another recipient.

use super::{Contract, above_zero, active, authorized};
use crate::{
    code::ContractCode,
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128, U64},
        NamedEvent,
    },
    refused::Refused,
    stream::Stream,
};
use flowfi_domain::{Address, ChainStatus, StreamId};

/// The most streams that one call withdraws from.
const MOST_WITHDRAWALS: usize = 30;

impl Contract {
    /// Pays the recipient all that is claimable; completes the stream if that drained it.
    pub(crate) fn withdraw(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found(id)?;
        authorized(caller, &stream.recipient)?;
        active(&stream)?;
        if stream.paused {
            return Err(ContractError::StreamPaused.into());
        }
        above_zero(stream.claimable(now))?;
        self.pay_out(id, stream, now)
    }

    /// Withdraws from several streams of one recipient. Those that pay nothing are passed over.
    pub(crate) fn withdraw_batch(
        &mut self,
        ids: &[StreamId],
        caller: &Address,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        if ids.len() > MOST_WITHDRAWALS {
            return Err(ContractError::BatchTooLarge.into());
        }
        let mut events = Vec::new();
        for id in ids {
            let stream = self.found(*id)?;
            authorized(caller, &stream.recipient)?;
            if stream.is_active && !stream.paused && stream.claimable(now) > 0 {
                events.extend(self.pay_out(*id, stream, now)?);
            }
        }
        Ok(events)
    }

    fn pay_out(&mut self, id: StreamId, mut stream: Stream, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let (amount, recipient) = (stream.claimable(now), stream.recipient.clone());
        self.pay_recipient(&mut stream, amount, now)?;
        let fields = [("recipient", Party(recipient.clone())), ("amount", I128(amount)), ("timestamp", U64(now))];
        let mut events = vec![NamedEvent::of_stream("tokens_withdrawn", id, fields)];
        if stream.is_drained() {
            stream.is_active = false;
            stream.status = ChainStatus::Completed;
            let fields = [("recipient", Party(recipient)), ("total_withdrawn", I128(stream.withdrawn))];
            events.push(NamedEvent::of_stream("stream_completed", id, fields));
        }
        self.storage.put(id, stream);
        Ok(events)
    }

    /// Pays the recipient what is claimable and the sender the rest.
    pub(crate) fn cancel(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(&stream)?;
        Ok(vec![self.settle(id, stream, now)?])
    }

    /// Ends a stream, whatever its state: the recipient gets what is earned, and the sender the rest. In state A a
    /// pause stays as it is.
    pub(super) fn settle(&mut self, id: StreamId, mut stream: Stream, now: u64) -> Result<NamedEvent, Refused> {
        let amount = stream.earned(now);
        self.pay_recipient(&mut stream, amount, now)?;
        let refunded = self.refund(&stream)?;
        stream.is_active = false;
        stream.status = ChainStatus::Cancelled;
        if self.runs(ContractCode::B) {
            stream.paused = false;
            stream.paused_at = None;
        }
        let event = NamedEvent::of_stream(
            "stream_cancelled",
            id,
            [
                ("sender", Party(stream.sender.clone())),
                ("recipient", Party(stream.recipient.clone())),
                ("amount_withdrawn", I128(stream.withdrawn)),
                ("refunded_amount", I128(refunded)),
            ],
        );
        self.storage.put(id, stream);
        Ok(event)
    }

    /// Pays the recipient what is claimable and makes another one the recipient. A stream that this drains stays
    /// active.
    pub(crate) fn transfer_recipient(
        &mut self,
        id: StreamId,
        caller: &Address,
        new_recipient: &Address,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let mut stream = self.found(id)?;
        authorized(caller, &stream.recipient)?;
        active(&stream)?;
        if new_recipient == caller || *new_recipient == self.address {
            return Err(ContractError::Unauthorized.into());
        }
        let settled = stream.claimable(now);
        self.pay_recipient(&mut stream, settled, now)?;
        stream.recipient = new_recipient.clone();
        self.storage.put(id, stream);
        let fields = [
            ("old_recipient", Party(caller.clone())),
            ("new_recipient", Party(new_recipient.clone())),
            ("settled_amount", I128(settled)),
            ("timestamp", U64(now)),
        ];
        Ok(vec![NamedEvent::of_stream("recipient_transferred", id, fields)])
    }
}
