//! The shapes of Horizon's replies: what we read of them.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    domain::{EventId, LedgerSequence},
    source::{SourceError, close_times::closed_at_if_known},
};

/// What `/` says.
#[derive(Deserialize)]
pub(super) struct Root {
    pub(super) network_passphrase: String,
    pub(super) horizon_version: Option<String>,
    pub(super) history_latest_ledger: LedgerSequence,
    #[serde(default, deserialize_with = "closed_at_if_known")]
    pub(super) history_latest_ledger_closed_at: Option<DateTime<Utc>>,
    pub(super) history_elder_ledger: LedgerSequence,
}

/// A page of records.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    #[serde(rename = "_embedded")]
    embedded: Embedded<T>,
}

#[derive(Deserialize)]
struct Embedded<T> {
    records: Vec<T>,
}

impl<T> Page<T> {
    pub(super) fn into_records(self) -> Vec<T> {
        self.embedded.records
    }
}

#[derive(Deserialize)]
pub(super) struct LedgerRecord {
    pub(super) sequence: LedgerSequence,
    pub(super) hash: String,
    /// A `LedgerHeader` in base64, empty where the history is very old.
    #[serde(default)]
    pub(super) header_xdr: String,
    successful_transaction_count: Option<usize>,
    failed_transaction_count: Option<usize>,
}

impl LedgerRecord {
    /// Returns how many transactions it has, if it says so.
    pub(super) fn transaction_count(&self) -> Option<usize> {
        self.successful_transaction_count?.checked_add(self.failed_transaction_count?)
    }
}

#[derive(Deserialize)]
pub(super) struct TransactionRecord {
    paging_token: Box<RawValue>,
    pub(super) hash: String,
    pub(super) result_xdr: String,
    /// A `TransactionMeta` in base64. Many hosts leave it out.
    pub(super) result_meta_xdr: Option<String>,
}

/// Where a transaction stands: in which ledger, and its number there, counted from 1 as they were applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) ledger: LedgerSequence,
    pub(super) number: u32,
}

impl Place {
    /// Returns the place before every transaction of a ledger.
    pub(super) const fn before(ledger: LedgerSequence) -> Self {
        Self { ledger, number: 0 }
    }

    /// Returns the paging token that stands for the place: a TOID.
    pub(super) fn token(self) -> i64 {
        (i64::from(self.ledger.0) << 32) | (i64::from(self.number) << 12)
    }
}

impl TransactionRecord {
    /// Returns the place that the paging token stands for.
    ///
    /// # Errors
    /// [`SourceError::UnknownForm`] if it is not the TOID of a transaction.
    pub(super) fn place(&self) -> Result<Place, SourceError> {
        let place = || {
            let text: String = serde_json::from_str(self.paging_token.get()).ok()?;
            let token: i64 = text.parse().ok()?;
            let ledger = EventId::from_parts(token, 0)?.ledger();
            let number = u32::try_from((token >> 12) & 0xf_ffff).ok()?;
            let place = Place { ledger, number };
            (number > 0 && place.token() == token && text == token.to_string()).then_some(place)
        };
        place().ok_or_else(|| SourceError::unknown_form("paging token", self.paging_token.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(token: &str) -> Result<Place, SourceError> {
        let record = format!(r#"{{"paging_token":{token},"hash":"","result_xdr":""}}"#);
        serde_json::from_str::<TransactionRecord>(&record).unwrap().place()
    }

    #[test]
    fn a_paging_token_is_the_toid_of_a_transaction() {
        let found = place(r#""16010972359577600""#).unwrap();
        assert_eq!(found, Place { ledger: LedgerSequence(3_727_845), number: 5 });
        assert_eq!(found.token(), 16_010_972_359_577_600);
    }

    #[test]
    fn a_paging_token_of_another_form_is_refused_with_what_it_is() {
        let unlike = [
            "16010972359577600",
            r#""""#,
            r#""x""#,
            r#""-4096""#,
            r#""+16010972359577600""#,
            r#""16010972359577600-1""#,
            r#""16010972359577601""#,
            r#""16010972359557120""#,
            "null",
            "{}",
        ];
        for token in unlike {
            let refused = place(token).unwrap_err();
            assert!(matches!(&refused, SourceError::UnknownForm { .. }), "{token}: {refused}");
            assert!(refused.to_string().contains("paging token"), "{refused}");
        }
    }
}
