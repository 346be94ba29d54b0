//! Horizon as a cross-check. It has no events of its own, but some hosts give the metadata of each transaction, which
//! contains them. Hosts that leave it out are refused: they would prove that there are no events at all.

use std::{collections::BTreeMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::{
    SourceError,
    retry::Retry,
    rpc::{check_status, http_client, network_error, read_body},
};
use crate::{
    domain::{ContractId, EventId, LedgerSequence, RawContractEvent},
    xdr::{AppliedTransaction, events_of_transactions},
};

/// The largest page that Horizon returns.
const RECORDS_A_PAGE: usize = 200;

/// One Horizon host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Horizon {
    client: reqwest::Client,
    base: Url,
    retry: Retry,
}

/// A difference between a given list of events and Horizon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventDifference {
    /// The list has an event that Horizon does not know.
    NotInHorizon(RawContractEvent),
    /// The list lacks an event.
    OnlyInHorizon(RawContractEvent),
    /// Both have the event, but with different contents.
    Differs {
        /// The event in the list.
        given: RawContractEvent,
        /// The event in Horizon.
        horizon: RawContractEvent,
    },
}

impl EventDifference {
    /// Returns the event in question: the list's version if the list has it.
    #[must_use]
    pub const fn event(&self) -> &RawContractEvent {
        match self {
            Self::NotInHorizon(event) | Self::OnlyInHorizon(event) | Self::Differs { given: event, .. } => event,
        }
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "_links")]
    links: Links,
    #[serde(rename = "_embedded")]
    embedded: Embedded,
}

#[derive(Deserialize)]
struct Links {
    next: Option<Link>,
}

#[derive(Deserialize)]
struct Link {
    href: String,
}

#[derive(Deserialize)]
struct Embedded {
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    paging_token: String,
    hash: String,
    successful: bool,
    created_at: DateTime<Utc>,
    result_meta_xdr: Option<String>,
}

impl Horizon {
    /// Returns a client of the host at `url`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`SourceError::Permanent`] if the URL is invalid.
    pub fn new(url: &str, rng: StdRng) -> Result<Self, SourceError> {
        let permanent = |error| SourceError::Permanent { detail: format!("the Horizon URL is not a URL: {error}") };
        let base = format!("{}/", url.trim_end_matches('/')).parse().map_err(permanent)?;
        Ok(Self { client: http_client()?, base, retry: Retry::new(rng) })
    }

    /// Returns the differences between Horizon and `given`, a list of the contract's events in these ledgers. Close
    /// times are not compared, because Horizon only knows whole seconds.
    ///
    /// # Errors
    /// [`SourceError::NoTransactionMeta`] if the host cannot be used for this; [`SourceError::LedgerMissing`] if it
    /// lacks a ledger of the range.
    pub async fn differences(
        &self,
        contract_id: &ContractId,
        range: RangeInclusive<LedgerSequence>,
        given: &[RawContractEvent],
    ) -> Result<Vec<EventDifference>, SourceError> {
        let mut horizon = BTreeMap::new();
        for ledger in range.start().0..=range.end().0 {
            let events = self.events(contract_id, LedgerSequence(ledger)).await?;
            horizon.extend(events.into_iter().map(|event| (event.id, event)));
        }
        Ok(differences(horizon, given))
    }

    /// Returns the contract's events in a ledger.
    ///
    /// # Errors
    /// As [`Horizon::differences`].
    pub async fn events(
        &self,
        contract_id: &ContractId,
        ledger: LedgerSequence,
    ) -> Result<Vec<RawContractEvent>, SourceError> {
        let records = self.transactions(ledger).await?;
        let Some(closed_at) = records.first().map(|record| record.created_at) else { return Ok(Vec::new()) };
        let transactions: Vec<_> =
            records.into_iter().map(|record| self.applied(ledger, record)).collect::<Result<_, _>>()?;
        let contract_id = contract_id.clone();
        let events =
            tokio::task::spawn_blocking(move || events_of_transactions(ledger, closed_at, &transactions, &contract_id));
        let events = events.await.map_err(|_| SourceError::bad_reply("reading the transactions failed"))?;
        events.map_err(|fault| SourceError::Permanent { detail: format!("ledger {ledger} of Horizon: {fault}") })
    }

    async fn transactions(&self, ledger: LedgerSequence) -> Result<Vec<Record>, SourceError> {
        let path = format!("ledgers/{ledger}/transactions?include_failed=true&order=asc&limit={RECORDS_A_PAGE}");
        let mut next = Some(self.resolve(&path)?);
        let mut records = Vec::new();
        while let Some(url) = next {
            let mut attempts = self.retry.attempts();
            let page = loop {
                if let Some(page) = attempts.settled(self.page(url.clone(), ledger).await).await {
                    break page?;
                }
            };
            let is_last = page.embedded.records.is_empty();
            records.extend(page.embedded.records);
            let link = page.links.next.filter(|_| !is_last);
            next = link.map(|link| self.resolve(&link.href)).transpose()?.filter(|next| *next != url);
        }
        Ok(records)
    }

    async fn page(&self, url: Url, ledger: LedgerSequence) -> Result<Page, SourceError> {
        let response = self.client.get(url).send().await.map_err(network_error)?;
        if matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Err(SourceError::LedgerMissing { ledger });
        }
        check_status(&response)?;
        let body = read_body(response).await?;
        serde_json::from_slice(&body).map_err(|error| SourceError::bad_reply(error.to_string()))
    }

    /// Resolves a link. A reply must not send us to another host.
    fn resolve(&self, link: &str) -> Result<Url, SourceError> {
        let url = self.base.join(link).map_err(|error| SourceError::bad_reply(format!("a broken link: {error}")))?;
        if url.host() == self.base.host() { Ok(url) } else { Err(SourceError::bad_reply("a link to another host")) }
    }

    fn applied(&self, ledger: LedgerSequence, record: Record) -> Result<AppliedTransaction, SourceError> {
        let Some(meta) = record.result_meta_xdr.filter(|meta| !meta.is_empty()) else {
            let host = self.base.host_str().unwrap_or_default().to_owned();
            return Err(SourceError::NoTransactionMeta { host, transaction: record.hash });
        };
        let broken = || SourceError::bad_reply(format!("transaction {} has a broken paging token", record.hash));
        let toid: i64 = record.paging_token.parse().map_err(|_| broken())?;
        let in_ledger = EventId::from_parts(toid, 0).is_some_and(|place| place.ledger() == ledger);
        let number = u32::try_from((toid >> 12) & 0xf_ffff).map_err(|_| broken())?;
        if !in_ledger || number == 0 {
            return Err(broken());
        }
        Ok(AppliedTransaction { number, hash: record.hash, successful: record.successful, meta })
    }
}

fn differences(mut horizon: BTreeMap<EventId, RawContractEvent>, given: &[RawContractEvent]) -> Vec<EventDifference> {
    let mut differences = Vec::new();
    for given in given.iter().cloned() {
        match horizon.remove(&given.id) {
            None => differences.push(EventDifference::NotInHorizon(given)),
            Some(horizon) => {
                let same_time = RawContractEvent { ledger_closed_at: given.ledger_closed_at, ..horizon.clone() };
                if same_time != given {
                    differences.push(EventDifference::Differs { given, horizon });
                }
            }
        }
    }
    differences.extend(horizon.into_values().map(EventDifference::OnlyInHorizon));
    differences
}
