//! The index that a maintenance command works on: its database, and its contracts one after the other.

use anyhow::Context;
use serde_json::json;

use super::{BadConfig, FOR_OPERATORS, client_name::client_name, required_database_url};
use crate::{config::IndexArgs, domain::ContractId, store::Store};

/// Opens the database and updates its schema.
pub(super) async fn open(args: &IndexArgs) -> anyhow::Result<Store> {
    let url = required_database_url(&args.database)?;
    let store = Store::connect_as(&client_name(), url, args.database.database_connections, FOR_OPERATORS).await?;
    let store = store.ignoring(args.entries.harmless()).with_event_effect(args.records.state.event_effect());
    store.migrate().await?;
    Ok(store)
}

/// One contract's index in an open database.
pub(super) struct Index {
    pub(super) store: Store,
    pub(super) contract_id: ContractId,
    pub(super) json: bool,
}

impl Index {
    /// Opens the database and returns an index for each named contract, or for every contract in it.
    pub(super) async fn open_each(args: &IndexArgs) -> anyhow::Result<Vec<Self>> {
        let store = open(args).await?;
        let mut contracts = args.contracts.ids.clone();
        if contracts.is_empty() {
            contracts = store.contracts().await.context("cannot read which contracts the database holds")?;
        }
        if contracts.is_empty() {
            return Err(BadConfig("the database holds no index; name a contract with --contracts".to_owned()).into());
        }
        let json = args.json;
        Ok(contracts.into_iter().map(|contract_id| Self { store: store.clone(), contract_id, json }).collect())
    }

    /// Prints which contract is next, if there are several.
    pub(super) fn announce(&self, all: &[Self]) {
        if all.len() < 2 {
            return;
        }
        if self.json {
            println!("{}", json!({"contractId": self.contract_id}));
        } else {
            println!("contract {}", self.contract_id);
        }
    }

    /// Closes the database that they share.
    pub(super) async fn close(all: &[Self]) {
        if let Some(index) = all.first() {
            index.store.close().await;
        }
    }
}
