//! The methods about the node and the network.

use serde_json::json;

use super::view::{View, seen_headers};
use crate::{
    Devnet, accounts,
    faults::InjectedFaults,
    hash::hex,
    header::{self, PROTOCOL_VERSION},
};

pub(super) fn get_latest_ledger(devnet: &Devnet, injected: &InjectedFaults) -> String {
    let state = devnet.state();
    let latest = View::of(state.seen(injected), injected).latest;
    let headers = seen_headers(&state.seen(injected).chain, latest.sequence, latest.sequence, injected);
    json!({
        "id": headers.first().map(|header| hex(&header::hash_of(header))),
        "protocolVersion": PROTOCOL_VERSION,
        "sequence": latest.sequence,
        "closeTime": latest.closed_at.to_string(),
    })
    .to_string()
}

pub(super) fn get_health(devnet: &Devnet, injected: &InjectedFaults) -> String {
    let state = devnet.state();
    let view = View::of(state.seen(injected), injected);
    json!({
        "status": "healthy",
        "latestLedger": view.latest.sequence,
        "latestLedgerCloseTime": view.latest.closed_at.to_string(),
        "oldestLedger": view.oldest.sequence,
        "oldestLedgerCloseTime": view.oldest.closed_at.to_string(),
        "ledgerRetentionWindow": injected.retention_ledgers.unwrap_or(state.retention_ledgers),
    })
    .to_string()
}

pub(super) fn get_network(injected: &InjectedFaults) -> String {
    let passphrase = if injected.other_passphrase { accounts::OTHER_PASSPHRASE } else { accounts::PASSPHRASE };
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
