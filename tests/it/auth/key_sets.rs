//! The token issuer's key set comes from the address that was named, and from nowhere else.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Router,
    http::{StatusCode, header::LOCATION},
    response::IntoResponse,
    routing::get,
};
use flowfi_indexer::source::{KeySetAddress, SourceError};
use tokio::{net::TcpListener, task::JoinSet};

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
