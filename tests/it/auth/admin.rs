//! What operators may do, and nobody else.

use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{
    auth::Scope,
    devnet::{Emit, EventKind, RawEvent},
    http::{LimitArgs, Limits},
};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded, auth};
use crate::{
    limits::limits,
    world::{GatewaySettings, Subscriber, eventually, http_client},
};

const GETS: [&str; 3] = ["/v1/admin/indexer", "/v1/admin/quarantine", "/v1/admin/connections"];
const POSTS: [&str; 4] =
    ["/v1/admin/indexer/pause", "/v1/admin/indexer/resume", "/v1/admin/quarantine/replay", "/v1/admin/revoke"];

impl Guarded {
    /// Lets events with unknown names be indexed: a symbol as topic and as value.
    pub async fn emit_unknown(&self, count: u32) {
        let word = BASE64_STANDARD.encode([&[0, 0, 0, 15, 0, 0, 0, 4][..], b"nope"].concat());
        let events = vec![RawEvent { topics: vec![word.clone()], value: word }];
        let contract_id = self.world.devnet.contract_id();
        let emitted = self.world.devnet.submit(Emit { contract_id, kind: EventKind::Contract, events, count });
        self.world.devnet.close_ledger().unwrap();
        emitted.await.unwrap();
        self.world.indexed().await;
    }

    pub fn operator(&self) -> String {
        self.token("an operator", &[Scope::Admin], 600)
    }

    async fn shown(&self, path: &str) -> Value {
        let answer = self.get(path, Some(&self.operator())).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }

    async fn done(&self, path: &str) -> Value {
        let answer = self.post(path, Some(&self.operator()), &json!({})).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }
}

