//! What the contract takes and pays: deposits, fees, settlements and refunds.

use super::Contract;
use crate::{
    balances::Source,
    code::ContractCode,
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128},
        NamedEvent,
    },
    refused::Refused,
    stream::Stream,
};
use flowfi_domain::{Address, StreamId};

/// One part in 10 000.
const BASIS: i128 = 10_000;

/// A deposit that the contract holds, and what went to the treasury.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deposit {
    pub(super) net: i128,
    pub(super) fee: i128,
}

impl Contract {
    /// Refuses deposits while the protocol is paused.
    pub(super) fn open_to_deposits(&self) -> Result<(), Refused> {
        let is_paused = self.runs(ContractCode::B) && self.config().is_some_and(|config| config.is_paused);
        if is_paused { Err(ContractError::ProtocolPaused.into()) } else { Ok(()) }
    }

    pub(super) fn known_token(&self, token: &Address) -> Result<(), Refused> {
        if self.balances.knows(token) { Ok(()) } else { Err(ContractError::InvalidTokenAddress.into()) }
    }

    /// Takes a deposit from the sender and passes the fee on.
    pub(super) fn collect(&mut self, sender: &Address, token: &Address, amount: i128) -> Result<Deposit, Refused> {
        self.take(sender, token, amount)?;
        self.split(token, amount)
    }

    /// Takes an amount from the sender.
    pub(super) fn take(&mut self, sender: &Address, token: &Address, amount: i128) -> Result<(), Refused> {
        self.balances.transfer(token, (sender, &self.address), amount, Source::Own)
    }

    /// Splits an amount that was taken into the fee, which goes to the treasury, and the rest.
    pub(super) fn split(&mut self, token: &Address, amount: i128) -> Result<Deposit, Refused> {
        let Some(config) = self.config() else { return Ok(Deposit { net: amount, fee: 0 }) };
        let treasury = config.treasury.clone();
        let fee = amount.checked_mul(i128::from(config.fee_rate_bps)).ok_or_else(|| self.overflow())? / BASIS;
        if fee > 0 {
            self.balances.transfer(token, (&self.address, &treasury), fee, Source::Own)?;
        }
        Ok(Deposit { net: amount - fee, fee })
    }

    /// Returns the error of an amount beyond i128: state A traps.
    pub(super) fn overflow(&self) -> Refused {
        if self.runs(ContractCode::A) { Refused::Overflow } else { ContractError::ArithmeticOverflow.into() }
    }

    /// Returns the event of a fee, if there was one.
    pub(super) fn fee_event(&self, id: StreamId, token: &Address, fee: i128) -> Option<NamedEvent> {
        let treasury = self.config().filter(|_| fee > 0)?.treasury.clone();
        let fields = [("treasury", Party(treasury)), ("fee_amount", I128(fee)), ("token", Party(token.clone()))];
        Some(NamedEvent::of_stream("fee_collected", id, fields))
    }

    /// Gives a new stream its number and stores it. Returns the event of the fee before the event of its creation.
    pub(super) fn begin(
        &mut self,
        stream: Stream,
        fee: i128,
        event: impl FnOnce(&Stream, StreamId) -> NamedEvent,
    ) -> (StreamId, Vec<NamedEvent>) {
        let instance = self.storage.instance_mut();
        instance.stream_count += 1;
        let id = StreamId(instance.stream_count);
        let mut events: Vec<_> = self.fee_event(id, &stream.token, fee).into_iter().collect();
        events.push(event(&stream, id));
        self.storage.put(id, stream);
        (id, events)
    }

    /// Pays the recipient of a stream, as of now. The stream is not yet put back.
    pub(super) fn pay_recipient(&mut self, stream: &mut Stream, amount: i128, now: u64) -> Result<(), Refused> {
        stream.withdrawn = stream.withdrawn.checked_add(amount).ok_or(Refused::Overflow)?;
        stream.last_update_time = now;
        self.balances.transfer(&stream.token, (&self.address, &stream.recipient), amount, source_of(stream))
    }

    /// Refunds the sender of a stream what is left in it, and returns how much that is.
    pub(super) fn refund(&mut self, stream: &Stream) -> Result<i128, Refused> {
        let left = stream.left();
        self.balances.transfer(&stream.token, (&self.address, &stream.sender), left, source_of(stream))?;
        Ok(left)
    }
}

/// A stream that is not active was settled before.
const fn source_of(stream: &Stream) -> Source {
    if stream.is_active { Source::Own } else { Source::Others }
}
