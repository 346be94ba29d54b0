//! API keys for services: made with a token, accepted wherever a token is, and revoked like one.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use flowfi_indexer::{
    auth::{ApiKeyRequest, Scope, Token},
    domain::UnixTime,
    store::Changes,
};
use futures_util::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgListener};
use tracing::{Dispatch, instrument::WithSubscriber, subscriber::NoSubscriber};

use super::{Access, Guarded, auth};
use crate::world::{Subscriber, http_client};

impl Guarded {
    async fn make_key(&self, token: &str, wanted: &Value) -> Value {
        let answer = self.post("/v1/api-keys", Some(token), wanted).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        assert_eq!(answer.headers()["cache-control"], "no-store");
        answer.json().await.unwrap()
    }

    async fn status_with(&self, secret: &str) -> StatusCode {
        self.get("/v1/streams", Some(secret)).await.status()
    }

    /// Rotates a key of alice's.
    async fn rotate(&self, made: &Value, wanted: &Value) -> Response {
        let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
        self.post(&path, Some(&self.token_of("alice")), wanted).await
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("select count(*) from api_keys").fetch_one(&self.world.pool).await.unwrap()
    }

    async fn delete(&self, path: &str, token: &str) -> Response {
        let request = http_client().request(Method::DELETE, format!("{}{path}", self.base));
        request.bearer_auth(token).send().await.unwrap()
    }
}

fn secret_of(made: &Value) -> String {
    made["secret"].as_str().unwrap().to_owned()
}

#[sqlx::test]
async fn a_key_of_a_wallet_sees_what_the_wallet_sees_by_request_and_by_stream(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "the payroll export"})).await;
    let secret = secret_of(&made);
    assert_eq!(made["key"]["sub"], json!(guarded.world.devnet.account("alice")));
    assert_eq!((&made["key"]["lastUsedAt"], &made["key"]["scopes"]), (&Value::Null, &json!([])));
    let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", None, &secret).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    let own = guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(subscriber.ids(own.events.len()).await, own.events);
    let listed: Value = guarded.get("/v1/streams", Some(&secret)).await.json().await.unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    let keys: Value = guarded.get("/v1/api-keys", Some(&alice)).await.json().await.unwrap();
    assert!(keys["keys"][0]["lastUsedAt"].is_u64() && !keys.to_string().contains(&secret), "{keys}");
    let kept: Vec<String> = sqlx::query_scalar("select to_jsonb(api_keys)::text from api_keys")
        .fetch_all(&guarded.world.pool)
        .await
        .unwrap();
    assert!(!kept.concat().contains(&secret), "only its hash is kept");
}

#[sqlx::test]
async fn a_deleted_key_is_accepted_nowhere_and_its_streams_end(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, bob) = (guarded.token_of("alice"), guarded.token_of("bob"));
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let (secret, path) = (secret_of(&made), format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap()));
    let other = guarded.another_gateway(&Access::default()).await;
    let mut subscriber = Subscriber::connect_as(&other, "all=true", None, &secret).await;
    assert_eq!(guarded.delete(&path, &bob).await.status(), StatusCode::NOT_FOUND, "another's");
    for id in ["%00", "0123456789abcdef", "x"] {
        assert_eq!(guarded.delete(&format!("/v1/api-keys/{id}"), &alice).await.status(), StatusCode::NOT_FOUND, "{id}");
    }
    assert_eq!(guarded.delete(&path, &secret).await.status(), StatusCode::FORBIDDEN, "a key cannot change keys");
    assert_eq!(guarded.delete(&path, &alice).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.delete(&path, &alice).await.status(), StatusCode::NOT_FOUND, "twice");
    assert_eq!(guarded.status_with(&secret).await, StatusCode::UNAUTHORIZED);
    let expired = loop {
        let frame = subscriber.next().await.expect("it is notified");
        if frame.event.as_deref() == Some("expired") {
            break frame.data.unwrap();
        }
    };
    assert_eq!(expired["reason"], "revoked");
}

