//! A stream's id as clients write it.

use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::problem::Problem;
use crate::domain::{ContractId, Contracts, StreamId, StreamKey};

/// The number of a stream, or its contract and number separated by a colon: `7`, or `C…:7`.
#[derive(Clone, Debug)]
pub(super) struct StreamText(Option<ContractId>, StreamId);

/// Why a text does not name a stream.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotAStream {
    #[error("before the colon: {0}")]
    Contract(<ContractId as FromStr>::Err),
    #[error("a stream id is a u64: {0}")]
    Number(<StreamId as FromStr>::Err),
}

impl FromStr for StreamText {
    type Err = NotAStream;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (contract_id, number) = match text.split_once(':') {
            Some((contract, number)) => (Some(contract.parse().map_err(NotAStream::Contract)?), number),
            None => (None, text),
        };
        let stream_id = number.parse().map_err(NotAStream::Number)?;
        Ok(Self(contract_id, stream_id))
    }
}

/// The id of a stream in answers: its number if that is enough to name it here, otherwise its contract and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StreamName(String);

impl StreamName {
    /// Returns the id of a stream in a deployment of these contracts.
    pub(super) fn of(contract_id: &ContractId, stream_id: StreamId, contracts: &Contracts) -> Self {
        Self(match contracts.only() {
            Some(only) if only == contract_id => stream_id.to_string(),
            _ => format!("{contract_id}:{stream_id}"),
        })
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Serialize for StreamName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl StreamText {
    /// Returns the stream that is meant in a deployment of these contracts. The number alone is enough if there is only
    /// one contract.
    pub(super) fn key(self, parameter: &str, contracts: &Contracts) -> Result<StreamKey, Problem> {
        let Self(contract_id, stream_id) = self;
        let contract_id = contract_id.or_else(|| contracts.only().cloned()).ok_or_else(|| {
            let rule =
                format!("{stream_id}: with several contracts, an id must name its contract, as in C…:{stream_id}");
            Problem::parameter(parameter, rule)
        })?;
        Ok((contract_id, stream_id))
    }
}
