//! Disputes between the parties of a stream, and the arbiter who ends them.

use super::{Contract, active, authorized};
use crate::{
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, Bool, U64},
        NamedEvent,
    },
    refused::Refused,
    stream::Dispute,
};
use flowfi_domain::{Address, StreamId};

impl Contract {
    /// Asks the arbiter for a decision, also again and after one.
    pub(crate) fn request_dispute(
        &mut self,
        id: StreamId,
        caller: &Address,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let mut stream = self.found(id)?;
        authorized(caller, &stream.sender)?;
        active(&stream)?;
        let arbiter = stream.arbiter.clone().ok_or(ContractError::DisputeNotSupported)?;
        stream.dispute = Dispute::Requested;
        self.storage.put(id, stream);
        let fields = [("sender", Party(caller.clone())), ("arbiter", Party(arbiter)), ("timestamp", U64(now))];
        Ok(vec![NamedEvent::of_stream("dispute_requested", id, fields)])
    }

    /// Ends a dispute; one that is approved cancels the stream. The contract does not ask whether the stream is active:
    /// one that was cancelled in between is settled, and refunded, once more.
    pub(crate) fn resolve_dispute(
        &mut self,
        id: StreamId,
        caller: &Address,
        approved: bool,
        now: u64,
    ) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let mut stream = self.found(id)?;
        let arbiter = stream.arbiter.clone().ok_or(ContractError::DisputeNotSupported)?;
        if *caller != arbiter {
            return Err(ContractError::NotArbiter.into());
        }
        if stream.dispute != Dispute::Requested {
            return Err(ContractError::NoActiveDispute.into());
        }
        stream.dispute = Dispute::Resolved { approved };
        let fields = [("arbiter", Party(arbiter)), ("approved", Bool(approved)), ("timestamp", U64(now))];
        let mut events = vec![NamedEvent::of_stream("dispute_resolved", id, fields)];
        if approved {
            events.push(self.settle(id, stream, now)?);
        } else {
            self.storage.put(id, stream);
        }
        Ok(events)
    }

    /// Writes an arbiter into a stream. No function of the contract does that, so without it there are no disputes.
    pub(crate) fn set_arbiter(&mut self, id: StreamId, arbiter: &Address) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let mut stream = self.found(id)?;
        stream.arbiter = Some(arbiter.clone());
        self.storage.put(id, stream);
        Ok(Vec::new())
    }
}
