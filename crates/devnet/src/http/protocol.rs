//! Calls about the protocol itself, by the last part of the path. The admin makes them, unless a `caller` is named.

use axum::{
    Json,
    extract::{Path, State},
};
use serde_json::Value;

use super::{
    fields::{Body, Fields},
    problem::Problem,
    streams,
};
use crate::{Call, Devnet};

const ACTIONS: &str = "the actions are pause, unpause, guardian, fee, admin, upgrade and migrate";

pub(super) async fn govern(
    State(devnet): State<Devnet>,
    Path(action): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let fields = Fields::read(body)?;
    let caller = fields.optional_address("caller")?;
    let call = match action.as_str() {
        "pause" => Call::SetProtocolPause { caller, paused: true },
        "unpause" => Call::SetProtocolPause { caller, paused: false },
        "guardian" => Call::SetGuardian { caller, guardian: fields.optional_address("guardian")? },
        "fee" => Call::UpdateFee {
            caller,
            treasury: fields.address("treasury")?,
            fee_rate_bps: fields.number("feeRateBps")?,
        },
        "admin" => Call::TransferAdmin { caller, new_admin: fields.address("newAdmin")? },
        "upgrade" => Call::Upgrade { wasm: fields.text("wasm")? },
        "migrate" => Call::Migrate { target_version: fields.number("version")? },
        _ => return Err(Problem::not_found(ACTIONS)),
    };
    Ok(Json(streams::view(&devnet.submit(call).await?)))
}