#[sqlx::test]
async fn a_rotated_key_has_two_secrets_for_a_while(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let rotated = guarded.post(&path, Some(&alice), &json!({"overlapSeconds": 60})).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    let (before, after) = (secret_of(&made), secret_of(&rotated.json().await.unwrap()));
    assert_eq!(guarded.status_with(&before).await, StatusCode::OK);
    assert_eq!(guarded.status_with(&after).await, StatusCode::OK);
    guarded.clock.move_on(61);
    assert_eq!(guarded.status_with(&before).await, StatusCode::UNAUTHORIZED);
    assert_eq!(guarded.status_with(&after).await, StatusCode::OK);
}

#[sqlx::test]
async fn a_key_expires_and_is_revoked_and_banned_like_a_token(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.world.devnet.account("alice");
    let short =
        secret_of(&guarded.make_key(&guarded.token_of("alice"), &json!({"name": "x", "ttlSeconds": 600})).await);
    let long = secret_of(&guarded.make_key(&guarded.token_of("alice"), &json!({"name": "y"})).await);
    assert_eq!(guarded.status_with(&short).await, StatusCode::OK);
    guarded.clock.move_on(601);
    assert_eq!(guarded.status_with(&short).await, StatusCode::UNAUTHORIZED);
    assert_eq!(guarded.status_with(&long).await, StatusCode::OK);
    let revoked = guarded.post("/v1/admin/revoke", Some(&guarded.operator()), &json!({"sub": alice})).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.status_with(&long).await, StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn a_rotation_does_not_make_a_revoked_secret_valid_again(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, operator) = (guarded.world.devnet.account("alice"), guarded.operator());
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "leaked"})).await;
    let (leaked, id) = (secret_of(&made), made["key"]["id"].as_str().unwrap().to_owned());
    let revoked = guarded.post("/v1/admin/revoke", Some(&operator), &json!({"sub": alice})).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.status_with(&leaked).await, StatusCode::UNAUTHORIZED);
    guarded.clock.move_on(60);
    let alice = guarded.token_of("alice");
    let listed: Value = guarded.get("/v1/api-keys", Some(&alice)).await.json().await.unwrap();
    assert_eq!(listed["keys"][0]["isRevoked"], true, "{listed}");
    let rotated = guarded.post(&format!("/v1/api-keys/{id}/rotate"), Some(&alice), &json!({})).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    let fresh = secret_of(&rotated.json().await.unwrap());
    assert_eq!(guarded.status_with(&leaked).await, StatusCode::UNAUTHORIZED);
    assert_eq!(guarded.status_with(&fresh).await, StatusCode::OK);
}

#[sqlx::test]
async fn a_stream_that_was_opened_with_a_secret_ends_with_it(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", None, &secret_of(&made)).await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let rotated = guarded.post(&path, Some(&alice), &json!({"overlapSeconds": 0})).await;
    let fresh = secret_of(&rotated.json().await.unwrap());
    let mut with_fresh = Subscriber::connect_as(&guarded.base, "all=true", None, &fresh).await;
    while subscriber.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
    let own = guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(with_fresh.ids(own.events.len()).await, own.events);
}

#[sqlx::test]
async fn each_secret_lasts_until_its_own_end_however_often_its_key_is_rotated(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let mut with_first = Subscriber::connect_as(&guarded.base, "all=true", None, &secret_of(&made)).await;
    let mut secrets = vec![secret_of(&made)];
    for overlap in [600, 900, 60, 3_600] {
        let rotated = guarded.rotate(&made, &json!({"overlapSeconds": overlap})).await;
        assert_eq!(rotated.status(), StatusCode::OK);
        secrets.push(secret_of(&rotated.json().await.unwrap()));
    }
    let works = async || join_all(secrets.iter().map(|secret| guarded.status_with(secret))).await;
    assert_eq!(works().await, [StatusCode::OK; 5]);
    let refused = guarded.rotate(&made, &json!({})).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT, "four secrets before it are valid");
    assert_eq!(works().await, [StatusCode::OK; 5], "a refused rotation changes nothing");
    let own = guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(with_first.ids(own.events.len()).await, own.events);
    guarded.clock.move_on(61);
    let (over, valid) = (StatusCode::UNAUTHORIZED, StatusCode::OK);
    assert_eq!(works().await, [over, over, over, valid, valid], "no secret outlives a later one");
    while with_first.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
    let rotated = guarded.rotate(&made, &json!({"overlapSeconds": 0})).await;
    assert_eq!(rotated.status(), StatusCode::OK);
    assert_eq!(works().await, [over; 5], "whoever wants it ends all of them at once");
    assert_eq!(guarded.status_with(&secret_of(&rotated.json().await.unwrap())).await, valid);
}

