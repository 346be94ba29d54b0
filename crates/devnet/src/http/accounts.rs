//! Lists the sample accounts, and sets accounts on the ledger.

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    fields::{Body, Fields},
    problem::Problem,
};
use crate::{AccountThresholds, Devnet, NoSuchAccount, accounts};
use flowfi_domain::Amount;

/// A signer as the client sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentSigner {
    key: String,
    weight: u32,
}

pub(super) async fn list(State(devnet): State<Devnet>) -> Json<Value> {
    let (token, contract_ids) = (devnet.token(), devnet.contract_ids());
    let state = devnet.state();
    let sample = |(name, address)| {
        let balance = Amount(state.network.first().contract.balance(&token.clone().into(), &address));
        json!({ "name": name, "address": address, "balance": balance })
    };
    let accounts: Vec<Value> = accounts::samples().map(sample).collect();
    Json(json!({
        "networkPassphrase": devnet.passphrase(),
        "contractId": devnet.contract_id(),
        "contractIds": contract_ids,
        "tokenAddress": token,
        "accounts": accounts,
    }))
}

pub(super) async fn set(State(devnet): State<Devnet>, body: Body) -> Result<StatusCode, Problem> {
    let fields = Fields::read(body)?;
    let address = fields.address("address")?;
    let sent = |name| fields.get(name).cloned();
    let signers: Vec<SentSigner> = serde_json::from_value(sent("signers").unwrap_or_else(|| json!([])))
        .map_err(|error| Problem::parameter("signers", format!("must be an array of {{key, weight}}: {error}")))?;
    let thresholds: AccountThresholds = serde_json::from_value(sent("thresholds").unwrap_or_else(|| json!({})))
        .map_err(|error| Problem::parameter("thresholds", format!("are masterWeight, low, medium, high: {error}")))?;
    let signers: Vec<_> = signers.iter().map(|signer| (signer.key.as_str(), signer.weight)).collect();
    devnet.set_account(&address, &signers, thresholds).map_err(|error| {
        let name = if matches!(error, NoSuchAccount::NotAnAccount(_)) { "address" } else { "signers" };
        Problem::parameter(name, error.to_string())
    })?;
    Ok(StatusCode::NO_CONTENT)
}
