//! `getLedgerEntries`: what the stream contracts have stored, and accounts. Of all that a ledger holds the devnet knows
//! only these.

use serde::Deserialize;
use serde_json::{Value, json};
use stellar_xdr::{
    ContractDataDurability, LedgerEntryData, LedgerKey, LedgerKeyAccount, LedgerKeyContractData, ScAddress,
};

use super::{Reply, view::View};
use crate::{Devnet, encode, faults::InjectedFaults, meta_changes, network::Network, rpc_error::RpcError, stored};
use flowfi_domain::{ContractId, LedgerSequence};

const MAX_KEYS: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    keys: Vec<String>,
}

pub(super) fn get_ledger_entries(devnet: &Devnet, params: &Params, injected: &InjectedFaults) -> Reply {
    if params.keys.len() > MAX_KEYS {
        let count = params.keys.len();
        return Err(RpcError::invalid_params(format!("key count ({count}) exceeds maximum supported ({MAX_KEYS})")));
    }
    let mut keys = Vec::with_capacity(params.keys.len());
    for (index, text) in params.keys.iter().enumerate() {
        let key = encode::from_base64(text);
        keys.push((
            text,
            key.ok_or_else(|| RpcError::invalid_params(format!("cannot unmarshal key value {text} at index {index}")))?,
        ));
    }
    let state = devnet.state();
    let latest = View::of(state.seen(injected), injected).latest.sequence;
    let entries: Vec<Value> =
        keys.iter().filter_map(|(text, key)| entry(state.seen(injected), text, key, latest)).collect();
    Ok(json!({ "entries": entries, "latestLedger": latest }).to_string())
}

fn entry(network: &Network, text: &str, key: &LedgerKey, latest: LedgerSequence) -> Option<Value> {
    if let LedgerKey::Account(LedgerKeyAccount { account_id }) = key {
        let (account, last_modified) = network.accounts.get(account_id)?;
        let xdr = encode::to_base64(&LedgerEntryData::Account(account.clone()));
        return Some(json!({ "key": text, "xdr": xdr, "lastModifiedLedgerSeq": last_modified }));
    }
    let LedgerKey::ContractData(LedgerKeyContractData { contract, key, durability }) = key else { return None };
    let ScAddress::Contract(id) = contract else { return None };
    if *durability != ContractDataDurability::Persistent {
        return None;
    }
    let (contract_id, key) = (ContractId::from_bytes(id.0.0), stored::key_of(key)?);
    let live = network.entry_at(&contract_id, key, latest)?;
    Some(json!({
        "key": text,
        "xdr": encode::to_base64(&meta_changes::entry_data(&contract_id, key, &live)),
        "lastModifiedLedgerSeq": live.lifetime.last_modified,
        "liveUntilLedgerSeq": live.lifetime.live_until,
    }))
}