#[sqlx::test]
async fn every_rotation_at_once_that_is_answered_leaves_a_working_secret(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await;
    let usual = json!({});
    let answers = join_all((0..8).map(|_| guarded.rotate(&made, &usual))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status() == StatusCode::OK);
    assert_eq!((done.len(), refused.len()), (4, 4));
    assert!(refused.iter().all(|answer| answer.status() == StatusCode::CONFLICT), "{refused:?}");
    assert_eq!(guarded.status_with(&secret_of(&made)).await, StatusCode::OK);
    for answer in done {
        assert_eq!(guarded.status_with(&secret_of(&answer.json().await.unwrap())).await, StatusCode::OK);
    }
}

#[sqlx::test]
async fn a_key_that_is_rotated_again_and_again_does_not_escape_a_revocation(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.world.devnet.account("alice");
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await;
    let mut newest = secret_of(&made);
    for _ in 0..20 {
        let rotated = guarded.rotate(&made, &json!({"overlapSeconds": 0})).await;
        if rotated.status() != StatusCode::OK {
            assert_eq!(rotated.status(), StatusCode::TOO_MANY_REQUESTS);
            break;
        }
        newest = secret_of(&rotated.json().await.unwrap());
    }
    let revoked = guarded.post("/v1/admin/revoke", Some(&guarded.operator()), &json!({"sub": alice})).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.status_with(&newest).await, StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn a_new_secret_that_a_ban_covers_says_so(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, operator) = (guarded.world.devnet.account("alice"), guarded.operator());
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await;
    assert_eq!(made["key"]["isRevoked"], false, "{made}");
    let ban = guarded.post("/v1/admin/revoke", Some(&operator), &json!({"sub": alice, "ban": true})).await;
    assert_eq!(ban.status(), StatusCode::NO_CONTENT);
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let rotated: Value = guarded.post(&path, Some(&operator), &json!({})).await.json().await.unwrap();
    let another = guarded.make_key(&operator, &json!({"name": "another", "sub": alice})).await;
    for key in [rotated, another] {
        assert_eq!(key["key"]["isRevoked"], true, "{key}");
        assert_eq!(guarded.status_with(&secret_of(&key)).await, StatusCode::UNAUTHORIZED);
    }
}