#[sqlx::test]
async fn only_the_scope_admin_opens_the_operators_routes(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (reader, sender) = (guarded.token("a service", &[Scope::ReadAll], 600), guarded.token_of("alice"));
    for path in GETS {
        assert_eq!(guarded.get(path, None).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        for token in [&reader, &sender] {
            let refused = guarded.get(path, Some(token)).await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path}");
            assert_eq!(refused.headers()["www-authenticate"], "Bearer error=\"insufficient_scope\"");
        }
    }
    for path in POSTS {
        assert_eq!(guarded.post(path, None, &json!({})).await.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(guarded.post(path, Some(&reader), &json!({})).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[sqlx::test]
async fn without_authentication_nobody_is_an_operator(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    guarded.base = guarded.world.start_gateway(GatewaySettings::default()).await;
    for path in GETS {
        assert_eq!(guarded.get(path, None).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(guarded.post(POSTS[0], None, &json!({})).await.status(), StatusCode::FORBIDDEN);
}

#[sqlx::test]
async fn an_operator_pauses_and_resumes_the_indexer(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    assert_eq!(
        guarded.shown("/v1/admin/indexer").await["desired"],
        json!({"paused": false, "since": null, "by": null})
    );
    let desired = guarded.done("/v1/admin/indexer/pause").await;
    assert_eq!((&desired["paused"], &desired["by"]), (&json!(true), &json!("an operator")));
    eventually("the indexer reports that it is paused", || async {
        guarded.shown("/v1/admin/indexer").await["indexer"]["state"] == "paused"
    })
    .await;
    assert_eq!(guarded.get("/health/ready", None).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let before = guarded.world.stored_ids().await;
    guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(guarded.world.stored_ids().await, before, "a paused indexer reads nothing");
    assert_eq!(guarded.done("/v1/admin/indexer/resume").await["paused"], false);
    guarded.world.indexed().await;
    guarded.world.assert_equal_to_the_chain().await;
}

#[sqlx::test]
async fn an_operator_sees_who_is_connected_but_never_from_where(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.world.devnet.account("alice");
    let _stream = Subscriber::connect_as(&guarded.base, "all=true", None, &guarded.token_of("alice")).await;
    let shown = guarded.shown("/v1/admin/connections").await;
    assert_eq!((&shown["total"], &shown["connections"][0]["subject"]), (&json!(1), &json!(alice)));
    assert_eq!(shown["connections"][0]["filter"], "all");
    assert!(!shown.to_string().contains("127.0.0.1"), "{shown}");
}

#[sqlx::test]
async fn an_operator_lists_the_quarantine_and_replays_it(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.emit_unknown(3).await;
    let first = guarded.shown("/v1/admin/quarantine?limit=2").await;
    assert_eq!((&first["total"]["unknown"], first["events"].as_array().unwrap().len()), (&json!(3), 2));
    assert_eq!(first["events"][0]["kind"], "unknown");
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = guarded.shown(&format!("/v1/admin/quarantine?limit=2&cursor={cursor}")).await;
    assert_eq!((second["events"].as_array().unwrap().len(), &second["nextCursor"]), (1, &Value::Null));
    assert_eq!(guarded.done("/v1/admin/quarantine/replay").await, json!({"released": 0, "kept": 3}));
}

#[sqlx::test]
async fn whoever_is_no_operator_learns_only_how_many_events_are_in_quarantine(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    guarded.emit_unknown(3).await;
    let listed = guarded.shown("/v1/admin/quarantine").await;
    let event = &listed["events"][0];
    let details = [event["id"].as_str().unwrap(), event["transactionHash"].as_str().unwrap()];
    let (reader, alice) = (guarded.token("a service", &[Scope::ReadAll], 600), guarded.token_of("alice"));
    for token in [&reader, &alice] {
        let status: Value = guarded.get("/v1/status", Some(token)).await.json().await.unwrap();
        let counted = json!({"unknown": 3, "refused": 0});
        assert_eq!((&status["quarantine"], &status["contracts"][0]["quarantine"]), (&counted, &counted));
        for path in ["/v1/status", "/v1/events", "/health", "/health/ready", "/metrics"] {
            let text = guarded.get(path, Some(token)).await.text().await.unwrap();
            assert!(!details.iter().any(|detail| text.contains(detail)), "{path}: {text}");
        }
    }
}

#[sqlx::test]
async fn made_up_keys_on_the_operators_routes_are_looked_up_in_turn(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let args = LimitArgs { requests_burst: 100, max_connections: 100, max_connections_per_ip: 100, ..limits() };
    let settings = GatewaySettings {
        limits: Limits::new(&args),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    let get = async |path: &str, client: &str| {
        let request = http_client().get(format!("{}{path}", guarded.base)).header("x-forwarded-for", client);
        request.bearer_auth("flowfi_key_made-up").send().await.unwrap().status()
    };
    let pool = &guarded.world.pool;
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it begins")]
    let mut keeper = pool.begin().await.unwrap();
    sqlx::query("lock table api_keys in access exclusive mode").execute(&mut *keeper).await.unwrap();
    let at_the_table = async || {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap()
    };
    let of_one = join_all((0..5).map(|_| get("/v1/admin/indexer", "203.0.113.5")));
    let of_another = async {
        eventually("the first client is at the table", || async { at_the_table().await >= 1 }).await;
        get("/v1/admin/indexer", "203.0.113.6").await
    };
    let release = async {
        eventually("both clients are at the table", || async { at_the_table().await >= 2 }).await;
        // What was sent before these has arrived by now.
        for _ in 0..20 {
            assert_eq!(get("/health/live", "203.0.113.7").await, StatusCode::OK);
        }
        let waiting = at_the_table().await;
        keeper.rollback().await.unwrap();
        waiting
    };
    let (of_one, of_another, waiting) = tokio::join!(of_one, of_another, release);
    assert_eq!(waiting, 2, "each client has one turn");
    for status in of_one.into_iter().chain([of_another]) {
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}

#[sqlx::test]
async fn a_client_that_tries_tokens_on_the_operators_routes_is_slowed_down(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let args = LimitArgs { requests_per_second: 0, ..limits() };
    let settings = GatewaySettings {
        limits: Limits::new(&args),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    // All at once, and far more than the budget can regain while even the slowest machine answers them.
    let answers = join_all((0..300).map(|_| guarded.get("/v1/admin/indexer", Some("a.forged.token")))).await;
    let of_status = |status| answers.iter().filter(|answer| answer.status() == status).count();
    let (tried, refused) = (of_status(StatusCode::UNAUTHORIZED), of_status(StatusCode::TOO_MANY_REQUESTS));
    assert!(tried >= 10 && refused > 0 && tried + refused == 300, "{tried} tries, {refused} refused");
    assert_eq!(guarded.get("/v1/streams", Some(&guarded.token_of("alice"))).await.status(), StatusCode::OK);
}

#[sqlx::test]
async fn so_many_tokens_of_one_address_are_looked_at_and_no_more(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let settings = GatewaySettings {
        limits: Limits::new(&LimitArgs { requests_per_second: 0, ..limits() }),
        auth: Some(auth(&guarded.world, &Access::default())),
        ..GatewaySettings::default()
    };
    guarded.base = guarded.world.start_gateway(settings).await;
    // A good token shows it: it is refused only if nobody looked at it.
    let operator = guarded.operator();
    let (mut answered, mut asked) = (0, 0);
    let refused = loop {
        let answers = join_all((0..100).map(|_| guarded.get("/v1/admin/connections", Some(&operator)))).await;
        answered += answers.iter().filter(|answer| answer.status() == StatusCode::OK).count();
        if let Some(refused) = answers.into_iter().find(|answer| answer.status() == StatusCode::TOO_MANY_REQUESTS) {
            break refused;
        }
        asked += 100;
        assert!(asked < 50_000, "every token is looked at");
    };
    assert!(answered >= 200, "no operator needs so many: {answered}");
    assert_eq!(refused.headers()["connection"], "close");
    let elsewhere = http_client().get(format!("{}/v1/admin/connections", guarded.base)).bearer_auth(&operator);
    let elsewhere = elsewhere.header("x-forwarded-for", "203.0.113.9").send().await.unwrap();
    assert_eq!(elsewhere.status(), StatusCode::OK);
}
