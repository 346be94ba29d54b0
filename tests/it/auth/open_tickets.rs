//! Tickets for callers without a token: how a page of a service that asks for none uses a filter that no URL has room for.

use flowfi_indexer::{
    http::{LimitArgs, Limits},
    store::Store,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded};
use crate::{
    limits::limits,
    subscribe::{create, small_world},
    world::{GatewaySettings, Subscriber, http_client},
};

async fn issue(base: &str, filter: &Value) -> String {
    let answer = http_client().post(format!("{base}/v1/events/tickets")).json(filter).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    answer.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned()
}

async fn status(method: Method, base: &str, query: &str) -> StatusCode {
    http_client().request(method, format!("{base}/v1/events/subscribe?{query}")).send().await.unwrap().status()
}

#[sqlx::test]
async fn without_authentication_a_ticket_is_valid_once_for_its_filter(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let ids = create(&world, 2).await;
    let ticket = issue(&base, &json!({"streams": ["2"], "types": ["stream.created"]})).await;
    let ticket = format!("ticket={ticket}");
    assert_eq!(status(Method::GET, &base, &format!("{ticket}&all=true")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(Method::HEAD, &base, &ticket).await, StatusCode::OK);
    let start = Some(ids[0].to_string());
    let mut subscriber = Subscriber::connect(&base, &ticket, start.as_deref()).await;
    let event = subscriber.events(1).await.pop().unwrap();
    assert_eq!((event.event.as_deref(), event.feed_id()), (Some("stream.created"), ids.last().copied()));
    assert_eq!(status(Method::GET, &base, &ticket).await, StatusCode::UNAUTHORIZED, "it is spent");
}

#[sqlx::test]
async fn a_ticket_of_a_posted_filter_carries_as_many_addresses_as_a_subscription_may_name(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let others = (0..499_u16).map(|number| {
        let [high, low] = number.to_be_bytes();
        stellar_strkey::ed25519::PublicKey([high, low].repeat(16).try_into().unwrap()).to_string()
    });
    let mut users: Vec<String> = others.map(|address| address.as_str().to_owned()).collect();
    users.push(world.devnet.account("bob").to_string());
    let ticket = issue(&base, &json!({"users": users})).await;
    let mut subscriber = Subscriber::connect(&base, &format!("ticket={ticket}"), None).await;
    let ids = create(&world, 1).await;
    assert_eq!(subscriber.ids(ids.len()).await, ids);
}

#[sqlx::test]
async fn a_ticket_without_a_token_expires_too(pool: PgPool) {
    let (world, base) = small_world(pool, GatewaySettings::default()).await;
    let ticket = format!("ticket={}", issue(&base, &json!({"all": true})).await);
    let late = sqlx::query("update tickets set expires_at = expires_at - 61").execute(&world.pool).await.unwrap();
    assert_eq!(late.rows_affected(), 1);
    assert_eq!(status(Method::GET, &base, &ticket).await, StatusCode::UNAUTHORIZED);
    issue(&base, &json!({"all": true})).await;
    let left: i64 = sqlx::query_scalar("select count(*) from tickets").fetch_one(&world.pool).await.unwrap();
    assert_eq!(left, 1, "the next one removes it");
}

#[sqlx::test]
async fn each_address_without_a_token_has_a_share_of_tickets_and_no_address_is_stored(pool: PgPool) {
    let limits = Limits::new(&LimitArgs { requests_per_second: 0, ..limits() });
    let (world, base) = small_world(pool, GatewaySettings { limits, ..GatewaySettings::default() }).await;
    let from = |address: &str| -> RequestBuilder {
        let request = http_client().post(format!("{base}/v1/events/tickets")).json(&json!({"all": true}));
        request.header("x-forwarded-for", address)
    };
    for _ in 0..50 {
        assert_eq!(from("203.0.113.5").send().await.unwrap().status(), StatusCode::CREATED);
    }
    let refused = from("203.0.113.5").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(from("203.0.113.6").send().await.unwrap().status(), StatusCode::CREATED);
    let shown = "select count(*) from tickets where holder like '%203.0.113%'";
    let shown: i64 = sqlx::query_scalar(shown).fetch_one(&world.pool).await.unwrap();
    assert_eq!(shown, 0);
}

#[sqlx::test]
async fn a_ticket_without_a_token_shows_what_its_holder_may_see_without_one(pool: PgPool) {
    let public = Access { requires_token: false, flags: &["--visibility", "public"], ..Access::default() };
    let mut guarded = Guarded::new(pool, &public).await;
    let only_own = guarded.another_gateway(&Access { requires_token: false, ..Access::default() }).await;
    let closed = guarded.another_gateway(&Access::default()).await;
    let base = guarded.base.clone();
    let before = create(&guarded.world, 1).await;
    let resumed = Some(before[0].to_string());
    let ticket = async || format!("ticket={}", issue(&base, &json!({"all": true})).await);

    let mut subscriber = Subscriber::connect(&base, &ticket().await, resumed.as_deref()).await;
    assert_eq!(subscriber.ids(before.len() - 1).await, before[1..]);
    assert_eq!(status(Method::GET, &closed, &ticket().await).await, StatusCode::UNAUTHORIZED, "it needs a token");
    let mut blind = Subscriber::connect(&only_own, &ticket().await, resumed.as_deref()).await;
    create(&guarded.world, 1).await;
    guarded.world.stop_all().await;
    while let Some(frame) = blind.next().await {
        assert_eq!(frame.feed_id(), None, "without a token it sees nothing");
    }
}

#[sqlx::test]
async fn a_gateway_that_may_only_read_its_database_says_that_it_issues_no_tickets(pool: PgPool) {
    let (mut world, _) = small_world(pool, GatewaySettings::default()).await;
    let options = (*world.pool.connect_options()).clone().options([("default_transaction_read_only", "on")]);
    world.store = Store::on(PgPool::connect_with(options).await.unwrap());
    let base = world.start_gateway(GatewaySettings::default()).await;
    let answer = http_client().post(format!("{base}/v1/events/tickets")).json(&json!({"all": true}));
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::NOT_IMPLEMENTED);
    assert_eq!(status(Method::GET, &base, "all=true").await, StatusCode::OK, "all else is answered");
}