#[sqlx::test]
async fn keys_that_a_revoked_operator_made_for_others_are_revoked_too(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let operator = guarded.operator();
    let made = guarded.make_key(&operator, &json!({"name": "x", "sub": "a service", "scopes": ["admin"]})).await;
    let by = made["key"]["createdBy"].as_str().unwrap().to_owned();
    let indexer = async |secret: &str| guarded.get("/v1/admin/indexer", Some(secret)).await.status();
    assert_eq!(indexer(&secret_of(&made)).await, StatusCode::OK);
    let revoked = guarded.post("/v1/admin/revoke", Some(&operator), &json!({"sub": by})).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(indexer(&secret_of(&made)).await, StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn secrets_that_a_revoked_operator_made_by_rotation_are_revoked_wherever_they_are_kept(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (stolen, operator) = (guarded.token("a robbed operator", &[Scope::Admin], 600), guarded.operator());
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let by_thief: Value = guarded.post(&path, Some(&stolen), &json!({})).await.json().await.unwrap();
    let current = secret_of(&by_thief);
    let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", None, &current).await;
    let ticket = guarded.ticket(&current, &json!({"all": true})).await;
    // Each rotation moves it to another place.
    let mut others = vec![secret_of(&made)];
    for secrets in 0..3 {
        for (number, other) in others.iter().enumerate() {
            assert_eq!(guarded.status_with(other).await, StatusCode::OK, "{number} of {secrets}");
        }
        assert_eq!(guarded.status_with(&current).await, StatusCode::OK, "after {secrets} more");
        let rotated: Value = guarded.rotate(&made, &json!({})).await.json().await.unwrap();
        others.push(secret_of(&rotated));
    }
    let revoke = json!({"sub": "a robbed operator"});
    let revoked = guarded.post("/v1/admin/revoke", Some(&operator), &revoke).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.status_with(&current).await, StatusCode::UNAUTHORIZED);
    let with_ticket = guarded.get(&format!("/v1/events/subscribe?ticket={ticket}"), None).await;
    assert_eq!(with_ticket.status(), StatusCode::UNAUTHORIZED);
    while subscriber.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
    for other in others {
        assert_eq!(guarded.status_with(&other).await, StatusCode::OK, "its subject made it");
    }
}

#[sqlx::test]
async fn a_key_whose_current_secret_a_revoked_operator_made_says_so(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (stolen, operator) = (guarded.token("a robbed operator", &[Scope::Admin], 600), guarded.operator());
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    assert_eq!(guarded.post(&path, Some(&stolen), &json!({})).await.status(), StatusCode::OK);
    let is_revoked = async || {
        let listed: Value = guarded.get("/v1/api-keys", Some(&guarded.token_of("alice"))).await.json().await.unwrap();
        listed["keys"][0]["isRevoked"].as_bool().unwrap()
    };
    assert!(!is_revoked().await);
    let revoke = json!({"sub": "a robbed operator"});
    assert_eq!(guarded.post("/v1/admin/revoke", Some(&operator), &revoke).await.status(), StatusCode::NO_CONTENT);
    assert!(is_revoked().await);
    assert_eq!(guarded.rotate(&made, &json!({})).await.status(), StatusCode::OK);
    assert!(!is_revoked().await, "its subject gave it another");
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[sqlx::test]
async fn the_log_says_who_made_rotated_and_deleted_a_key_without_its_secrets(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let auth = auth(&guarded.world, &Access::default());
    let operator = Token {
        subject: "an operator".parse().unwrap(),
        scopes: vec![Scope::Admin],
        issued_at: None,
        expires_at: UnixTime(u64::MAX),
        api_key: None,
        created_by: None,
        issued_by: None,
    };
    let subject = "a service".parse().unwrap();
    let wanted = ApiKeyRequest { subject, name: "a key".to_owned(), scopes: Vec::new(), ttl_seconds: 600 };
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    // With one subscriber alone, the thread that first comes to a line decides for all whether it is logged.
    let _another = Dispatch::new(NoSubscriber::default());
    let acts = async {
        let (key, first) = auth.make_api_key(wanted, &operator.subject).await.unwrap();
        let (_, second) = auth.rotate_api_key(&key.id, &operator, 0).await.unwrap().unwrap();
        assert!(auth.delete_api_key(&key.id, &operator).await.unwrap());
        assert!(!auth.delete_api_key(&key.id, &operator).await.unwrap(), "it is gone");
        (key.id, [first.0, second.0])
    };
    let (id, secrets) = acts.with_subscriber(subscriber).await;
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for act in ["made", "rotated", "deleted"] {
        let line = format!("an operator {act} the API key {id} of a service");
        assert_eq!(logged.matches(&line).count(), 1, "{act}: {logged}");
    }
    assert!(secrets.iter().all(|secret| !logged.contains(secret)), "{logged}");
}

#[sqlx::test]
async fn a_key_grants_no_more_than_its_maker_may_do(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, admin) = (guarded.token_of("alice"), guarded.operator());
    let status = async |token: &str, wanted: Value| guarded.post("/v1/api-keys", Some(token), &wanted).await.status();
    assert_eq!(status(&alice, json!({"name": "x", "scopes": ["admin"]})).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&alice, json!({"name": "x", "sub": "a service"})).await, StatusCode::FORBIDDEN);
    for wrong in
        [json!({}), json!({"name": ""}), json!({"name": "x", "ttlSeconds": 0}), json!({"name": "x", "scopes": ["y"]})]
    {
        assert_eq!(status(&alice, wrong.clone()).await, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let wanted = json!({"name": "the export", "sub": "a service", "scopes": ["events:read:all", "events:read:all"]});
    let made = guarded.make_key(&admin, &wanted).await;
    assert_eq!(made["key"]["scopes"], json!(["events:read:all"]));
    let secret = secret_of(&made);
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let listed: Value = guarded.get("/v1/streams", Some(&secret)).await.json().await.unwrap();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "it sees everything");
    assert_eq!(guarded.get("/v1/admin/indexer", Some(&secret)).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(status(&secret, json!({"name": "x"})).await, StatusCode::FORBIDDEN, "a key cannot make keys");
    let of_service = guarded.get("/v1/api-keys?sub=a%20service", Some(&admin)).await.json::<Value>().await.unwrap();
    assert_eq!(of_service["keys"][0]["name"], "the export");
    let reader = guarded.token("a reader", &[Scope::ReadAll], 600);
    assert_eq!(guarded.get("/v1/api-keys?sub=a%20service", Some(&reader)).await.status(), StatusCode::FORBIDDEN);
    for _ in 0..20 {
        assert_eq!(status(&alice, json!({"name": "one of many"})).await, StatusCode::CREATED);
    }
    assert_eq!(status(&alice, json!({"name": "one too many"})).await, StatusCode::TOO_MANY_REQUESTS);
}

#[sqlx::test]
async fn whoever_rotates_a_key_has_every_scope_that_it_grants(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let admin = guarded.operator();
    let with = |scopes: &[Scope]| guarded.token("a service", scopes, 600);
    let made = async |scopes: Value| {
        let wanted = json!({"name": "x", "sub": "a service", "scopes": scopes});
        guarded.make_key(&admin, &wanted).await["key"]["id"].as_str().unwrap().to_owned()
    };
    let rotate = async |id: &str, token: &str| {
        guarded.post(&format!("/v1/api-keys/{id}/rotate"), Some(token), &json!({"overlapSeconds": 0})).await
    };
    let both = made(json!(["events:read:all", "admin"])).await;
    let of_admin = made(json!(["admin"])).await;
    let reading = made(json!(["events:read:all"])).await;
    for (id, scopes, lacking) in [
        (&both, &[][..], "events:read:all"),
        (&both, &[Scope::ReadAll][..], "admin"),
        (&of_admin, &[][..], "admin"),
        (&of_admin, &[Scope::ReadAll][..], "admin"),
        (&reading, &[][..], "events:read:all"),
    ] {
        let refused = rotate(id, &with(scopes)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{lacking} to {scopes:?}");
        let problem: Value = refused.json().await.unwrap();
        assert_eq!(problem["detail"], format!("a key with the scope {lacking} needs a token with it"));
    }
    assert_eq!(rotate(&both, &guarded.token_of("alice")).await.status(), StatusCode::NOT_FOUND, "another's");
    for (id, scopes) in [(&reading, Scope::ReadAll), (&both, Scope::Admin), (&reading, Scope::Admin)] {
        assert_eq!(rotate(id, &with(&[scopes])).await.status(), StatusCode::OK, "{scopes:?}");
    }
    let deleted = guarded.delete(&format!("/v1/api-keys/{both}"), &with(&[])).await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT, "its subject may end it");
}

#[sqlx::test]
async fn a_body_is_an_object_and_never_an_array(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, operator) = (guarded.token_of("alice"), guarded.operator());
    let made = guarded.make_key(&alice, &json!({"name": "a key", "scopes": []})).await;
    let rotate = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    for (path, token, body) in [
        ("/v1/api-keys", &alice, json!(["a key", null, [], 600])),
        (rotate.as_str(), &alice, json!([60])),
        ("/v1/events/tickets", &alice, json!([[], [], true, null, []])),
        ("/v1/admin/revoke", &operator, json!(["a subject", null])),
        ("/v1/auth", &alice, json!(["AAAA"])),
    ] {
        let refused = guarded.post(path, Some(token), &body).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        let problem: Value = refused.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().ends_with("must be a JSON object"), "{path}: {problem}");
    }
}

