//! Saved filters: whose they are, what they show, and how many there may be.

use flowfi_indexer::{auth::Scope, devnet::Call, domain::StreamId, store::Share};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded};
use crate::{
    posted_filters::said,
    subscribe::{create, small_world},
    world::{GatewaySettings, Subscriber, http_client},
};

/// Addresses of nobody.
fn strangers(count: u16) -> Vec<String> {
    let address = |number: u16| {
        let key = number.to_be_bytes().repeat(16).try_into().unwrap();
        stellar_strkey::ed25519::PublicKey(key).to_string().as_str().to_owned()
    };
    (0..count).map(address).collect()
}

async fn send(guarded: &Guarded, method: Method, path: &str, token: &str, body: Option<&Value>) -> Response {
    let request = http_client().request(method, format!("{}/v1/feeds{path}", guarded.base)).bearer_auth(token);
    match body {
        Some(body) => request.json(body),
        None => request,
    }
    .send()
    .await
    .unwrap()
}

async fn save(guarded: &Guarded, name: &str, token: &str, body: &Value) -> StatusCode {
    send(guarded, Method::PUT, &format!("/{name}"), token, Some(body)).await.status()
}

async fn json_of(answer: Response) -> Value {
    assert_eq!(answer.status(), StatusCode::OK);
    answer.json().await.unwrap()
}

#[sqlx::test]
async fn a_filter_is_saved_shown_replaced_and_deleted_by_its_owner_alone(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, bob) = (guarded.token_of("alice"), guarded.token_of("bob"));
    let address = guarded.world.devnet.account("carol").to_string();
    let first = json!({"streams": ["7", "2", "7"], "users": [address]});
    assert_eq!(save(&guarded, "payroll", &alice, &first).await, StatusCode::CREATED);
    let shown = json_of(send(&guarded, Method::GET, "/payroll", &alice, None).await).await;
    assert_eq!((&shown["streams"], &shown["users"]), (&json!(["2", "7"]), &json!([address])));
    assert_eq!(save(&guarded, "payroll", &alice, &json!({"streams": ["9"]})).await, StatusCode::OK);
    assert_eq!(save(&guarded, "another", &alice, &first).await, StatusCode::CREATED);
    let list = json_of(send(&guarded, Method::GET, "", &alice, None).await).await;
    let listed = |at: usize, name: &str| list["feeds"][at][name].clone();
    assert_eq!((listed(0, "name"), listed(0, "streams"), listed(0, "users")), (json!("another"), json!(2), json!(1)));
    assert_eq!((listed(1, "name"), listed(1, "streams"), listed(1, "users")), (json!("payroll"), json!(1), json!(0)));
    assert!(list["feeds"].get(2).is_none());

    assert_eq!(json_of(send(&guarded, Method::GET, "", &bob, None).await).await, json!({"feeds": []}));
    for method in [Method::GET, Method::DELETE] {
        let of_bob = send(&guarded, method, "/payroll", &bob, None).await;
        assert_eq!(of_bob.status(), StatusCode::NOT_FOUND);
    }
    assert_eq!(save(&guarded, "payroll", &bob, &first).await, StatusCode::CREATED, "bob's own");
    let deleted = async || send(&guarded, Method::DELETE, "/payroll", &alice, None).await.status();
    assert_eq!((deleted().await, deleted().await), (StatusCode::NO_CONTENT, StatusCode::NOT_FOUND));
    assert_eq!(send(&guarded, Method::GET, "/payroll", &bob, None).await.status(), StatusCode::OK);
}

