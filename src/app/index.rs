//! The index that a maintenance command is about: its database, its contract.

use anyhow::Context;

use super::{BadConfig, required_database_url};
use crate::{config::IndexArgs, domain::ContractId, store::Store};

/// An index in an open database.
pub(super) struct Index {
    pub(super) store: Store,
    pub(super) contract_id: ContractId,
    pub(super) json: bool,
}

impl Index {
    /// Opens the database, brings its schema up to date, and finds the contract.
    pub(super) async fn open(args: &IndexArgs) -> anyhow::Result<Self> {
        let url = required_database_url(&args.database)?;
        let store = Store::connect(url, args.database.database_connections).await?;
        store.migrate().await?;
        let contract_id = match &args.contract {
            Some(contract_id) => contract_id.clone(),
            None => only_contract(&store).await?,
        };
        Ok(Self { store, contract_id, json: args.json })
    }
}

async fn only_contract(store: &Store) -> anyhow::Result<ContractId> {
    let mut contracts = store.contracts().await.context("cannot read which contracts there are")?;
    let only = contracts.pop().filter(|_| contracts.is_empty());
    let which = "the database holds no index of one contract only; name it with --contract";
    Ok(only.ok_or_else(|| BadConfig(which.to_owned()))?)
}