#[sqlx::test]
async fn no_route_that_acts_ignores_a_parameter(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let operator = guarded.operator();
    let absent = "/v1/api-keys/0123456789abcdef";
    for path in ["/v1/admin/indexer", "/v1/admin/connections", "/v1/events/stats", "/v1/status"] {
        let refused = guarded.get(&format!("{path}?colour=red"), Some(&operator)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refused.json::<Value>().await.unwrap()["parameter"], "colour", "{path}");
    }
    for path in [
        "/v1/admin/indexer/pause",
        "/v1/admin/indexer/resume",
        "/v1/admin/quarantine/replay",
        "/v1/admin/revoke",
        "/v1/api-keys",
        &format!("{absent}/rotate"),
        "/v1/events/tickets",
    ] {
        let refused = guarded.post(&format!("{path}?colour=red"), Some(&operator), &json!({})).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refused.json::<Value>().await.unwrap()["parameter"], "colour", "{path}");
    }
    let deleted = guarded.delete(&format!("{absent}?colour=red"), &operator).await;
    assert_eq!(deleted.status(), StatusCode::BAD_REQUEST);
}

#[sqlx::test]
async fn the_absence_of_a_key_is_its_refusal(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let secret = secret_of(&guarded.make_key(&guarded.token_of("alice"), &json!({"name": "a key"})).await);
    let mut subscriber = Subscriber::connect_as(&guarded.base, "all=true", None, &secret).await;
    let ticket = guarded.ticket(&secret, &json!({"all": true})).await;
    // As if this gateway had been away until the deleted key was forgotten: no wake-up comes.
    sqlx::query("delete from api_keys").execute(&guarded.world.pool).await.unwrap();
    assert_eq!(guarded.status_with(&secret).await, StatusCode::UNAUTHORIZED);
    let with_ticket = guarded.get(&format!("/v1/events/subscribe?ticket={ticket}"), None).await;
    assert_eq!(with_ticket.status(), StatusCode::UNAUTHORIZED);
    while subscriber.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
}

