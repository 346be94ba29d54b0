//! The payment-stream contract, written a second time: its own storage, token balances and order of checks, so that
//! it can judge what the indexer keeps. Nothing of `domain`'s fold or accrual is used here.

use std::collections::BTreeSet;

use super::{
    balances::{BalanceMismatch, Balances},
    event::{
        FieldValue::{Address as Party, I128, U32, U64},
        NamedEvent,
    },
    refused::{ContractError, Refused},
    stream::{NewStream, Stream},
};
use flowfi_domain::{Address, ChainStatus, StreamId};

/// One part in 10 000.
const BASIS: i128 = 10_000;

/// Who gets the fee, and how much of a deposit it is.
#[derive(Clone, Debug)]
pub(super) struct FeeConfig {
    pub(super) treasury: Address,
    pub(super) rate_bps: u32,
}

/// The contract with its storage, and the tokens it moves.
#[derive(Clone, Debug)]
pub(super) struct Contract {
    address: Address,
    fee: Option<FeeConfig>,
    streams: Vec<Stream>,
    active: BTreeSet<StreamId>,
    balances: Balances,
}

impl Contract {
    /// Returns a contract without streams and without a fee, on a network that has these tokens.
    pub(super) fn new(address: Address, tokens: impl IntoIterator<Item = Address>) -> Self {
        let mut balances = Balances::default();
        tokens.into_iter().for_each(|token| balances.add_token(token));
        Self { address, fee: None, streams: Vec::new(), active: BTreeSet::new(), balances }
    }

    /// Sets the fee and says so.
    pub(super) fn initialize(&mut self, admin: &Address, fee: FeeConfig) -> NamedEvent {
        let event = NamedEvent::of_protocol(
            "initialized",
            [
                ("admin", Party(admin.clone())),
                ("treasury", Party(fee.treasury.clone())),
                ("fee_rate_bps", U32(fee.rate_bps)),
            ],
        );
        self.fee = Some(fee);
        event
    }

