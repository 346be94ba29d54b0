//! The cursors: how far the index of each contract is, and of all contracts together, and where each starts. A commit
//! raises them (`commit.rs`).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Store, StoreError, Writer,
    columns::{event_id, ledger, parse},
    writer::DEADLINE,
};
use crate::domain::{ContractId, EventId, LedgerSequence};

/// How far the index is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here is stored.
    pub position: EventId,
    /// The first ledger that is indexed.
    pub from_ledger: LedgerSequence,
    /// The newest ledger that is stored whole.
    pub last_whole_ledger: LedgerSequence,
    /// When that closed, or the newest close time known up to it; `None` before any is known.
    pub last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

struct ProgressRow {
    toid: i64,
    event_index: i64,
    from_ledger: i64,
    last_whole_ledger: i64,
    last_whole_ledger_closed_at: Option<DateTime<Utc>>,
}

impl TryFrom<ProgressRow> for Progress {
    type Error = StoreError;

    fn try_from(row: ProgressRow) -> Result<Self, StoreError> {
        Ok(Self {
            position: event_id(row.toid, row.event_index)?,
            from_ledger: ledger(row.from_ledger)?,
            last_whole_ledger: ledger(row.last_whole_ledger)?,
            last_whole_ledger_closed_at: row.last_whole_ledger_closed_at,
        })
    }
}

impl Store {
    /// Returns how far the contract's index is; `None` before it has begun.
    pub async fn progress(&self, contract_id: &ContractId) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query_as!(
            ProgressRow,
            "select toid, event_index, from_ledger, last_whole_ledger, last_whole_ledger_closed_at
             from cursors where contract_id = $1",
            contract_id.as_str(),
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Progress::try_from).transpose()
    }

    /// Returns how far the index of all contracts together is, which is the range of the feed: from the oldest first
    /// ledger to the newest position. This includes contracts that are no longer followed, and contracts that are still
    /// catching up, whose rows up to there come late. `None` before any contract is indexed.
    pub async fn feed_progress(&self) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query_as!(
            ProgressRow,
            r#"select toid, event_index, last_whole_ledger, (select min(from_ledger) from cursors) as "from_ledger!",
                      (select max(last_whole_ledger_closed_at) from cursors) as last_whole_ledger_closed_at
               from cursors order by toid desc, event_index desc limit 1"#
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(Progress::try_from).transpose()
    }

    /// Returns the contracts whose index has begun.
    pub async fn contracts(&self) -> Result<Vec<ContractId>, StoreError> {
        let rows =
            sqlx::query_scalar!("select contract_id from cursors order by contract_id").fetch_all(&self.pool).await?;
        rows.iter().map(|text| parse("contract_id", text)).collect()
    }
}

impl Writer {
    /// Chooses the first ledger to index, for a database in which no contract has a cursor yet.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if there is a cursor after all.
    pub async fn start_at(&mut self, ledger: LedgerSequence) -> Result<EventId, StoreError> {
        let before = EventId::end_of_ledger(ledger.previous());
        let contracts: Vec<String> = self.contracts.iter().map(ToString::to_string).collect();
        let insert = sqlx::query!(
            "insert into cursors
                 (contract_id, toid, event_index, from_ledger, last_whole_ledger)
             select contract_id, $2, $3, $4, $5 from unnest($1::text[]) as wanted (contract_id)
             where $6 or not exists (select from cursors) on conflict do nothing",
            &contracts,
            before.toid(),
            i64::from(before.index()),
            i64::from(ledger.0),
            i64::from(ledger.previous().0),
            self.apart,
        );
        let insert = async |connection: &mut PgConnection| Ok(insert.execute(connection).await?);
        let inserted = self.session.within(DEADLINE, insert).await?;
        if usize::try_from(inserted.rows_affected()) != Ok(contracts.len()) {
            return Err(StoreError::Fenced);
        }
        self.refresh().await?;
        Ok(before)
    }

    /// Chooses the first ledger of a contract that is added to others: this one, or the first one that is not whole yet
    /// if that is earlier. The contract is behind until its rows up to the position are written. Does nothing if the
    /// contract already has a cursor.
    pub async fn add(&mut self, contract_id: &ContractId, ledger: LedgerSequence) -> Result<(), StoreError> {
        let position = self.position.ok_or(StoreError::Fenced)?;
        let first = ledger.min(position.last_whole_ledger().next());
        let before = EventId::end_of_ledger(first.previous());
        let insert = sqlx::query!(
            "insert into cursors (contract_id, toid, event_index, from_ledger, last_whole_ledger)
             values ($1, $2, $3, $4, $5) on conflict do nothing",
            contract_id.as_str(),
            before.toid(),
            i64::from(before.index()),
            i64::from(first.0),
            i64::from(first.previous().0),
        );
        let insert = async |connection: &mut PgConnection| Ok(insert.execute(connection).await?);
        self.session.within(DEADLINE, insert).await?;
        self.refresh().await
    }
}
