//! The methods that speak of the node and the network.

use serde_json::json;

use super::{
    super::{Devnet, accounts, chain::hex, faults::Met, header::PROTOCOL_VERSION},
    view::View,
};

pub(super) fn get_latest_ledger(devnet: &Devnet, met: &Met) -> String {
    let latest = View::of(&devnet.state().network, met).latest;
    json!({
        "id": hex(&latest.hash),
        "protocolVersion": PROTOCOL_VERSION,
        "sequence": latest.sequence,
        "closeTime": latest.closed_at.to_string(),
    })
    .to_string()
}

pub(super) fn get_health(devnet: &Devnet, met: &Met) -> String {
    let state = devnet.state();
    let view = View::of(&state.network, met);
    json!({
        "status": "healthy",
        "latestLedger": view.latest.sequence,
        "latestLedgerCloseTime": view.latest.closed_at.to_string(),
        "oldestLedger": view.oldest.sequence,
        "oldestLedgerCloseTime": view.oldest.closed_at.to_string(),
        "ledgerRetentionWindow": met.retention_ledgers.unwrap_or(state.retention_ledgers),
    })
    .to_string()
}

pub(super) fn get_network() -> String {
    json!({ "passphrase": accounts::PASSPHRASE, "protocolVersion": PROTOCOL_VERSION }).to_string()
}

pub(super) fn get_version_info() -> String {
    json!({
        "version": concat!("30.0.0-devnet.", env!("CARGO_PKG_VERSION")),
        "commitHash": "",
        "buildTimestamp": "",
        "captiveCoreVersion": "",
        "protocolVersion": PROTOCOL_VERSION,
    })
    .to_string()
}