#[sqlx::test]
async fn a_saved_filter_names_up_to_five_thousand_and_what_breaks_a_rule_is_not_saved(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    assert_eq!(save(&guarded, "most", &alice, &json!({"users": strangers(5_000)})).await, StatusCode::CREATED);
    let contract = guarded.world.devnet.contract_id();
    let streams: Vec<String> = (0..5_000_u64).map(|number| format!("{contract}:{}", u64::MAX - number)).collect();
    assert_eq!(save(&guarded, "longest", &alice, &json!({"streams": streams})).await, StatusCode::CREATED);
    let mixed = json!({"users": strangers(4_999), "streams": ["1", "2"]});
    for (name, body, status) in [
        ("more", mixed, StatusCode::BAD_REQUEST),
        ("none", json!({}), StatusCode::BAD_REQUEST),
        ("none", json!({"users": [], "streams": []}), StatusCode::BAD_REQUEST),
        ("all", json!({"all": true}), StatusCode::BAD_REQUEST),
        ("types", json!({"streams": ["1"], "types": ["stream.created"]}), StatusCode::BAD_REQUEST),
        ("feed", json!({"feed": "most"}), StatusCode::BAD_REQUEST),
        ("bad", json!({"users": ["GA"]}), StatusCode::BAD_REQUEST),
        ("a.b", json!({"streams": ["1"]}), StatusCode::BAD_REQUEST),
        ("large", json!({"users": vec!["x"; 200_000]}), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        assert_eq!(save(&guarded, name, &alice, &body).await, status, "{name}");
    }
    let list = json_of(send(&guarded, Method::GET, "", &alice, None).await).await;
    assert_eq!(list["feeds"].as_array().unwrap().len(), 2, "{list}");
    let no_token = http_client().put(format!("{}/v1/feeds/x", guarded.base)).json(&json!({"streams": ["1"]}));
    assert_eq!(no_token.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[sqlx::test]
async fn all_users_of_an_account_share_its_twenty_saved_filters(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let account = guarded.world.devnet.account("alice");
    let users = [account.to_string(), format!("{account}:1")].map(|subject| guarded.token(&subject, &[], 600));
    let body = json!({"streams": ["1"]});
    for (number, user) in (0..20).zip(users.iter().cycle()) {
        assert_eq!(save(&guarded, &format!("f{number}"), user, &body).await, StatusCode::CREATED);
    }
    for user in &users {
        assert_eq!(save(&guarded, "one-more", user, &body).await, StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(save(&guarded, "f0", &users[0], &body).await, StatusCode::OK, "a replacement takes no place");
    assert_eq!(save(&guarded, "f0", &guarded.token_of("bob"), &body).await, StatusCode::CREATED);
    assert_eq!(send(&guarded, Method::DELETE, "/f0", &users[0], None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(save(&guarded, "one-more", &users[1], &body).await, StatusCode::CREATED);
}

#[sqlx::test]
async fn of_filters_that_are_saved_at_once_no_more_are_kept_than_there_may_be(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let share = Share { holder: "alice", most: 5 };
    let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let users = [guarded.world.devnet.account("bob")];
    let saving =
        names.iter().map(|name| guarded.world.store.save_filter(("alice", name.as_str()), (&[], &users), share));
    futures_util::future::try_join_all(saving).await.unwrap();
    assert_eq!(guarded.world.store.saved_filters_of("alice").await.unwrap().len(), 5);
}

#[sqlx::test]
async fn a_saved_filter_is_subscribed_to_in_every_way_together_with_types_and_more(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let reader = guarded.token("a reader", &[Scope::ReadAll], 600);
    let mut users = strangers(4_999);
    users.push(guarded.world.devnet.account("bob").to_string());
    assert_eq!(save(&guarded, "payroll", &reader, &json!({"users": users})).await, StatusCode::CREATED);
    let url = format!("{}/v1/events/subscribe", guarded.base);
    let filter = json!({"feed": "payroll", "types": ["stream.created"]});
    let first_user = &users[0];
    let requests = async || {
        let ticket = guarded.ticket(&reader, &filter).await;
        [
            http_client().get(format!("{url}?feed=payroll&types=stream.created")).bearer_auth(&reader),
            http_client().post(&url).bearer_auth(&reader).json(&filter),
            http_client().get(format!("{url}?ticket={ticket}&types=stream.created&feed=payroll")),
            http_client()
                .get(format!("{url}?feed=payroll&types=stream.created&users={first_user}"))
                .bearer_auth(&reader),
        ]
    };
    for (request, named) in requests().await.into_iter().zip([json!([]), json!([]), json!([]), json!([first_user])]) {
        let (status, connected) = said(request).await;
        assert_eq!((status, &connected["filter"]["feed"]), (StatusCode::OK, &json!("payroll")));
        assert_eq!(connected["filter"]["users"], named, "what was saved is shown by its name");
    }
    let mut subscribers = Vec::new();
    for request in requests().await {
        subscribers.push(Subscriber::open(request).await.unwrap());
    }
    create(&guarded.world, 1).await;
    guarded.world.call(Call::Pause { stream_id: StreamId(1), caller: None }).await;
    let expected = create(&guarded.world, 1).await;
    for mut subscriber in subscribers {
        let events = subscriber.events(2).await;
        assert!(events.iter().all(|event| event.event.as_deref() == Some("stream.created")), "{events:?}");
        assert_eq!(events[1].feed_id(), expected.last().copied());
    }
}

#[sqlx::test]
async fn a_saved_filter_shows_what_its_owner_may_see_when_it_is_used(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.world.devnet.account("alice");
    let (sees_all, sees_own) = (guarded.token(alice.as_str(), &[Scope::ReadAll], 600), guarded.token_of("alice"));
    let everybody = ["alice", "bob", "carol", "dave"].map(|name| guarded.world.devnet.account(name).to_string());
    let body = json!({"users": everybody, "streams": ["2"]});
    assert_eq!(save(&guarded, "everybody", &sees_all, &body).await, StatusCode::CREATED);
    let mut own = Subscriber::connect_as(&guarded.base, "feed=everybody", None, &sees_own).await;
    let mut all = Subscriber::connect_as(&guarded.base, "feed=everybody", None, &sees_all).await;
    let first = create(&guarded.world, 1).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    let last = create(&guarded.world, 1).await;
    assert_eq!(own.ids(first.len() + last.len()).await, [first.clone(), last.clone()].concat());
    let of_all = all.ids(first.len() + 2 + last.len()).await;
    assert_eq!(
        of_all,
        guarded.world.devnet.events_emitted()[guarded.world.devnet.events_emitted().len() - of_all.len()..]
    );

    let strict = format!("{}/v1/events/subscribe?feed=everybody&strict=true", guarded.base);
    let (status, _) = said(http_client().get(&strict).bearer_auth(&sees_own)).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it may not see stream 2");
    assert_eq!(said(http_client().get(&strict).bearer_auth(&sees_all)).await.0, StatusCode::OK);
    let bob = guarded.token_of("bob");
    let of_another = guarded.get("/v1/events/subscribe?feed=everybody", Some(&bob)).await;
    assert_eq!(of_another.status(), StatusCode::NOT_FOUND);
}

#[sqlx::test]
async fn a_change_of_a_saved_filter_is_for_the_streams_that_are_opened_afterwards(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let reader = guarded.token("a reader", &[Scope::ReadAll], 600);
    let of = |name: &str| json!({"users": [guarded.world.devnet.account(name)]});
    save(&guarded, "f", &reader, &of("bob")).await;
    let mut before = Subscriber::connect_as(&guarded.base, "feed=f", None, &reader).await;
    let ticket = guarded.ticket(&reader, &json!({"feed": "f"})).await;
    save(&guarded, "f", &reader, &of("dave")).await;
    let mut after = Subscriber::connect_as(&guarded.base, "feed=f", None, &reader).await;
    let mut by_ticket = Subscriber::connect(&guarded.base, &format!("ticket={ticket}"), None).await;
    let of_bob = create(&guarded.world, 1).await;
    guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let emitted = guarded.world.devnet.events_emitted();
    let of_dave = &emitted[emitted.len() - 2..];
    assert_eq!(before.ids(of_bob.len()).await, of_bob);
    assert_eq!((after.ids(2).await, by_ticket.ids(2).await), (of_dave.to_vec(), of_dave.to_vec()));

    let ticket = guarded.ticket(&reader, &json!({"feed": "f"})).await;
    send(&guarded, Method::DELETE, "/f", &reader, None).await;
    let gone = guarded.get(&format!("/v1/events/subscribe?ticket={ticket}"), None).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    let more = create(&guarded.world, 1).await;
    assert_eq!(before.ids(more.len()).await, more, "an open stream keeps its filter");
}

#[sqlx::test]
async fn without_a_subject_there_are_no_saved_filters(pool: PgPool) {
    let (_world, base) = small_world(pool, GatewaySettings::default()).await;
    let feeds = |base: &str| http_client().put(format!("{base}/v1/feeds/f")).json(&json!({"streams": ["1"]}));
    let by_name = |base: &str| http_client().get(format!("{base}/v1/events/subscribe?feed=f"));
    for request in [feeds(&base), by_name(&base), http_client().get(format!("{base}/v1/feeds"))] {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    }
}

#[sqlx::test]
async fn a_caller_who_needs_no_token_has_no_saved_filters_without_one(pool: PgPool) {
    let access = Access { requires_token: false, flags: &["--visibility", "public"], ..Access::default() };
    let guarded = Guarded::new(pool, &access).await;
    for path in ["/v1/feeds", "/v1/feeds/f", "/v1/events/subscribe?feed=f"] {
        assert_eq!(guarded.get(path, None).await.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let alice = guarded.token_of("alice");
    assert_eq!(save(&guarded, "f", &alice, &json!({"streams": ["1"]})).await, StatusCode::CREATED);
    assert_eq!(guarded.get("/v1/events/subscribe?feed=f", Some(&alice)).await.status(), StatusCode::OK);
}
