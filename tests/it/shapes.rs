//! The shape of answers: ids and cursors of an unknown form are refused by the endpoint's name, and the shape of each
//! endpoint is learned once and shown.

use std::time::Duration;

use flowfi_indexer::{
    ingest::{Indexer, IngestSettings, PaceArgs},
    source::{EndpointPool, EndpointShape, EndpointState, IdForm, Interface, SourceError},
    store::{IndexerState, Store},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    completeness::status_says,
    endpoints::{contract, end_of, events, pool_of, two},
    fake_rpc::{Answer, FakeRpc},
    pitfalls::settings_of_fake,
    world::{GatewaySettings, World, eventually},
};

const CURSOR: &str = r#""0000000863288426495-4294967295""#;
const ID: &str = r#""0000000863288426496-0000000000""#;

/// A reply to a request for events with this cursor, and an event of this id, both as they stand in JSON.
fn reply(cursor: &str, id: &str) -> Answer {
    let event = format!(
        r#"{{"type":"contract","ledger":201,"ledgerClosedAt":"2026-07-21T18:01:10Z","contractId":"{}","id":{id},
            "topic":[],"value":"AAAAAQ==","txHash":"{}"}}"#,
        contract(),
        "ab".repeat(32)
    );
    let result = format!(r#"{{"events":[{event}],"cursor":{cursor},"latestLedger":500,"oldestLedger":100}}"#);
    Answer::Reply(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#).leak())
}

/// Texts and numbers that are no event id, as they stand in JSON.
const UNKNOWN: [&str; 7] = [
    r#""gec1_AAAAAAAAAAAA""#,
    r#""863288426496""#,
    "863288426496",
    r#""863288426496-0""#,
    r#""0000000863288426496-0000000000-0""#,
    r#"{"ledger":201}"#,
    r#""""#,
];

#[tokio::test]
async fn a_cursor_or_an_id_of_an_unknown_form_is_refused_with_the_endpoint_and_what_it_is() {
    for unknown in UNKNOWN {
        for (answer, what) in [(reply(unknown, ID), "cursor"), (reply(CURSOR, unknown), "event id")] {
            let fake = FakeRpc::start().await;
            fake.set(|node| node.next.push_back(answer));
            let pool = pool_of(&[&fake]);
            let refused = events(&pool, end_of(200)).await.unwrap_err();
            assert!(matches!(refused, SourceError::UnknownForm { .. }), "{unknown}: {refused}");
            let text = refused.to_string();
            assert!(text.starts_with("127.0.0.1:") && text.contains(what) && !text.contains("a-key"), "{text}");
            let shown = unknown.trim_matches('"').replace('"', "\\\"");
            assert!(text.contains(&shown), "{text} does not say {shown}");
            let health = &pool.health()[0];
            assert_eq!((health.state, health.last_failure), (EndpointState::Unusable, Some("unknown form")));
        }
    }
    let fake = FakeRpc::start().await;
    fake.set(|node| node.next.push_back(reply(CURSOR, ID)));
    assert_eq!(events(&pool_of(&[&fake]), end_of(200)).await.unwrap().events.len(), 1, "the known form");
}

#[tokio::test]
async fn a_long_text_of_an_unknown_form_is_shown_in_part() {
    let fake = FakeRpc::start().await;
    let long = format!("\"{}\"", "x".repeat(100_000));
    fake.set(|node| node.next.push_back(reply(&long, ID)));
    let refused = events(&pool_of(&[&fake]), end_of(200)).await.unwrap_err().to_string();
    assert!(refused.contains("xxx") && refused.len() < 300, "{} bytes", refused.len());
}

#[tokio::test]
async fn another_endpoint_is_asked_at_once_where_one_has_an_unknown_form_and_that_one_is_left_alone() {
    let (first, second, pool) = two().await;
    first.set(|node| node.to_events = Some(reply(UNKNOWN[0], ID)));
    for count in 1..=3 {
        events(&pool, end_of(200)).await.unwrap();
        assert_eq!((first.asked("getEvents").len(), second.asked("getEvents").len()), (1, count));
    }
    assert_eq!(pool.health()[0].state, EndpointState::Unusable);
}

#[sqlx::test]
async fn a_daemon_whose_only_endpoint_has_an_unknown_form_stays_up_and_says_so(pool: PgPool) {
    const NO_EVENTS: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"events":null,"cursor":"0000000863288426495-4294967295",
        "latestLedger":500,"oldestLedger":100}}"#;
    let store = Store::on(pool);
    for (answer, says) in [(reply(UNKNOWN[0], ID), "gec1_"), (Answer::Reply(NO_EVENTS), "bad reply")] {
        let fake = FakeRpc::start().await;
        fake.set(|node| node.to_events = Some(answer));
        let indexer = Indexer::new(pool_of(&[&fake]), Vec::new(), store.clone(), settings_of_fake());
        let stop = CancellationToken::new();
        let story = async {
            eventually("the report says why", || async {
                let aged = store.indexer_report(&contract()).await.unwrap();
                aged.is_some_and(|aged| {
                    let detail = aged.report.detail.unwrap_or_default();
                    aged.report.state == IndexerState::SourceAway
                        && detail.contains("127.0.0.1:")
                        && detail.contains(says)
                })
            })
            .await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(indexer.run(stop.clone()), story);
        ended.unwrap();
    }
}