#[sqlx::test]
async fn a_subject_makes_so_many_keys_a_day_whether_it_deletes_them_or_lets_them_expire(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    for number in 0..100 {
        let made = guarded.make_key(&alice, &json!({"name": "a key", "ttlSeconds": 60})).await;
        if number % 19 == 0 {
            guarded.clock.move_on(61);
        } else {
            let path = format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap());
            assert_eq!(guarded.delete(&path, &alice).await.status(), StatusCode::NO_CONTENT);
        }
    }
    let one_more = async || guarded.post("/v1/api-keys", Some(&guarded.token_of("alice")), &json!({"name": "x"})).await;
    let refused = one_more().await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()["retry-after"], "3600");
    guarded.clock.move_on(86_400);
    assert_eq!(one_more().await.status(), StatusCode::CREATED);
}

#[sqlx::test]
async fn deleted_and_expired_keys_are_forgotten(pool: PgPool) {
    const DAY: i64 = 86_400;
    let guarded = Guarded::new(pool, &Access::default()).await;
    let fill = "insert into api_keys (id, subject, name, scopes, hash, created_by, issued_at, expires_at, deleted_at)
                select 'old ' || n, 'bob', '', '', decode(lpad(n::text, 8, '0'), 'hex'), 'bob', 0, 99999999999, 1
                from generate_series(1, 120) n";
    sqlx::query(fill).execute(&guarded.world.pool).await.unwrap();
    let wanted = json!({"name": "short", "ttlSeconds": 1});
    for _ in 0..3 {
        guarded.make_key(&guarded.token_of("alice"), &wanted).await;
    }
    assert_eq!(guarded.rows().await, 3, "each new key removes some that were deleted long ago");
    let listed = async || {
        let keys: Value = guarded.get("/v1/api-keys", Some(&guarded.token_of("alice"))).await.json().await.unwrap();
        keys["keys"].as_array().unwrap().len()
    };
    guarded.clock.move_on(6 * DAY);
    assert_eq!(listed().await, 3, "their owner sees for a week that they expired");
    guarded.clock.move_on(2 * DAY);
    assert_eq!(listed().await, 0);
    guarded.make_key(&guarded.token_of("alice"), &wanted).await;
    assert_eq!((listed().await, guarded.rows().await), (1, 1));
}

