//! The `contract_upgrades` table: when a contract's code was replaced.

use sqlx::PgConnection;

use super::{Store, StoreError, columns::event_id};
use crate::domain::{ContractId, ContractUpgrade, ContractUpgradeEvent, EventId};

/// A stored upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUpgrade {
    /// The event's position on the chain.
    pub id: EventId,
    /// When its ledger closed.
    pub ledger_closed_at: chrono::DateTime<chrono::Utc>,
    /// The hash of its transaction, 64 hex digits.
    pub tx_hash: String,
    /// The old and the new code.
    pub upgrade: ContractUpgrade,
}

/// Inserts upgrades; existing ones stay unchanged. They are few, so each has its own statement. Returns how many were
/// new.
pub(super) async fn insert(
    connection: &mut PgConnection,
    upgrades: &[ContractUpgradeEvent],
) -> Result<usize, StoreError> {
    let mut new = 0;
    for ContractUpgradeEvent { raw, upgrade } in upgrades {
        let done = sqlx::query!(
            "insert into contract_upgrades
                 (toid, event_index, contract_id, ledger_closed_at, tx_hash, old_executable, new_executable)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
            raw.id.toid(),
            i64::from(raw.id.index()),
            raw.contract_id.as_str(),
            raw.ledger_closed_at,
            raw.tx_hash,
            upgrade.old,
            upgrade.new,
        )
        .execute(&mut *connection)
        .await?;
        new += usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
    }
    Ok(new)
}

impl Store {
    /// Returns the newest upgrades of a contract, newest first.
    pub async fn upgrades(&self, contract_id: &ContractId, limit: u32) -> Result<Vec<StoredUpgrade>, StoreError> {
        let rows = sqlx::query!(
            "select toid, event_index, ledger_closed_at, tx_hash, old_executable, new_executable
             from contract_upgrades where contract_id = $1 order by toid desc, event_index desc limit $2",
            contract_id.as_str(),
            i64::from(limit),
        )
        .fetch_all(&self.pool)
        .await?;
        let upgrades = rows.into_iter().map(|row| {
            Ok(StoredUpgrade {
                id: event_id(row.toid, row.event_index)?,
                ledger_closed_at: row.ledger_closed_at,
                tx_hash: row.tx_hash,
                upgrade: ContractUpgrade { old: row.old_executable, new: row.new_executable },
            })
        });
        upgrades.collect()
    }
}