fn shape(reports_success: Option<bool>) -> EndpointShape {
    EndpointShape {
        interface: Interface::StellarRpc,
        ids: reports_success.map(|_| IdForm::ToidAndIndex),
        cursors: Some(IdForm::ToidAndIndex),
        reports_success,
    }
}

fn event(says: Option<bool>) -> Value {
    let mut event = json!({"type": "contract", "ledger": 50_000, "ledgerClosedAt": "2026-07-21T18:01:10Z",
        "contractId": contract(), "id": "0000214748364804096-0000000000", "txHash": "ab".repeat(32), "topic": [],
        "value": "AAAAAQ=="});
    if let Some(says) = says {
        event["inSuccessfulContractCall"] = json!(says);
    }
    event
}

#[tokio::test]
async fn the_shape_of_each_endpoint_is_found_out_by_one_request_and_once() {
    let (silent, saying, pool) = two().await;
    silent.set(|node| node.events = vec![event(None)]);
    saying.set(|node| node.events = vec![event(Some(true))]);
    assert!(pool.health().iter().all(|health| health.shape.is_none()));
    for _ in 0..3 {
        pool.learn_shapes().await;
    }
    let shapes: Vec<_> = pool.health().into_iter().map(|health| health.shape.unwrap()).collect();
    assert_eq!(shapes, [shape(Some(false)), shape(Some(true))]);
    assert_eq!((silent.asked("getEvents").len(), saying.asked("getEvents").len()), (1, 1));
    assert_eq!(silent.asked("getEvents")[0]["pagination"]["limit"], json!(1));
}

#[tokio::test]
async fn a_shape_is_asked_for_again_where_the_endpoint_did_not_say_or_runs_another_version() {
    let fake = FakeRpc::start().await;
    let pool = pool_of(&[&fake]);
    fake.set(|node| node.next.push_back(Answer::Error(-32_600, "database is locked")));
    pool.learn_shapes().await;
    assert_eq!(pool.health()[0].shape, None);
    crate::endpoints::due(&pool, 0).await;
    pool.learn_shapes().await;
    assert_eq!(pool.health()[0].shape, Some(shape(None)), "it had no event to show");
    assert_eq!(fake.asked("getEvents").len(), 2);
    fake.set(|node| {
        (node.version, node.events) = ("31.0.0-fake", vec![event(None)]);
        node.next.push_back(Answer::Status(503, None));
    });
    events(&pool, end_of(200)).await.unwrap_err();
    crate::endpoints::due(&pool, 0).await;
    pool.tip().await.unwrap();
    pool.learn_shapes().await;
    assert_eq!(pool.health()[0].shape, Some(shape(Some(false))));
    assert_eq!(fake.asked("getEvents").len(), 4);
}

#[tokio::test]
async fn an_endpoint_of_an_unknown_form_is_found_out_before_it_is_needed() {
    let (first, second, pool) = two().await;
    second.set(|node| node.to_events = Some(reply(UNKNOWN[0], ID)));
    pool.learn_shapes().await;
    let states: Vec<_> = pool.health().into_iter().map(|health| health.state).collect();
    assert_eq!(states, [EndpointState::Ready, EndpointState::Unusable]);
    events(&pool, end_of(200)).await.unwrap();
    assert_eq!(first.asked("getEvents").len(), 2);
}

#[sqlx::test]
async fn the_status_shows_the_shape_of_each_endpoint(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let urls = [world.rpc_url.clone(), format!("{}/b", world.rpc_url)];
    let endpoints = EndpointPool::new(&urls, world.devnet.passphrase().to_owned(), 7).unwrap();
    let pace = PaceArgs { check_interval: Duration::from_millis(50), ..world.settings().pace };
    let settings = IngestSettings { pace, ..world.settings() };
    world.start(Indexer::new(endpoints, Vec::new(), world.store.clone(), settings));
    let base = world.start_gateway(GatewaySettings::default()).await;
    let expected = json!({"interface": "stellarRpc", "ids": "toidAndIndex", "cursors": "toidAndIndex",
        "reportsSuccess": false});
    status_says(&world, &base, "both shapes are known", |status| {
        let endpoints = status["endpoints"].as_array();
        endpoints.is_some_and(|endpoints| {
            endpoints.len() == 2 && endpoints.iter().all(|endpoint| endpoint["shape"] == expected)
        })
    })
    .await;
}
