//! Real answers, frames and refusals, each checked against its description in the document.

use flowfi_indexer::{
    devnet::Call,
    domain::{Amount, CommittedEvent, Epoch, StoredEventType, StreamId, UnixTime},
    http::EventView,
    http::Limits,
    xdr::{Decoded, decode_event},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::described::{Answer, Described};
use crate::{
    auth::{Access, Guarded},
    contract_events::fixtures_of_both_versions,
    limits::limits,
    subscribe::small_world,
    world::{Frame, GatewaySettings, Subscriber, World, eventually, http_client},
};

/// Creates streams in every state: active, paused, cancelled, completed, ended.
async fn move_streams(world: &World) {
    for _ in 0..5 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    let id = StreamId;
    world.call(Call::TopUp { stream_id: id(1), caller: None, amount: Amount(500_000) }).await;
    world.call(Call::Pause { stream_id: id(1), caller: None }).await;
    world.call(Call::Resume { stream_id: id(1), caller: None }).await;
    world.call(Call::Pause { stream_id: id(2), caller: None }).await;
    let later = UnixTime(world.devnet.latest_closed_at().0 + 50);
    world.devnet.close_ledger_at(later).unwrap();
    world.call(Call::Withdraw { stream_id: id(5), caller: None }).await;
    world.call(Call::Cancel { stream_id: id(3), caller: None }).await;
    let later = UnixTime(world.devnet.latest_closed_at().0 + 1_000);
    world.devnet.close_ledger_at(later).unwrap();
    world.call(Call::Withdraw { stream_id: id(4), caller: None }).await;
    world.create("carol", "dave", 1_000_000, 100).await;
    world.indexed().await;
}

#[sqlx::test]
async fn every_answer_to_a_query_matches_the_document(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    move_streams(&world).await;
    let (alice, described) = (world.devnet.account("alice"), Described::new());
    eventually("endpoints are reported", || async {
        let answer = Answer::get(&format!("{base}/v1/status")).await;
        let status: Value = serde_json::from_str(&answer.body).unwrap();
        !status["endpoints"].as_array().unwrap().is_empty() && !status["indexer"].is_null()
    })
    .await;
    let cases = [
        ("listStreams", "/v1/streams".to_owned()),
        ("listStreams", format!("/v1/streams?user={alice}&limit=2&sort=endTime")),
        ("listStreams", "/v1/streams?status=completed".to_owned()),
        ("getStream", "/v1/streams/1".to_owned()),
        ("getStream", "/v1/streams/2".to_owned()),
        ("getStream", "/v1/streams/3".to_owned()),
        ("getStream", "/v1/streams/4".to_owned()),
        ("getStream", "/v1/streams/1?source=chain".to_owned()),
        ("listStreamEvents", "/v1/streams/1/events".to_owned()),
        ("listEvents", "/v1/events?limit=200".to_owned()),
        ("listEvents", "/v1/events?limit=3".to_owned()),
        ("getClaimable", "/v1/streams/1/claimable".to_owned()),
        ("getUserSummary", format!("/v1/users/{alice}/summary")),
        ("getEventStats", "/v1/events/stats".to_owned()),
        ("getStatus", "/v1/status".to_owned()),
        ("getHealth", "/health".to_owned()),
        ("getLiveness", "/health/live".to_owned()),
        ("getReadiness", "/health/ready".to_owned()),
        ("getMetrics", "/metrics".to_owned()),
    ];
    for (operation, path) in cases {
        let answer = Answer::get(&format!("{base}{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        described.check(operation, &answer);
    }
    for path in ["/v1/events?limit=3", "/v1/streams/1/events?limit=1"] {
        let answer = Answer::of(http_client().get(format!("{base}{path}")).header("accept", "text/csv")).await;
        assert!(answer.headers.contains_key("link"), "{path}");
        described.check(if path.starts_with("/v1/events") { "listEvents" } else { "listStreamEvents" }, &answer);
    }
    let url = format!("{base}/v1/streams/1");
    let tag = Answer::get(&url).await.headers["etag"].clone();
    let known = Answer::of(http_client().get(&url).header("if-none-match", tag)).await;
    assert_eq!(known.status, 304);
    described.check("getStream", &known);
}

#[sqlx::test]
async fn those_answers_cover_every_state_and_every_event_of_a_stream(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    move_streams(&world).await;
    let words = |path: &'static str, list: &'static str, field: &'static str| {
        let url = format!("{base}{path}");
        async move {
            let body: Value = serde_json::from_str(&Answer::get(&url).await.body).unwrap();
            let words = body[list].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned());
            let mut words: Vec<String> = words.collect();
            words.sort();
            words.dedup();
            words
        }
    };
    let states = words("/v1/streams", "data", "status").await;
    assert_eq!(states, ["active", "cancelled", "completed", "ended", "paused"]);
    let types = words("/v1/streams/1/events", "events", "type").await;
    let expected = ["created", "fee_collected", "paused", "resumed", "topped_up"].map(|word| format!("stream.{word}"));
    assert_eq!(types[..5], expected);
    let ends = words("/v1/streams/4/events", "events", "type").await;
    assert!(ends.contains(&"stream.completed".to_owned()) && ends.contains(&"stream.withdrawn".to_owned()), "{ends:?}");
}

#[sqlx::test]
async fn every_frame_matches_the_document(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let described = Described::new();
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let before = world.devnet.events_emitted().len();
    move_streams(&world).await;
    let emitted = world.devnet.events_emitted().len() - before;
    assert!(emitted > 15);
    for frame in subscriber.events(emitted).await {
        described.check_frame(&frame);
    }
    // The connection's own frames, read raw: the first names what was understood, the second says that an id is
    // unknown.
    let query = format!("users={}&streams=1&types=stream.created", world.devnet.account("alice"));
    let request = http_client().get(format!("{base}/v1/events/subscribe?{query}")).header("last-event-id", "?");
    let mut answer = request.send().await.unwrap();
    let mut text = String::new();
    while text.matches("data: ").count() < 2 {
        text += std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap();
    }
    let mut names = Vec::new();
    for frame in text.split("\n\n").filter(|frame| frame.contains("data: ")) {
        let frame = Frame::parse(frame);
        described.check_frame(&frame);
        names.extend(frame.event);
    }
    assert_eq!(names, ["connected", "reset"]);
}

#[test]
fn every_event_of_the_contract_is_described_by_its_type() {
    let described = Described::new();
    for (name, raw, _) in fixtures_of_both_versions() {
        let Decoded::Event(event) = decode_event(&raw) else { panic!("{name} did not decode") };
        let Value::Object(body) = serde_json::to_value(&event).unwrap() else { panic!("{name}") };
        let committed = CommittedEvent {
            id: raw.id,
            epoch: Epoch(1),
            contract_id: raw.contract_id.clone(),
            ledger: raw.id.ledger(),
            ledger_closed_at: raw.ledger_closed_at,
            tx_hash: raw.tx_hash.clone(),
            event_type: StoredEventType::Known(event.event_type()),
            stream_id: event.stream_id(),
            sender: event.sender().cloned(),
            recipient: event.recipient().cloned(),
            former_recipient: event.former_recipient().cloned(),
            token: event.token().cloned(),
            amount: event.amount(None),
            body,
        };
        let data = serde_json::to_value(EventView(&committed)).unwrap();
        let frame = json!({"id": data["id"], "event": data["type"], "data": data});
        described.assert_is("SubscriptionFrame", &frame);
        let word = event.event_type().flowfi_name();
        let (ledger, closed_at) = (&data["ledger"], &data["ledgerClosedAt"]);
        let row =
            json!({"eventType": word, "ledgerSequence": ledger, "createdAt": closed_at, "metadata": committed.body});
        described.assert_is("EventRowFields", &row);
        let mut other = frame.clone();
        other["event"] = json!("stream.paused");
        if data["type"] != "stream.paused" {
            let schema = json!({"$ref": "#/components/schemas/SubscriptionFrame"});
            assert!(described.fault(&schema, &other).is_some(), "{name} is taken for another");
        }
        let mut more = data.clone();
        more["undocumented"] = json!(1);
        let schema = json!({"$ref": "#/components/schemas/Event"});
        assert!(described.fault(&schema, &more).is_some(), "{name} allows unknown fields");
    }
}

#[sqlx::test]
async fn every_refusal_matches_the_document(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let described = Described::new();
    let long = "x".repeat(9_000);
    let cases = [
        (400, "listStreams", "/v1/streams?limit=0".to_owned()),
        (400, "subscribeToEvents", "/v1/events/subscribe?streams=x".to_owned()),
        (400, "getUserSummary", "/v1/users/G/summary".to_owned()),
        (404, "getStream", "/v1/streams/77".to_owned()),
        (404, "getClaimable", "/v1/streams/77/claimable".to_owned()),
        (404, "getStellarToml", "/.well-known/stellar.toml".to_owned()),
        (414, "listEvents", format!("/v1/events?cursor={long}")),
        (501, "getChallenge", format!("/v1/auth?account={}", world.devnet.account("alice"))),
    ];
    for (status, operation, path) in cases {
        let answer = Answer::get(&format!("{base}{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        described.check(operation, &answer);
    }
    let request = http_client().get(format!("{base}/v1/events/subscribe?all=true")).header("accept", "text/html");
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, 406);
    described.check("subscribeToEvents", &answer);
}

#[sqlx::test]
async fn a_limited_client_gets_the_answer_in_the_document(pool: PgPool) {
    let limits = Limits::new(&limits());
    let (_world, base) = small_world(pool, GatewaySettings { limits, ..GatewaySettings::default() }).await;
    let described = Described::new();
    let mut statuses = Vec::new();
    while statuses.len() < 20 && statuses.last().is_none_or(|status| *status == 200) {
        let request = http_client().get(format!("{base}/v1/streams")).header("x-forwarded-for", "203.0.113.5");
        let answer = Answer::of(request).await;
        assert!(answer.headers.contains_key("ratelimit") && answer.headers.contains_key("ratelimit-policy"));
        described.check("listStreams", &answer);
        statuses.push(answer.status);
    }
    assert_eq!(statuses.last(), Some(&429));
}

#[sqlx::test]
async fn answers_with_authentication_match_the_document(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (described, base) = (Described::new(), guarded.base.clone());
    let (alice, token) = (guarded.world.devnet.account("alice"), guarded.token_of("alice"));
    let post = |path: &str, body: &str, format: &str| {
        let request = http_client().post(format!("{base}{path}")).bearer_auth(&token);
        request.header("content-type", format.to_owned()).body(body.to_owned())
    };
    let put = |body: &str| {
        let request = http_client().put(format!("{base}/v1/feeds/payroll")).bearer_auth(&token);
        request.header("content-type", "application/json").body(body.to_owned())
    };
    let admin = guarded.token("operator", &[flowfi_indexer::auth::Scope::Admin], 60);
    let get = |path: &str| http_client().get(format!("{base}{path}"));
    let json = "application/json";
    let large = "x".repeat(70_000);
    let cases = [
        (401, "listStreams", get("/v1/streams")),
        (401, "getEventStats", get("/v1/events/stats").bearer_auth("x")),
        (401, "subscribeToEvents", get("/v1/events/subscribe?all=true&ticket=none")),
        (200, "getChallenge", get(&format!("/v1/auth?account={alice}"))),
        (400, "getChallenge", get("/v1/auth?account=me")),
        (400, "signIn", post("/v1/auth", r#"{"transaction": "AAAA"}"#, json)),
        (415, "signIn", post("/v1/auth", "x", "text/plain")),
        (413, "signIn", post("/v1/auth", &large, json)),
        (200, "getStellarToml", get("/.well-known/stellar.toml")),
        (201, "issueTicket", post("/v1/events/tickets", r#"{"all": true}"#, json)),
        (400, "issueTicket", post("/v1/events/tickets", r#"{"streams": ["x"]}"#, json)),
        (401, "issueTicket", http_client().post(format!("{base}/v1/events/tickets")).body("{}")),
        (415, "issueTicket", post("/v1/events/tickets", "x", "text/plain")),
        (201, "saveFeed", put(r#"{"streams": ["7"]}"#)),
        (200, "saveFeed", put(r#"{"streams": ["8"]}"#)),
        (400, "saveFeed", put(r#"{"streams": ["x"]}"#)),
        (413, "saveFeed", put(&"x".repeat(500_000))),
        (401, "saveFeed", http_client().put(format!("{base}/v1/feeds/payroll")).body("{}")),
        (200, "getFeed", get("/v1/feeds/payroll").bearer_auth(&token)),
        (404, "getFeed", get("/v1/feeds/another").bearer_auth(&token)),
        (200, "listFeeds", get("/v1/feeds").bearer_auth(&token)),
        (204, "deleteFeed", http_client().delete(format!("{base}/v1/feeds/payroll")).bearer_auth(&token)),
        (400, "subscribeToPostedFilter", post("/v1/events/subscribe", r#"{"colour": "red"}"#, json)),
        (404, "subscribeToPostedFilter", post("/v1/events/subscribe", r#"{"feed": "another"}"#, json)),
        (413, "subscribeToPostedFilter", post("/v1/events/subscribe", &large, json)),
        (415, "subscribeToPostedFilter", post("/v1/events/subscribe", "all=true", "text/plain")),
        (403, "revokeTokens", post("/v1/admin/revoke", "{}", json)),
        (
            204,
            "revokeTokens",
            http_client().post(format!("{base}/v1/admin/revoke")).bearer_auth(&admin).json(&json!({"sub": "nobody"})),
        ),
    ];
    for (status, operation, request) in cases {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{operation}: {}", answer.body);
        described.check(operation, &answer);
    }
}

#[sqlx::test]
async fn answers_to_operators_match_the_document(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let described = Described::new();
    guarded.emit_unknown(2).await;
    let _open = Subscriber::connect_as(&guarded.base, "all=true", None, &guarded.token_of("alice")).await;
    let operator = guarded.operator();
    let at = |path: &str| format!("{}/v1/admin/{path}", guarded.base);
    let get = |path: &str| http_client().get(at(path)).bearer_auth(&operator);
    let post = |path: &str| http_client().post(at(path)).bearer_auth(&operator);
    let cases = [
        (200, "pauseIndexer", post("indexer/pause")),
        (200, "resumeIndexer", post("indexer/resume")),
        (200, "getIndexer", get("indexer")),
        (200, "listQuarantine", get("quarantine?limit=1")),
        (400, "listQuarantine", get("quarantine?limit=0")),
        (200, "replayQuarantine", post("quarantine/replay")),
        (200, "listConnections", get("connections")),
        (403, "listConnections", http_client().get(at("connections")).bearer_auth(guarded.token_of("alice"))),
        (401, "pauseIndexer", http_client().post(at("indexer/pause"))),
    ];
    for (status, operation, request) in cases {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, status, "{operation}: {}", answer.body);
        described.check(operation, &answer);
    }
}
