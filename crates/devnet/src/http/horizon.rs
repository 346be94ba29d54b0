//! `GET /devnet/horizon/…`: the network as a Horizon tells it, and the faults of the way there. Faults of the endpoint
//! `horizon` are injected here, where they concern what is asked for.

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{self, HOST},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::{problem::Problem, rpc::gateway_error};
use crate::{
    Devnet, DevnetError, Fault, HORIZON_ENDPOINT,
    faults::InjectedFaults,
    horizon::{self, NoLedger, Page},
};
use flowfi_domain::LedgerSequence;

const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 200;

/// Returns the routes.
pub(super) fn routes() -> Router<Devnet> {
    Router::new()
        .route("/devnet/horizon", get(root))
        .route("/devnet/horizon/", get(root))
        .route("/devnet/horizon/ledgers", get(ledgers))
        .route("/devnet/horizon/ledgers/{sequence}", get(ledger))
        .route("/devnet/horizon/ledgers/{sequence}/transactions", get(transactions_of_a_ledger))
        .route("/devnet/horizon/transactions", get(transactions))
}

async fn root(State(devnet): State<Devnet>) -> Response {
    answer(devnet, "getNetwork", |devnet, injected| Ok(horizon::root(devnet, injected))).await
}

async fn ledger(State(devnet): State<Devnet>, Path(sequence): Path<u32>) -> Response {
    answer(devnet, "getLedgers", move |devnet, injected| {
        horizon::ledger(devnet, LedgerSequence(sequence), injected).map_err(no_ledger)
    })
    .await
}

async fn ledgers(State(devnet): State<Devnet>, asked: Asked) -> Response {
    let records = move |devnet: &Devnet, injected: &InjectedFaults| {
        Ok(asked.links_and(&horizon::ledgers(devnet, &asked.page()?, injected)))
    };
    answer(devnet, "getLedgers", records).await
}

async fn transactions(State(devnet): State<Devnet>, asked: Asked) -> Response {
    answer(devnet, "getTransactions", move |devnet, injected| list(devnet, None, &asked, injected)).await
}

async fn transactions_of_a_ledger(State(devnet): State<Devnet>, Path(sequence): Path<u32>, asked: Asked) -> Response {
    let of_ledger = Some(LedgerSequence(sequence));
    answer(devnet, "getTransactions", move |devnet, injected| list(devnet, of_ledger, &asked, injected)).await
}

fn list(
    devnet: &Devnet,
    of_ledger: Option<LedgerSequence>,
    asked: &Asked,
    injected: &InjectedFaults,
) -> Result<Value, Problem> {
    let records = horizon::transactions(devnet, of_ledger, &asked.page()?, injected).map_err(no_ledger)?;
    Ok(asked.links_and(&records))
}

fn no_ledger(reason: NoLedger) -> Problem {
    match reason {
        NoLedger::BeforeHistory => Problem::gone("the ledger is older than the history of this Horizon"),
        NoLedger::NotFound => Problem::not_found("the ledger is not there"),
    }
}

/// The path and the query of a request for a list.
#[derive(Debug)]
struct Asked {
    base: String,
    path: String,
    query: Vec<(String, String)>,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Asked {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Self::Rejection> {
        let RawQuery(query) = RawQuery::from_request_parts(parts, state).await?;
        Ok(Self::of(&parts.headers, &parts.uri, query.as_deref().unwrap_or_default()))
    }
}

impl Asked {
    fn of(headers: &HeaderMap, uri: &Uri, query: &str) -> Self {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Self {
            base: format!("http://{host}"),
            path: uri.path().to_owned(),
            query: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn page(&self) -> Result<Page, Problem> {
        let limit = self.get("limit").map_or(Some(DEFAULT_LIMIT), |text| text.parse().ok());
        let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit));
        let cursor = self.get("cursor").map(|text| text.parse().ok().filter(|cursor| *cursor >= 0));
        Ok(Page {
            cursor: cursor
                .map(|cursor| cursor.ok_or_else(|| Problem::parameter("cursor", "must be a paging token")))
                .transpose()?,
            descending: self.get("order") == Some("desc"),
            limit: limit.ok_or_else(|| Problem::parameter("limit", format!("must be from 1 to {MAX_LIMIT}")))?,
            include_failed: self.get("include_failed") == Some("true"),
        })
    }

    /// Returns a page as it is sent, with the link to the next one.
    fn links_and(&self, records: &[Value]) -> Value {
        let last = records.last().and_then(|record| record["paging_token"].as_str());
        let cursor = last.or_else(|| self.get("cursor")).unwrap_or_default();
        let others = self.query.iter().filter(|(name, _)| name != "cursor");
        let mut query = vec![format!("cursor={cursor}")];
        query.extend(others.map(|(name, value)| format!("{name}={value}")));
        let href = format!("{}{}?{}", self.base, self.path, query.join("&"));
        json!({"_links": {"next": {"href": href}}, "_embedded": {"records": records}})
    }
}

/// Answers with what the request comes to, or with the fault that it meets.
async fn answer(
    devnet: Devnet,
    method: &str,
    read: impl FnOnce(&Devnet, &InjectedFaults) -> Result<Value, Problem> + Send + 'static,
) -> Response {
    let injected = devnet.take_faults(HORIZON_ENDPOINT, method);
    if injected.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(injected.delay_ms)).await;
    }
    match injected.answer {
        Some(Fault::Status { status, retry_after_seconds }) => return gateway_error(status, retry_after_seconds),
        Some(Fault::RpcError { .. }) => return gateway_error(StatusCode::INTERNAL_SERVER_ERROR.as_u16(), None),
        _ => {}
    }
    let is_cut = injected.answer == Some(Fault::CutBody);
    match tokio::task::spawn_blocking(move || read(&devnet, &injected)).await {
        Ok(Ok(value)) => {
            let mut text = value.to_string();
            if is_cut {
                text.truncate(text.floor_char_boundary(text.len() / 2));
            }
            ([(header::CONTENT_TYPE, "application/hal+json; charset=utf-8")], text).into_response()
        }
        Ok(Err(problem)) => problem.into_response(),
        Err(failure) => Problem::from(DevnetError::from(failure)).into_response(),
    }
}
