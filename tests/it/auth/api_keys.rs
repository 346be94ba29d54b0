//! API keys for services: made with a token, accepted wherever a token is, and revoked like one.

use flowfi_indexer::auth::Scope;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded};
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
async fn a_second_rotation_ends_the_streams_of_the_first_secret(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    let made = guarded.make_key(&alice, &json!({"name": "a key"})).await;
    let path = format!("/v1/api-keys/{}/rotate", made["key"]["id"].as_str().unwrap());
    let rotate = async || {
        let rotated = guarded.post(&path, Some(&alice), &json!({"overlapSeconds": 600})).await;
        secret_of(&rotated.json().await.unwrap())
    };
    let mut with_first = Subscriber::connect_as(&guarded.base, "all=true", None, &secret_of(&made)).await;
    let second = rotate().await;
    let mut with_second = Subscriber::connect_as(&guarded.base, "all=true", None, &second).await;
    let third = rotate().await;
    while with_first.next().await.expect("it is notified").event.as_deref() != Some("expired") {}
    assert_eq!(guarded.status_with(&secret_of(&made)).await, StatusCode::UNAUTHORIZED);
    for secret in [&second, &third] {
        assert_eq!(guarded.status_with(secret).await, StatusCode::OK);
    }
    let own = guarded.world.create("alice", "bob", 1_000_000, 100).await;
    assert_eq!(with_second.ids(own.events.len()).await, own.events, "the second secret overlaps with the third");
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
    let wanted = json!({"name": "the export", "sub": "a service", "scopes": ["events:read:all"]});
    let made = guarded.make_key(&admin, &wanted).await;
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
