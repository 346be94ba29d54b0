//! `POST /devnet/rpc` and `POST /devnet/rpc/{endpoint}`: JSON-RPC at one node or another, with the faults of the
//! connection.

use std::time::Duration;

use axum::{
    body::Body as Answer,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{fields::Body, problem::Problem};
use crate::{
    Devnet, DevnetError, Fault, MAIN_ENDPOINT,
    faults::InjectedFaults,
    rpc::{Request, refuse_body},
    rpc_error::RpcError,
};

pub(super) async fn answer_main(State(devnet): State<Devnet>, body: Body) -> Result<Response, Problem> {
    answer(devnet, MAIN_ENDPOINT, body).await
}

pub(super) async fn answer_named(
    State(devnet): State<Devnet>,
    Path(endpoint): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    answer(devnet, &endpoint, body).await
}

async fn answer(devnet: Devnet, endpoint: &str, body: Body) -> Result<Response, Problem> {
    let body = body?;
    let injected = match Request::parse(&body) {
        Ok(request) => devnet.take_faults(endpoint, request.method()),
        Err(error) => return Ok(json(refuse_body(error))),
    };
    if injected.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(injected.delay_ms)).await;
    }
    if let Some(Fault::Status { status, retry_after_seconds }) = injected.answer {
        return Ok(gateway_error(status, retry_after_seconds));
    }
    let reply = tokio::task::spawn_blocking(move || reply(&devnet, &body, &injected));
    Ok(json(reply.await.map_err(DevnetError::from)?))
}

fn reply(devnet: &Devnet, body: &[u8], injected: &InjectedFaults) -> String {
    let request = match Request::parse(body) {
        Ok(request) => request,
        Err(error) => return refuse_body(error),
    };
    if let Some(Fault::RpcError { code, message }) = &injected.answer {
        return request.refuse(RpcError::new(*code, message.as_deref()));
    }
    let mut reply = request.answer(devnet, injected);
    if injected.answer == Some(Fault::CutBody) {
        reply.truncate(reply.floor_char_boundary(reply.len() / 2));
    }
    reply
}

fn json(reply: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], reply).into_response()
}

/// Returns what a load balancer answers.
pub(super) fn gateway_error(status: u16, retry_after_seconds: Option<u32>) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "text/html");
    if let Some(seconds) = retry_after_seconds {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(Answer::from(page)).expect("a status, known header names and numbers make a valid response")
}