#[sqlx::test]
async fn only_changes_wake_the_gateways(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let mut listener = PgListener::connect_with(&guarded.world.pool).await.unwrap();
    listener.listen("flowfi_revoked").await.unwrap();
    let made_up = "/v1/api-keys/0123456789abcdef";
    assert_eq!(guarded.delete(made_up, &alice).await.status(), StatusCode::NOT_FOUND);
    let rotated = guarded.post(&format!("{made_up}/rotate"), Some(&alice), &json!({})).await;
    assert_eq!(rotated.status(), StatusCode::NOT_FOUND);
    let path = format!("/v1/api-keys/{}", made["key"]["id"].as_str().unwrap());
    assert_eq!(guarded.delete(&path, &alice).await.status(), StatusCode::NO_CONTENT);
    sqlx::query("select pg_notify('flowfi_revoked', 'the last')").execute(&guarded.world.pool).await.unwrap();
    let mut woken = 0;
    while listener.recv().await.unwrap().payload() != "the last" {
        woken += 1;
    }
    assert_eq!(woken, 1, "the deletion of a key that was there");
}

#[sqlx::test]
async fn a_wake_up_names_the_key_that_was_rotated_or_deleted(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let [first, second] = [json!({"name": "first"}), json!({"name": "second"})];
    let (first, second) = (guarded.make_key(&alice, &first).await, guarded.make_key(&alice, &second).await);
    let id_of = |made: &Value| made["key"]["id"].as_str().unwrap().to_owned();
    let mut listener = guarded.world.store.listen_for_revocations().await.unwrap();
    assert_eq!(guarded.rotate(&first, &json!({})).await.status(), StatusCode::OK);
    assert_eq!(listener.changes().await.unwrap(), Changes::Of(vec![id_of(&first)]), "only that is read again");
    for made in [&first, &second] {
        let deleted = guarded.delete(&format!("/v1/api-keys/{}", id_of(made)), &alice).await;
        assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    }
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let Changes::Of(ids) = listener.changes().await.unwrap() else { panic!("each has its name") };
        heard.extend(ids);
    }
    assert_eq!(heard, [id_of(&first), id_of(&second)]);
    let revoke = json!({"sub": "a service"});
    let revoked = guarded.post("/v1/admin/revoke", Some(&guarded.operator()), &revoke).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(listener.changes().await.unwrap(), Changes::Unknown, "every revocation is read again");
}

#[sqlx::test]
async fn only_a_request_that_is_accepted_counts_as_a_use_of_its_key(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, operator) = (guarded.world.devnet.account("alice"), guarded.operator());
    let made = guarded.make_key(&guarded.token_of("alice"), &json!({"name": "x", "ttlSeconds": 600})).await;
    let last_use = async || {
        let last_use = "select last_used_at from api_keys";
        sqlx::query_scalar::<_, Option<i64>>(last_use).fetch_one(&guarded.world.pool).await.unwrap()
    };
    let secret = secret_of(&made);
    let wrong_scope = async || guarded.get("/v1/admin/indexer", Some(&secret)).await.status();
    assert_eq!(wrong_scope().await, StatusCode::FORBIDDEN);
    let used = last_use().await;
    assert!(used.is_some(), "somebody used it where it grants too little");
    guarded.clock.move_on(120);
    let revoked = guarded.post("/v1/admin/revoke", Some(&operator), &json!({"sub": alice})).await;
    assert_eq!(revoked.status(), StatusCode::NO_CONTENT);
    assert_eq!(guarded.status_with(&secret).await, StatusCode::UNAUTHORIZED);
    assert_eq!(last_use().await, used, "it was revoked");
    guarded.clock.move_on(120);
    let rotated: Value = guarded.rotate(&made, &json!({})).await.json().await.unwrap();
    guarded.clock.move_on(600);
    assert_eq!(guarded.status_with(&secret_of(&rotated)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(last_use().await, used, "it had expired");
}
