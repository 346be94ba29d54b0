//! The indexer's report about itself, for gateways on any machine.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{Store, StoreError, columns::ledger};
use crate::domain::{ContractId, LedgerRange, LedgerSequence};

/// What an indexer is doing; better states come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IndexerState {
    /// It is at the tip, or one page behind.
    Following,
    /// It is reading a long past.
    CatchingUp,
    /// It is reading ledgers that the usual source no longer has, from a source of whole ledgers.
    FillingHole,
    /// No source has the next ledgers; it is waiting for one, or for an operator.
    Hole,
    /// The source fails, or is behind what is indexed.
    SourceAway,
    /// The database's disk is full: nothing can be written.
    DatabaseFull,
    /// An operator paused it.
    Paused,
    /// The network started over, and nobody allowed to archive the index: it reads no further.
    Stopped,
    /// A newer version is in a state that this version does not know.
    Unknown,
}

impl IndexerState {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Following,
        Self::CatchingUp,
        Self::FillingHole,
        Self::Hole,
        Self::SourceAway,
        Self::DatabaseFull,
        Self::Paused,
        Self::Stopped,
        Self::Unknown,
    ];

    /// Returns the word stored in the database and shown in the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Following => "following",
            Self::CatchingUp => "catchingUp",
            Self::FillingHole => "fillingHole",
            Self::Hole => "hole",
            Self::SourceAway => "sourceAway",
            Self::DatabaseFull => "databaseFull",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}

/// An indexer's last report about itself and its source.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexerReport {
    /// What it is doing.
    pub state: IndexerState,
    /// Why, in words, if that needs an explanation.
    pub detail: Option<String>,
    /// The newest ledger of its source.
    pub tip_ledger: Option<LedgerSequence>,
    /// When that ledger closed.
    pub tip_closed_at: Option<DateTime<Utc>>,
    /// The oldest ledger that its source still has.
    pub oldest_ledger: Option<LedgerSequence>,
    /// The ledgers that no source has.
    pub missing: Option<LedgerRange>,
    /// The health of each endpoint, as the source describes it.
    pub endpoints: Value,
}

/// A report, and its age.
#[derive(Clone, Debug, PartialEq)]
pub struct AgedReport {
    /// The report.
    pub report: IndexerReport,
    /// Milliseconds since it was written, by the database's clock.
    pub age_ms: i64,
    /// Milliseconds since the source last answered; `None` if an older version wrote the report.
    pub answered_ms_ago: Option<i64>,
    /// Milliseconds since the source's tip last moved; `None` if an older version wrote the report.
    pub tip_moved_ms_ago: Option<i64>,
}

impl Store {
    /// Returns the time by the database's clock, which determines every age here.
    pub async fn now(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }

    /// Writes the report for each of these contracts, replacing the previous one. A time that is kept is at most now: if the
    /// database's clock was set back, it would lie in the future for that long.
    pub async fn write_report(&self, contract_ids: &[ContractId], report: &IndexerReport) -> Result<(), StoreError> {
        let contract_ids: Vec<String> = contract_ids.iter().map(ToString::to_string).collect();
        sqlx::query!(
            "insert into indexer_reports as before (contract_id, reported_at, state, detail, tip_ledger, tip_closed_at,
                 oldest_ledger, missing_from_ledger, missing_to_ledger, endpoints, answered_at, tip_moved_at)
             select contract_id, clock_timestamp(), $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), clock_timestamp()
             from unnest($1::text[]) as wanted (contract_id)
             on conflict (contract_id) do update set
                 answered_at = case when $10 then excluded.answered_at
                                    else least(before.answered_at, excluded.answered_at) end,
                 tip_moved_at = case when excluded.tip_ledger is distinct from before.tip_ledger
                                     then excluded.tip_moved_at
                                     else least(before.tip_moved_at, excluded.tip_moved_at) end,
                 reported_at = excluded.reported_at, state = excluded.state, detail = excluded.detail,
                 tip_ledger = excluded.tip_ledger, tip_closed_at = excluded.tip_closed_at,
                 oldest_ledger = excluded.oldest_ledger, missing_from_ledger = excluded.missing_from_ledger,
                 missing_to_ledger = excluded.missing_to_ledger, endpoints = excluded.endpoints",
            &contract_ids,
            report.state.as_str(),
            report.detail.as_ref().map(|detail| without_nul(detail)),
            report.tip_ledger.map(|ledger| i64::from(ledger.0)),
            report.tip_closed_at,
            report.oldest_ledger.map(|ledger| i64::from(ledger.0)),
            report.missing.map(|missing| i64::from(missing.from().0)),
            report.missing.map(|missing| i64::from(missing.to().0)),
            storable(&report.endpoints),
            !matches!(report.state, IndexerState::SourceAway | IndexerState::DatabaseFull),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Returns the last report on the contract; `None` before the first.
    pub async fn indexer_report(&self, contract_id: &ContractId) -> Result<Option<AgedReport>, StoreError> {
        let row = sqlx::query!(
            r#"select state, detail, tip_ledger, tip_closed_at, oldest_ledger, missing_from_ledger, missing_to_ledger,
                      endpoints, (extract(epoch from clock_timestamp() - reported_at) * 1000)::bigint as "age_ms!",
                      (extract(epoch from clock_timestamp() - answered_at) * 1000)::bigint as answered_ms_ago,
                      (extract(epoch from clock_timestamp() - tip_moved_at) * 1000)::bigint as tip_moved_ms_ago
               from indexer_reports where contract_id = $1"#,
            contract_id.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let state = IndexerState::ALL.into_iter().find(|state| state.as_str() == row.state);
        let missing = match (row.missing_from_ledger, row.missing_to_ledger) {
            (Some(from), Some(to)) => LedgerRange::new(ledger(from)?, ledger(to)?),
            _ => None,
        };
        let report = IndexerReport {
            state: state.unwrap_or(IndexerState::Unknown),
            detail: row.detail,
            tip_ledger: row.tip_ledger.map(ledger).transpose()?,
            tip_closed_at: row.tip_closed_at,
            oldest_ledger: row.oldest_ledger.map(ledger).transpose()?,
            missing,
            endpoints: row.endpoints,
        };
        let (answered_ms_ago, tip_moved_ms_ago) = (row.answered_ms_ago, row.tip_moved_ms_ago);
        Ok(Some(AgedReport { report, age_ms: row.age_ms, answered_ms_ago, tip_moved_ms_ago }))
    }
}

/// PostgreSQL cannot store a NUL in a text, and endpoints may send anything.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn storable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(values) => values.iter().map(storable).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (without_nul(name), storable(value))).collect(),
        other => other.clone(),
    }
}