    /// Returns the contract's own address.
    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the stream of this number.
    pub(super) fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(index_of(id)?)
    }

    /// Returns the streams that are active, by number.
    pub(super) fn active_streams(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        self.active.iter().filter_map(|id| Some((*id, self.stream(*id)?)))
    }

    /// Returns how many streams were ever created.
    pub(super) fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Returns what `account` holds of `token`.
    pub(super) fn balance(&self, token: &Address, account: &Address) -> i128 {
        self.balances.of(token, account)
    }

    /// Gives `account` its gift, unless it had it.
    pub(super) fn fund_new(&mut self, token: &Address, account: &Address) {
        self.balances.fund_new(token, account);
    }

    /// Checks that the contract holds exactly what its active streams have left, and that no token came from or
    /// went to nowhere.
    pub(super) fn check_balances(&self) -> Result<(), BalanceMismatch> {
        for token in self.balances.tokens() {
            let held = self.balance(token, &self.address);
            let streams = self.active_streams().filter(|(_, stream)| stream.token == *token);
            let owed = streams.fold(0_i128, |sum, (_, stream)| sum.saturating_add(stream.left()));
            if held != owed {
                return Err(BalanceMismatch::Contract { token: token.clone(), held, owed });
            }
            let (given, sum) = self.balances.given_and_sum(token);
            if given != sum {
                return Err(BalanceMismatch::Supply { token: token.clone(), sum, given });
            }
        }
        Ok(())
    }

    /// Creates a stream that starts now.
    pub(super) fn create(&mut self, new: &NewStream<'_>, now: u64) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        above_zero(new.amount)?;
        if new.duration_seconds == 0 {
            return Err(ContractError::InvalidDuration.into());
        }
        if !self.balances.knows(new.token) {
            return Err(ContractError::InvalidToken.into());
        }
        let fee = self.fee_of(new.amount)?;
        let deposited = new.amount - fee;
        let rate_per_second = deposited / i128::from(new.duration_seconds);
        if rate_per_second == 0 {
            return Err(ContractError::RateTooLow.into());
        }
        let id = StreamId(u64::try_from(self.streams.len()).map_err(|_| Refused::Overflow)? + 1);
        let mut events = self.collect(id, new.sender, new.token, new.amount, fee)?;
        let stream = Stream::starting(new, deposited, rate_per_second, now);
        events.push(stream.created_event(id));
        self.balances.fund_new(new.token, new.recipient);
        self.streams.push(stream);
        self.active.insert(id);
        Ok((id, events))
    }

    /// Adds to a stream; allowed while it is paused, and when it has run out of time.
    pub(super) fn top_up(
        &mut self,
        id: StreamId,
        caller: &Address,
        amount: i128,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        above_zero(amount)?;
        let stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(stream)?;
        let token = stream.token.clone();
        let fee = self.fee_of(amount)?;
        let net = amount - fee;
        let deposited = self.found(id)?.deposited.checked_add(net).ok_or(Refused::Overflow)?;
        let mut events = self.collect(id, caller, &token, amount, fee)?;
        let stream = self.found_mut(id)?;
        stream.deposited = deposited;
        events.push(NamedEvent::of_stream(
            "stream_topped_up",
            id,
            [
                ("sender", Party(caller.clone())),
                ("amount", I128(net)),
                ("new_deposited_amount", I128(deposited)),
                ("new_end_time", U64(stream.announced_end(now))),
            ],
        ));
        Ok(events)
    }

    /// Pays the recipient all that is claimable; completes the stream if that drained it.
    pub(super) fn withdraw(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found(id)?;
        authorized(caller, &stream.recipient)?;
        active(stream)?;
        if stream.paused {
            return Err(ContractError::StreamPaused.into());
        }
        let amount = stream.claimable(now);
        above_zero(amount)?;
        self.pay_recipient(id, amount, now)?;
        let mut events = vec![NamedEvent::of_stream(
            "tokens_withdrawn",
            id,
            [("recipient", Party(caller.clone())), ("amount", I128(amount)), ("timestamp", U64(now))],
        )];
        let stream = self.found_mut(id)?;
        if stream.withdrawn >= stream.deposited {
            stream.status = ChainStatus::Completed;
            let total_withdrawn = I128(stream.withdrawn);
            self.settle(id)?;
            let fields = [("recipient", Party(caller.clone())), ("total_withdrawn", total_withdrawn)];
            events.push(NamedEvent::of_stream("stream_completed", id, fields));
        }
        Ok(events)
    }

    /// Pays the recipient what is claimable and the sender the rest. A pause stays as it is.
    pub(super) fn cancel(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(stream)?;
        let amount = stream.claimable(now);
        self.pay_recipient(id, amount, now)?;
        let stream = self.found_mut(id)?;
        stream.status = ChainStatus::Cancelled;
        let (refunded, token) = (stream.left(), stream.token.clone());
        let event = NamedEvent::of_stream(
            "stream_cancelled",
            id,
            [
                ("sender", Party(caller.clone())),
                ("recipient", Party(stream.recipient.clone())),
                ("amount_withdrawn", I128(stream.withdrawn)),
                ("refunded_amount", I128(refunded)),
            ],
        );
        self.settle(id)?;
        self.balances.transfer(&token, &self.address, caller, refunded);
        Ok(vec![event])
    }

    /// Stops the accrual.
    pub(super) fn pause(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found_mut(id)?;
        authorized(caller, &stream.sender)?;
        active(stream)?;
        if stream.paused {
            return Err(ContractError::StreamAlreadyPaused.into());
        }
        stream.paused = true;
        stream.paused_at = Some(now);
        stream.status = ChainStatus::Paused;
        let fields = [("sender", Party(caller.clone())), ("paused_at", U64(now))];
        Ok(vec![NamedEvent::of_stream("stream_paused", id, fields)])
    }

    /// Lets the accrual go on. Does not ask whether the stream is active, as the contract does not: one that was
    /// cancelled while paused becomes Active in name and stays inactive.
    pub(super) fn resume(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let stream = self.found_mut(id)?;
        authorized(caller, &stream.sender)?;
        if !stream.paused {
            return Err(ContractError::StreamNotPaused.into());
        }
        let paused_seconds = now.saturating_sub(stream.paused_at.unwrap_or(now));
        stream.last_update_time = stream.last_update_time.saturating_add(paused_seconds);
        stream.paused = false;
        stream.paused_at = None;
        stream.status = ChainStatus::Active;
        let fields = [("sender", Party(caller.clone())), ("new_end_time", U64(stream.announced_end(now)))];
        Ok(vec![NamedEvent::of_stream("stream_resumed", id, fields)])
    }

    fn fee_of(&self, amount: i128) -> Result<i128, Refused> {
        let Some(fee) = &self.fee else { return Ok(0) };
        Ok(amount.checked_mul(i128::from(fee.rate_bps)).ok_or(Refused::Overflow)? / BASIS)
    }

    /// Takes a deposit from the sender: the fee to the treasury, the rest to the contract.
    fn collect(
        &mut self,
        id: StreamId,
        sender: &Address,
        token: &Address,
        amount: i128,
        fee: i128,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.balances.fund_new(token, sender);
        if self.balances.of(token, sender) < amount {
            return Err(Refused::InsufficientBalance);
        }
        self.balances.transfer(token, sender, &self.address, amount);
        let Some(config) = self.fee.as_ref().filter(|_| fee > 0) else { return Ok(Vec::new()) };
        self.balances.transfer(token, &self.address, &config.treasury, fee);
        Ok(vec![NamedEvent::of_stream(
            "fee_collected",
            id,
            [("treasury", Party(config.treasury.clone())), ("fee_amount", I128(fee)), ("token", Party(token.clone()))],
        )])
    }

    fn pay_recipient(&mut self, id: StreamId, amount: i128, now: u64) -> Result<(), Refused> {
        let stream = self.found_mut(id)?;
        stream.withdrawn = stream.withdrawn.checked_add(amount).ok_or(Refused::Overflow)?;
        stream.last_update_time = now;
        let (token, recipient) = (stream.token.clone(), stream.recipient.clone());
        self.balances.transfer(&token, &self.address, &recipient, amount);
        Ok(())
    }

    fn settle(&mut self, id: StreamId) -> Result<(), Refused> {
        self.active.remove(&id);
        self.found_mut(id)?.is_active = false;
        Ok(())
    }

    fn found(&self, id: StreamId) -> Result<&Stream, Refused> {
        Ok(self.stream(id).ok_or(ContractError::StreamNotFound)?)
    }

    fn found_mut(&mut self, id: StreamId) -> Result<&mut Stream, Refused> {
        let stream = index_of(id).and_then(|index| self.streams.get_mut(index));
        Ok(stream.ok_or(ContractError::StreamNotFound)?)
    }
}

fn index_of(id: StreamId) -> Option<usize> {
    usize::try_from(id.0.checked_sub(1)?).ok()
}

fn above_zero(amount: i128) -> Result<(), Refused> {
    if amount > 0 { Ok(()) } else { Err(ContractError::InvalidAmount.into()) }
}

fn authorized(caller: &Address, party: &Address) -> Result<(), Refused> {
    if caller == party { Ok(()) } else { Err(ContractError::Unauthorized.into()) }
}

fn active(stream: &Stream) -> Result<(), Refused> {
    if stream.is_active { Ok(()) } else { Err(ContractError::StreamInactive.into()) }
}
