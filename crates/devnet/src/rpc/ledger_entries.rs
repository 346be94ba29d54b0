//! `getLedgerEntries`: the entries of the stream contracts, and accounts. The devnet knows no other entries. A
//! contract's instance counts as changed in every ledger.

use serde::Deserialize;
use serde_json::{Value, json};
use stellar_xdr::{
    ContractDataDurability, ContractDataEntry, ExtensionPoint, LedgerEntryData, LedgerKey, LedgerKeyAccount,
    LedgerKeyContractData, ScAddress, ScVal,
};

use super::{Reply, view::View};
use crate::{Devnet, encode, faults::Met, network::Network, rpc_error::RpcError};
use flowfi_domain::{ContractId, StreamId};

const MAX_KEYS: usize = 200;
/// How long a stored record lives, counted from the latest ledger: thirty days of ledgers.
const LIVES_FOR_LEDGERS: u32 = 518_400;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Params {
    keys: Vec<String>,
}

pub(super) fn get_ledger_entries(devnet: &Devnet, params: &Params, met: &Met) -> Reply {
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
    let entries: Vec<Value> = keys.iter().filter_map(|(text, key)| entry(state.seen(met), text, key)).collect();
    let latest = View::of(state.seen(met), met).latest.sequence;
    Ok(json!({ "entries": entries, "latestLedger": latest }).to_string())
}

fn entry(network: &Network, text: &str, key: &LedgerKey) -> Option<Value> {
    if let LedgerKey::Account(LedgerKeyAccount { account_id }) = key {
        let (account, last_modified) = network.accounts.get(account_id)?;
        let xdr = encode::to_base64(&LedgerEntryData::Account(account.clone()));
        return Some(json!({ "key": text, "xdr": xdr, "lastModifiedLedgerSeq": last_modified }));
    }
    let LedgerKey::ContractData(LedgerKeyContractData { contract, key, durability }) = key else { return None };
    let ScAddress::Contract(id) = contract else { return None };
    let deployed = network.deployed(&ContractId::from_bytes(id.0.0))?;
    if *durability != ContractDataDurability::Persistent {
        return None;
    }
    let (val, last_modified) = if *key == ScVal::LedgerKeyContractInstance {
        (deployed.instance(), network.latest().sequence)
    } else {
        let stream_id = stream_of(key).filter(|id| !deployed.is_archived(*id))?;
        let record = encode::encode_stream(deployed.contract.stream(stream_id)?).expect("stored parties have XDR");
        (record, deployed.last_modified(stream_id)?)
    };
    let data = LedgerEntryData::ContractData(ContractDataEntry {
        ext: ExtensionPoint::V0,
        contract: contract.clone(),
        key: key.clone(),
        durability: ContractDataDurability::Persistent,
        val,
    });
    Some(json!({
        "key": text,
        "xdr": encode::to_base64(&data),
        "lastModifiedLedgerSeq": last_modified,
        "liveUntilLedgerSeq": network.latest().sequence.0.saturating_add(LIVES_FOR_LEDGERS),
    }))
}

fn stream_of(key: &ScVal) -> Option<StreamId> {
    let ScVal::Vec(Some(parts)) = key else { return None };
    let [_, ScVal::U64(number)] = parts.as_slice() else { return None };
    (*key == encode::stream_key(*number)).then_some(StreamId(*number))
}
