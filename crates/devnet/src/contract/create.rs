//! The creators of linear streams: one, one behind a cliff, many at once, and one that lives on an allowance.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Contract, above_zero};
use crate::{
    contract_error::ContractError,
    event::{
        FieldValue::{Address as Party, I128, U64},
        NamedEvent,
    },
    refused::Refused,
    stream::{Parties, Stream},
};
use flowfi_domain::{Address, Amount, StreamId};

const LARGEST_BATCH: usize = 50;
/// What an allowance-based stream pays a second.
const ALLOWANCE_RATE: i128 = 1;

/// The amount and the length of a linear stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinearTerms {
    pub(crate) amount: i128,
    pub(crate) duration_seconds: u64,
    pub(crate) cliff_seconds: Option<u64>,
}

/// One stream of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the arguments of the contract's own functions")]
pub struct BatchStream {
    pub recipient: Address,
    pub token: Address,
    pub amount: Amount,
    pub duration_seconds: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cliff_seconds: Option<u64>,
}

impl BatchStream {
    const fn terms(&self) -> LinearTerms {
        let Self { amount, duration_seconds, cliff_seconds, .. } = self;
        LinearTerms { amount: amount.0, duration_seconds: *duration_seconds, cliff_seconds: *cliff_seconds }
    }
}

impl LinearTerms {
    fn check(self) -> Result<(), Refused> {
        above_zero(self.amount)?;
        let is_cliff_within = self.cliff_seconds.is_none_or(|cliff| (1..=self.duration_seconds).contains(&cliff));
        if self.duration_seconds == 0 || !is_cliff_within {
            return Err(ContractError::InvalidDuration.into());
        }
        Ok(())
    }

    fn rate_of(self, amount: i128) -> i128 {
        amount / i128::from(self.duration_seconds.max(1))
    }

    fn cliff_time(self, now: u64) -> Result<Option<u64>, Refused> {
        self.cliff_seconds.map(|cliff| now.checked_add(cliff).ok_or(Refused::EndOfTime)).transpose()
    }
}

impl Contract {
    /// Creates a stream that starts now, perhaps behind a cliff.
    pub(crate) fn create(
        &mut self,
        parties: Parties<'_>,
        terms: LinearTerms,
        now: u64,
    ) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        if terms.cliff_seconds.is_some() {
            self.only_in_b()?;
        }
        self.open_to_deposits()?;
        terms.check()?;
        self.known_token(parties.token)?;
        let deposit = self.collect(parties.sender, parties.token, terms.amount)?;
        let rate_per_second = terms.rate_of(deposit.net);
        if rate_per_second == 0 {
            return Err(ContractError::InvalidRate.into());
        }
        let cliff_time = terms.cliff_time(now)?;
        let stream = Stream { cliff_time, ..Stream::starting(parties, deposit.net, rate_per_second, now) };
        Ok(self.begin(stream, deposit.fee, Stream::created_event))
    }

    /// Creates several streams of one sender, who pays each token once. A fee can leave a stream with a rate of 0.
    pub(crate) fn create_batch(
        &mut self,
        sender: &Address,
        streams: &[BatchStream],
        now: u64,
    ) -> Result<(Vec<StreamId>, Vec<NamedEvent>), Refused> {
        self.only_in_b()?;
        self.open_to_deposits()?;
        if streams.is_empty() || streams.len() > LARGEST_BATCH {
            return Err(ContractError::InvalidAmount.into());
        }
        let mut sums: BTreeMap<&Address, i128> = BTreeMap::new();
        for stream in streams {
            let terms = stream.terms();
            terms.check()?;
            self.known_token(&stream.token)?;
            if terms.rate_of(terms.amount) == 0 {
                return Err(ContractError::InvalidRate.into());
            }
            let sum = sums.entry(&stream.token).or_default();
            *sum = sum.checked_add(terms.amount).ok_or(Refused::Overflow)?;
        }
        for (token, sum) in sums {
            self.take(sender, token, sum)?;
        }
        let (mut ids, mut events) = (Vec::with_capacity(streams.len()), Vec::new());
        for entry in streams {
            let (terms, parties) =
                (entry.terms(), Parties { sender, recipient: &entry.recipient, token: &entry.token });
            let deposit = self.split(&entry.token, terms.amount)?;
            let stream = Stream::starting(parties, deposit.net, terms.rate_of(deposit.net), now);
            let stream = Stream { cliff_time: terms.cliff_time(now)?, ..stream };
            let (id, of_stream) = self.begin(stream, deposit.fee, Stream::created_event);
            ids.push(id);
            events.extend(of_stream);
        }
        Ok((ids, events))
    }

    /// Creates a stream without a deposit, for a sender who lets the contract take tokens. Top-ups give it something
    /// to pay.
    pub(crate) fn create_allowance(
        &mut self,
        parties: Parties<'_>,
        duration_seconds: u64,
        now: u64,
    ) -> Result<(StreamId, Vec<NamedEvent>), Refused> {
        self.only_in_b()?;
        self.open_to_deposits()?;
        if duration_seconds == 0 {
            return Err(ContractError::InvalidDuration.into());
        }
        self.known_token(parties.token)?;
        if self.balances.allowance(parties.token, parties.sender) <= 0 {
            return Err(ContractError::AllowanceLocked.into());
        }
        let stream = Stream { is_allowance_based: true, ..Stream::starting(parties, 0, ALLOWANCE_RATE, now) };
        Ok(self.begin(stream, 0, |stream, id| {
            NamedEvent::of_stream(
                "allowance_stream_created",
                id,
                [
                    ("sender", Party(stream.sender.clone())),
                    ("recipient", Party(stream.recipient.clone())),
                    ("token_address", Party(stream.token.clone())),
                    ("rate_per_second", I128(stream.rate_per_second)),
                    ("start_time", U64(stream.start_time)),
                ],
            )
        }))
    }
}
