//! The end of a stream's entry, and how long it lives until then.

use super::Contract;
use crate::{
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, U64},
        NamedEvent,
    },
    refused::Refused,
    stream::Stream,
};
use flowfi_domain::{Address, ChainStatus, StreamId};

impl Contract {
    /// Deletes the entry of a stream that is settled.
    pub(crate) fn close(&mut self, id: StreamId, caller: &Address, now: u64) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        let stream = self.found(id)?;
        let is_admin = self.config().is_some_and(|config| config.admin == *caller);
        if *caller != stream.sender && *caller != stream.recipient && !is_admin {
            return Err(ContractError::Unauthorized.into());
        }
        if !is_settled(&stream) {
            return Err(ContractError::StreamStillActive.into());
        }
        self.storage.remove(id);
        let fields = [("closer", Party(caller.clone())), ("timestamp", U64(now))];
        Ok(vec![NamedEvent::of_stream("stream_closed", id, fields)])
    }

    /// Lets the entry of a stream live longer.
    pub(crate) fn extend_ttl(&mut self, id: StreamId) -> Result<Vec<NamedEvent>, Refused> {
        self.only_in_b()?;
        self.found(id)?;
        self.storage.extend(id);
        Ok(Vec::new())
    }
}

fn is_settled(stream: &Stream) -> bool {
    match stream.status {
        ChainStatus::Completed => !stream.is_active && stream.withdrawn == stream.deposited,
        ChainStatus::Cancelled => !stream.is_active,
        ChainStatus::Active | ChainStatus::Paused => false,
    }
}
