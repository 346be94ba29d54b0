//! The `contract_versions` table: from which event on a contract follows the rules of its second version.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{Store, StoreError, columns::event_id, columns::parse};
use crate::domain::{ContractEvent, ContractId, ContractVersion, EventId};

/// The first event of each contract that follows the rules of the second version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractVersions(HashMap<ContractId, EventId>);

impl ContractVersions {
    /// Returns the version that an event is to be understood by, and remembers what the event itself tells of it.
    pub(super) fn at(&mut self, event: &ContractEvent) -> ContractVersion {
        let (contract_id, id) = (&event.raw.contract_id, event.raw.id);
        if self.0.get(contract_id).is_some_and(|second_from| *second_from <= id) {
            return ContractVersion::Second;
        }
        let version = event.event.needs_version();
        if version >= ContractVersion::Second {
            self.0.insert(contract_id.clone(), id);
        }
        version
    }

    /// Joins what both know.
    pub(super) fn join(&mut self, other: &Self) {
        for (contract_id, second_from) in &other.0 {
            let known = self.0.entry(contract_id.clone()).or_insert(*second_from);
            *known = (*known).min(*second_from);
        }
    }

    /// Writes what these know and the table does not.
    pub(super) async fn write(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        for (contract_id, second_from) in &self.0 {
            sqlx::query!(
                "insert into contract_versions as known (contract_id, second_from_toid, second_from_event_index)
                 values ($1, $2, $3)
                 on conflict (contract_id) do update set
                     second_from_toid = excluded.second_from_toid,
                     second_from_event_index = excluded.second_from_event_index
                 where (excluded.second_from_toid, excluded.second_from_event_index)
                     < (known.second_from_toid, known.second_from_event_index)",
                contract_id.as_str(),
                second_from.toid(),
                i64::from(second_from.index()),
            )
            .execute(&mut *connection)
            .await?;
        }
        Ok(())
    }
}

/// Reads what is known of every contract.
pub(super) async fn load(connection: &mut PgConnection) -> Result<ContractVersions, StoreError> {
    let rows = sqlx::query!("select contract_id, second_from_toid, second_from_event_index from contract_versions")
        .fetch_all(connection)
        .await?;
    let known = rows.into_iter().map(|row| {
        let second_from = event_id(row.second_from_toid, row.second_from_event_index)?;
        Ok((parse("contract_id", &row.contract_id)?, second_from))
    });
    Ok(ContractVersions(known.collect::<Result<_, StoreError>>()?))
}

impl Store {
    /// Notes that a contract follows the rules of its second version now: since its code was last replaced, as far as that
    /// is known, and always if it never was.
    pub async fn note_second_version(&self, contract_id: &ContractId) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into contract_versions (contract_id, second_from_toid, second_from_event_index)
             select $1, coalesce(max(toid), 0), 0 from contract_upgrades where contract_id = $1
             on conflict do nothing",
            contract_id.as_str(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
