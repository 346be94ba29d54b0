//! The token issuer's key set comes from the address that was named, and from nowhere else.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::get,
};
use clap::Parser;
use flowfi_indexer::{
    auth::{Auth, AuthParts, KeySetReader, KeysUnavailable, TokenKeys},
    domain::SystemClock,
    http::{LimitArgs, Limits},
    source::{KeySetAddress, SourceError},
};
use futures_util::future::BoxFuture;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::Value;
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinSet};

use super::Line;
use crate::{
    limits::limits,
    world::{GatewaySettings, World, http_client},
};

/// Serves an issuer until the set of tasks is dropped. Returns its address.
async fn serve(issuer: Router, tasks: &mut JoinSet<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move { axum::serve(listener, issuer).await.unwrap() });
    format!("http://{address}")
}

#[tokio::test]
async fn a_redirect_to_another_key_set_is_not_followed() {
    let mut tasks = JoinSet::new();
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let elsewhere = get(async move || {
        count.fetch_add(1, Ordering::Relaxed);
        r#"{"keys": []}"#
    });
    let elsewhere = serve(Router::new().route("/jwks", elsewhere), &mut tasks).await;
    for status in [StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND, StatusCode::TEMPORARY_REDIRECT] {
        let location = format!("{elsewhere}/jwks");
        let redirect = get(async move || (status, [(LOCATION, location)]).into_response());
        let issuer = serve(Router::new().route("/jwks", redirect), &mut tasks).await;
        let refused = KeySetAddress::new(&format!("{issuer}/jwks")).unwrap().fetch().await;
        assert!(refused.is_err(), "{status}: {refused:?}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody asked the host that the redirects name");
    let itself = KeySetAddress::new(&format!("{elsewhere}/jwks")).unwrap().fetch().await.unwrap();
    assert_eq!(itself, r#"{"keys": []}"#);
}

/// A key set that never arrives.
struct NeverRead;

impl KeySetReader for NeverRead {
    fn read(&self) -> BoxFuture<'_, Result<String, KeysUnavailable>> {
        Box::pin(pending())
    }
}

#[sqlx::test]
async fn requests_that_wait_for_keys_hold_up_no_others_of_their_address(pool: PgPool) {
    const WITH_AN_UNKNOWN_KEY: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6InVua25vd24ifQ.e30.AAAA";
    let mut world = World::new(pool).await;
    let flags = ["x", "--token-algorithm", "EdDSA", "--token-jwks-url", "https://issuer.example/jwks.json"];
    let args = Line::try_parse_from(flags).ok().unwrap().args;
    let auth = Auth::new(AuthParts {
        requires_token: false,
        visibility: args.visibility,
        allows_query_token: true,
        tokens: TokenKeys::from_args(&args.token, "an issuer", Some(Arc::new(NeverRead))).unwrap().unwrap(),
        sign_in: None,
        store: world.store.clone(),
        revocations: world.store.clone(),
        clock: Arc::new(SystemClock),
        rng: StdRng::seed_from_u64(8),
    });
    let limits =
        Limits::new(&LimitArgs { requests_burst: 100, max_connections: 10, max_connections_per_ip: 10, ..limits() });
    let base = world.start_gateway(GatewaySettings { auth: Some(auth), limits, ..GatewaySettings::default() }).await;
    let mut waiting = JoinSet::new();
    for number in 0..20 {
        let in_header = http_client().get(format!("{base}/v1/streams")).bearer_auth(WITH_AN_UNKNOWN_KEY);
        let in_query = http_client().get(format!("{base}/v1/events/subscribe?token={WITH_AN_UNKNOWN_KEY}"));
        let request = if number % 5 == 0 { in_query } else { in_header }.send();
        waiting.spawn(async { request.await.unwrap() });
    }
    let mut refused = vec![waiting.join_next().await.unwrap().unwrap()];
    // If each of them had the turn while it waits, those that are left would take longer than any answer may.
    let anonymous = http_client().get(format!("{base}/v1/streams")).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::OK);
    refused.extend(waiting.join_all().await);
    for answer in refused {
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["detail"], "the keys to verify tokens with are not available right now; try again");
    }
}

#[tokio::test]
async fn a_key_set_may_have_256_kib_and_no_more() {
    let mut tasks = JoinSet::new();
    let of_size = |bytes: usize| get(async move || "k".repeat(bytes));
    let issuer = Router::new().route("/largest", of_size(256 * 1024)).route("/larger", of_size(256 * 1024 + 1));
    let issuer = serve(issuer, &mut tasks).await;
    let fetch = async |path: &str| KeySetAddress::new(&format!("{issuer}{path}")).unwrap().fetch().await;
    assert_eq!(fetch("/largest").await.unwrap().len(), 256 * 1024);
    let refused = fetch("/larger").await.unwrap_err();
    assert!(matches!(&refused, SourceError::Transient { .. }) && refused.to_string().contains("262144"), "{refused}");
}
