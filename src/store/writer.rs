//! The only writer of a database. It holds the advisory lock on the connection that it writes through, so it cannot
//! lose one without the other. In addition, the cursors fence its commits.
//!
//! The feed has one order over all contracts, so all contracts that are written have the same position: the newest one
//! of any contract in the database. A contract before that position is behind. It is not written here; its rows up to
//! that position come late.

use std::{collections::HashMap, time::Duration};

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{SignsOfLife, Store, StoreError, columns, lock_holder::LockHolder, schemas, session::Session};
use crate::domain::{ContractId, Contracts, EventId};

/// The key of the advisory lock: "flowfi" in ASCII, combined with the schema, since each schema has its own writer.
const LOCK_KEY: i64 = 0x666c_6f77_6669;

/// A writer whose connection does not answer for this long must be dropped.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// Creating an index that takes longer is given up.
const INDEX_DEADLINE: Duration = Duration::from_hours(1);
/// Taking the lock does not wait for other sessions.
const LOCK_DEADLINE: Duration = Duration::from_secs(15);

impl Store {
    /// Returns whether a process holds the writer's lock.
    pub async fn has_writer(&self) -> Result<bool, StoreError> {
        let look = async |connection: &mut PgConnection| {
            let schema = schemas::current_schema(connection).await?;
            let key = lock_key(connection, &schema).await?;
            Ok(LockHolder::of(connection, key).await?.is_some())
        };
        self.pool.run(look).await
    }
}

/// Returns the key of the writer's lock of a schema.
pub(super) async fn lock_key(connection: &mut PgConnection, schema: &str) -> Result<i64, StoreError> {
    let key = sqlx::query_scalar!(r#"select $1::bigint # hashtext($2) as "key!""#, LOCK_KEY, schema);
    Ok(key.fetch_one(connection).await?)
}

/// Holds the writer's lock until dropped.
#[derive(Debug)]
pub struct Writer {
    pub(super) session: Session,
    pub(super) contracts: Contracts,
    /// Whether no feed reads what is written, so that the other contracts of the schema do not matter.
    pub(super) apart: bool,
    /// The contracts at the position.
    pub(super) standing: Vec<ContractId>,
    behind: Vec<LaggingContract>,
    pub(super) position: Option<EventId>,
    /// The sum of the revisions of the contracts at the position, when the position was read.
    pub(super) revisions: i64,
    /// The epoch that the cursors were read in.
    pub(super) epoch: Option<i32>,
    /// The position of the last commit with events, if this writer made it: no event lies after it.
    pub(super) last_with_events: Option<EventId>,
}

/// A contract that is behind the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaggingContract {
    /// The contract.
    pub contract_id: ContractId,
    /// Everything of it up to here is stored; `None` before its first ledger is chosen.
    pub position: Option<EventId>,
}

impl Writer {
    /// Takes the writer's lock and reads the cursors. Returns `None` if another process holds the lock.
    pub async fn try_acquire(store: &Store, contracts: Contracts) -> Result<Option<Self>, StoreError> {
        Self::acquire(store, contracts, false).await
    }

    /// The same for one contract of a schema that no feed reads: the positions of the others do not matter.
    pub async fn try_acquire_apart(store: &Store, contract_id: ContractId) -> Result<Option<Self>, StoreError> {
        Self::acquire(store, contract_id.into(), true).await
    }

    async fn acquire(store: &Store, contracts: Contracts, apart: bool) -> Result<Option<Self>, StoreError> {
        // The connection can fall silent before there is a session that watches it.
        let acquired = timeout(LOCK_DEADLINE, Self::take_lock(store, contracts, apart)).await;
        acquired.unwrap_or(Err(StoreError::TimedOut(LOCK_DEADLINE)))
    }

    async fn take_lock(store: &Store, contracts: Contracts, apart: bool) -> Result<Option<Self>, StoreError> {
        let mut connection = store.pool.connect_apart().await?;
        let locked = sqlx::query_scalar!(
            r#"select pg_try_advisory_lock($1::bigint # hashtext(current_schema())) as "locked!""#,
            LOCK_KEY
        )
        .fetch_one(&mut connection)
        .await?;
        if !locked {
            return Ok(None);
        }
        let for_long = store.pool.patience_with(&mut connection, INDEX_DEADLINE).await?;
        let session = if apart {
            Session::without_lease(connection, for_long).await?
        } else {
            Session::with_lease(connection, for_long).await?
        };
        let (standing, behind) = (Vec::new(), Vec::new());
        let mut writer = Self {
            session,
            contracts,
            apart,
            standing,
            behind,
            position: None,
            revisions: 0,
            epoch: None,
            last_with_events: None,
        };
        writer.refresh().await?;
        Ok(Some(writer))
    }

    /// Switches to another contract of a schema that no feed reads. The lock is kept.
    pub async fn turn_to(&mut self, contract_id: ContractId) -> Result<(), StoreError> {
        self.contracts = contract_id.into();
        self.apart = true;
        self.refresh().await
    }

    /// Reads the cursors again after late rows were written. The lock is kept.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        let read = async |connection: &mut PgConnection| {
            let rows = sqlx::query!(
                r#"select contract_id, toid, event_index, revision, (select epoch from network) as "epoch?" from cursors"#
            );
            Ok(rows.fetch_all(connection).await?)
        };
        let rows = self.session.within(DEADLINE, read).await?;
        self.epoch = rows.first().and_then(|row| row.epoch);
        let mut cursors = HashMap::new();
        for row in rows {
            if self.apart && row.contract_id != self.contracts[0].as_str() {
                continue;
            }
            cursors.insert(row.contract_id, (columns::event_id(row.toid, row.event_index)?, row.revision));
        }
        self.position = cursors.values().map(|(position, _)| *position).max();
        self.last_with_events = None;
        (self.standing, self.behind, self.revisions) = (Vec::new(), Vec::new(), 0);
        for contract_id in self.contracts.iter() {
            match cursors.get(contract_id.as_str()) {
                Some((position, revision)) if Some(*position) == self.position => {
                    self.standing.push(contract_id.clone());
                    self.revisions += revision;
                }
                found => {
                    let position = found.map(|(position, _)| *position);
                    self.behind.push(LaggingContract { contract_id: contract_id.clone(), position });
                }
            }
        }
        Ok(())
    }

    /// Returns the handle that shows that the owner is working. The lock is lost some seconds after the last
    /// sign.
    #[must_use]
    pub fn signs_of_life(&self) -> SignsOfLife {
        self.session.signs_of_life()
    }

    /// Returns the contracts that are written: those at the position.
    #[must_use]
    pub fn standing(&self) -> &[ContractId] {
        &self.standing
    }

    /// Returns the contracts that are not written until their rows up to the position are.
    #[must_use]
    pub fn behind(&self) -> &[LaggingContract] {
        &self.behind
    }

    /// Returns how far the database is; `None` before any contract's first ledger is chosen.
    #[must_use]
    pub const fn position(&self) -> Option<EventId> {
        self.position
    }

    /// Releases the lock and closes the connection cleanly.
    pub async fn release(self) -> Result<(), StoreError> {
        self.session.close().await
    }
}
