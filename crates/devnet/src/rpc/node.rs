//! The methods about the node and the network.

use serde_json::json;

use super::view::{View, seen_headers};
use crate::{
    Devnet, accounts,
    faults::Met,
    hash::hex,
    header::{self, PROTOCOL_VERSION},
};

pub(super) fn get_latest_ledger(devnet: &Devnet, met: &Met) -> String {
    let state = devnet.state();
    let latest = View::of(state.seen(met), met).latest;
    let headers = seen_headers(&state.seen(met).chain, latest.sequence, latest.sequence, met);
    json!({
        "id": headers.first().map(|header| hex(&header::hash_of(header))),
        "protocolVersion": PROTOCOL_VERSION,
        "sequence": latest.sequence,
        "closeTime": latest.closed_at.to_string(),
    })
    .to_string()
}

pub(super) fn get_health(devnet: &Devnet, met: &Met) -> String {
    let state = devnet.state();
    let view = View::of(state.seen(met), met);
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

pub(super) fn get_network(met: &Met) -> String {
    let passphrase = if met.other_passphrase { accounts::OTHER_PASSPHRASE } else { accounts::PASSPHRASE };
    json!({ "passphrase": passphrase, "protocolVersion": PROTOCOL_VERSION }).to_string()
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
