//! What can be put into a ledger: calls of the stream contract, raw events, an upgrade, a failure. All are written to
//! the journal as they stand here.

use serde::{Deserialize, Serialize};

use super::{
    contract::Contract,
    encode::{RawEvent, encode_event, sc_address},
    event::NamedEvent,
    refused::{ContractError, Refused},
    stream::NewStream,
    wasm::WasmHash,
};
use flowfi_domain::{Address, Amount, ContractId, StreamId, UnixTime};

/// A call of the stream contract. A caller left out is the party that may do it: the recipient withdraws, the sender
/// does the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the fields are the arguments of the contract's own functions")]
pub enum Call {
    /// Starts a stream of `amount` over `duration_seconds`.
    Create { sender: Address, recipient: Address, token: Address, amount: Amount, duration_seconds: u64 },
    /// Adds to a stream.
    TopUp {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
        amount: Amount,
    },
    /// Pays the recipient all that is claimable.
    Withdraw {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Stops the accrual.
    Pause {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Lets the accrual go on.
    Resume {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
    /// Ends a stream and settles it.
    Cancel {
        stream_id: StreamId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        caller: Option<Address>,
    },
}

/// A call of one of several stream contracts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberedCall {
    /// Which; the first is number 0.
    pub contract: u8,
    /// The call.
    pub call: Call,
}

/// Whether an event was emitted by a contract's code or by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of the network")]
pub enum EventKind {
    #[default]
    Contract,
    System,
}

/// Events that change no state of ours, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Emit {
    /// The contract that seems to emit them.
    pub contract_id: ContractId,
    /// By a contract's code or by the host.
    pub kind: EventKind,
    /// The events.
    pub events: Vec<RawEvent>,
    /// How many times over.
    pub count: u32,
}

/// Another code for the stream contract; nothing of what it does changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The hash of the new code; one that follows from the old if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wasm: Option<WasmHash>,
}

/// One transaction to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Input {
    /// A call of the first stream contract.
    Call(Call),
    /// Raw events.
    Emit(Emit),
    /// Several calls of the first stream contract by another contract: all of them are carried out, or none.
    Calls(Vec<Call>),
    /// The same, of stream contracts by their number.
    Across(Vec<NumberedCall>),
    /// The first stream contract gets another code.
    Upgrade(Upgrade),
    /// A transaction that fails: it pays its fee and does nothing.
    Failed,
}

impl From<Call> for Input {
    fn from(call: Call) -> Self {
        Self::Call(call)
    }
}

impl From<NumberedCall> for Input {
    fn from(call: NumberedCall) -> Self {
        Self::Across(vec![call])
    }
}

impl From<Upgrade> for Input {
    fn from(upgrade: Upgrade) -> Self {
        Self::Upgrade(upgrade)
    }
}

impl From<Emit> for Input {
    fn from(emit: Emit) -> Self {
        Self::Emit(emit)
    }
}

/// What a call did: the stream it was about and the events it emitted.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) stream_id: StreamId,
    pub(super) events: Vec<RawEvent>,
}

impl Call {
    /// Carries the call out at the ledger's time, wholly or not at all.
    pub(super) fn execute(&self, contract: &mut Contract, now: UnixTime) -> Result<Effect, Refused> {
        let (stream_id, events) = match self.stream_id() {
            None => self.create(contract, now.0)?,
            Some(stream_id) => (stream_id, self.change(stream_id, contract, now.0)?),
        };
        let encode = |event: &NamedEvent| encode_event(event).expect("the contract's names and parties have XDR");
        Ok(Effect { stream_id, events: events.iter().map(encode).collect() })
    }

    /// Returns the stream that the call is about, none for one that is yet to be created.
    #[must_use]
    pub const fn stream_id(&self) -> Option<StreamId> {
        match self {
            Self::Create { .. } => None,
            Self::TopUp { stream_id, .. }
            | Self::Withdraw { stream_id, .. }
            | Self::Pause { stream_id, .. }
            | Self::Resume { stream_id, .. }
            | Self::Cancel { stream_id, .. } => Some(*stream_id),
        }
    }

    fn create(&self, contract: &mut Contract, now: u64) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        let Self::Create { sender, recipient, token, amount, duration_seconds } = self else {
            return Err(ContractError::StreamNotFound.into());
        };
        for party in [sender, recipient] {
            if sc_address(party).is_none() || party == contract.address() {
                return Err(Refused::NotAParty);
            }
        }
        let new = NewStream { sender, recipient, token, amount: amount.0, duration_seconds: *duration_seconds };
        contract.create(&new, now)
    }

    fn change(&self, id: StreamId, contract: &mut Contract, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        let caller = self.caller(id, contract);
        match self {
            Self::Create { .. } => Ok(Vec::new()),
            Self::TopUp { amount, .. } => contract.top_up(id, &caller, amount.0, now),
            Self::Withdraw { .. } => contract.withdraw(id, &caller, now),
            Self::Pause { .. } => contract.pause(id, &caller, now),
            Self::Resume { .. } => contract.resume(id, &caller, now),
            Self::Cancel { .. } => contract.cancel(id, &caller, now),
        }
    }

    /// Where there is no such stream anyone will do: the contract finds that out by itself, in its own order.
    fn caller(&self, id: StreamId, contract: &Contract) -> Address {
        let named = match self {
            Self::Create { .. } => None,
            Self::TopUp { caller, .. }
            | Self::Withdraw { caller, .. }
            | Self::Pause { caller, .. }
            | Self::Resume { caller, .. }
            | Self::Cancel { caller, .. } => caller.as_ref(),
        };
        let party = contract.stream(id).map(|stream| match self {
            Self::Withdraw { .. } => &stream.recipient,
            _ => &stream.sender,
        });
        named.or(party).unwrap_or(contract.address()).clone()
    }
}
