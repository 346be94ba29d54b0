//! When a ticket is spent, and how many of what it may have a subject gets where it asks for many at once.

use std::cell::Cell;

use flowfi_indexer::{
    auth::Scope,
    domain::UnixTime,
    http::{LimitArgs, Limits},
    store::{ApiKeyAdmission, ApiKeyRow, ApiKeyShare, Share, Store, StoreError, TicketRow},
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

async fn status(base: &str, query: &str) -> StatusCode {
    http_client().get(format!("{base}/v1/events/subscribe?{query}")).send().await.unwrap().status()
}

/// A gateway at which each subject may have one event stream open, and no other limit is reached.
async fn one_place_a_subject(guarded: &mut Guarded) -> String {
    let args = LimitArgs { requests_per_second: 0, max_connections: 0, max_connections_per_ip: 0, ..limits() };
    let limits = Limits::new(&LimitArgs { max_connections_per_subject: 1, ..args });
    let auth = auth(&guarded.world, &Access::default());
    let settings = GatewaySettings { limits, auth: Some(auth), ..GatewaySettings::default() };
    guarded.world.start_gateway(settings).await
}

#[sqlx::test]
async fn an_empty_item_of_a_filter_is_refused_everywhere_and_widens_nothing(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let alice = guarded.token_of("alice");
    for (name, filter) in [
        ("types", json!({"types": [""]})),
        ("streams", json!({"streams": [""]})),
        ("users", json!({"users": ["", ""]})),
    ] {
        let refused = guarded.post("/v1/events/tickets", Some(&alice), &filter).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{filter}");
        assert_eq!(refused.json::<Value>().await.unwrap()["parameter"], name, "{filter}");
    }
    for path in
        ["/v1/events?type=", "/v1/events?type=,", "/v1/events/subscribe?types=", "/v1/events/subscribe?streams=1,"]
    {
        let refused = guarded.get(path, Some(&alice)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
    }
}

#[sqlx::test]
async fn a_ticket_whose_filter_names_nothing_is_refused_and_one_without_a_filter_is_of_what_a_subscription_is(
    pool: PgPool,
) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let (alice, reader) = (guarded.token_of("alice"), guarded.token("a reader", &[Scope::ReadAll], 600));
    for filter in [
        json!({"all": false}),
        json!({"streams": []}),
        json!({"users": []}),
        json!({"all": false, "streams": [], "users": [], "types": []}),
        json!({"streams": [], "types": ["stream.created"]}),
        json!({"streams": null}),
        json!({"all": null}),
    ] {
        for token in [&alice, &reader] {
            let refused = guarded.post("/v1/events/tickets", Some(token), &filter).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{filter}");
        }
    }
    let own = format!("users={}", guarded.world.devnet.account("alice"));
    for (token, filter, meant) in [
        (&alice, json!({}), own.as_str()),
        (&alice, json!({"types": []}), &own),
        (&alice, json!({"all": true, "streams": [], "users": []}), "all=true"),
        (&alice, json!({"all": false, "streams": ["7"], "users": []}), "streams=7"),
        (&reader, json!({}), "all=true"),
    ] {
        guarded.ticket(token, &filter).await;
        let kept = sqlx::query_scalar::<_, String>("delete from tickets returning filter");
        assert_eq!(kept.fetch_one(&guarded.world.pool).await.unwrap(), meant, "{filter}");
    }
}

#[sqlx::test]
async fn a_ticket_is_spent_only_when_its_subscription_is_accepted(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    let base = one_place_a_subject(&mut guarded).await;
    let alice = guarded.token_of("alice");
    let ticket = format!("ticket={}", guarded.ticket(&alice, &json!({"streams": ["99"]})).await);
    for (more, refused) in [
        ("all=true", StatusCode::UNAUTHORIZED),
        ("streams=x", StatusCode::BAD_REQUEST),
        ("strict=maybe", StatusCode::BAD_REQUEST),
        ("strict=true", StatusCode::NOT_FOUND),
        ("lastEventId=1&lastEventId=2", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(status(&base, &format!("{ticket}&{more}")).await, refused, "{more}");
    }
    let only_place = Subscriber::connect_as(&base, "all=true", None, &alice).await;
    assert_eq!(status(&base, &ticket).await, StatusCode::TOO_MANY_REQUESTS);
    drop(only_place);
    eventually("its place is free", || async { status(&base, &ticket).await == StatusCode::OK }).await;
    eventually("its place is free again", || async {
        let status = status(&base, &ticket).await;
        assert_ne!(status, StatusCode::OK, "it is spent");
        status == StatusCode::UNAUTHORIZED
    })
    .await;
}

#[sqlx::test]
async fn whoever_has_a_ticket_is_told_what_is_wrong_with_the_rest_of_the_request(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let ticket = guarded.ticket(&guarded.token_of("alice"), &json!({"streams": ["99"]})).await;
    let status = async |query: &str, accept: &str| {
        let path = format!("{}/v1/events/subscribe?{query}", guarded.base);
        http_client().get(path).header("accept", accept).send().await.unwrap().status()
    };
    for (credential, parameter, media_type) in [
        (format!("ticket={ticket}"), StatusCode::BAD_REQUEST, StatusCode::NOT_ACCEPTABLE),
        ("ticket=made-up".to_owned(), StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
        (String::new(), StatusCode::UNAUTHORIZED, StatusCode::UNAUTHORIZED),
    ] {
        assert_eq!(status(&format!("{credential}&colour=red"), "text/event-stream").await, parameter, "{credential}");
        assert_eq!(status(&credential, "application/json").await, media_type, "{credential}");
    }
    assert_eq!(status(&format!("ticket={ticket}"), "text/event-stream").await, StatusCode::OK, "it was not spent");
}

#[sqlx::test]
async fn of_those_who_come_with_one_ticket_at_once_one_gets_in(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let ticket = guarded.ticket(&guarded.token_of("alice"), &json!({"all": true})).await;
    let query = format!("ticket={ticket}");
    let answers = join_all((0..20).map(|_| status(&guarded.base, &query))).await;
    assert_eq!(answers.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{answers:?}");
}

/// Tokens of an account, of users of it by memo, and of one by muxed address.
fn users_of_one_account(guarded: &Guarded) -> Vec<String> {
    let account = guarded.world.devnet.account("alice");
    let key = stellar_strkey::ed25519::PublicKey::from_string(account.as_str()).unwrap();
    let muxed = stellar_strkey::ed25519::MuxedAccount { ed25519: key.0, id: 7 };
    let subjects =
        [account.to_string(), format!("{account}:1"), format!("{account}:2"), muxed.to_string().as_str().to_owned()];
    subjects.iter().map(|subject| guarded.token(subject, &[], 3_600)).collect()
}

#[sqlx::test]
async fn users_of_one_account_share_its_places_for_event_streams(pool: PgPool) {
    let mut guarded = Guarded::new(pool, &Access::default()).await;
    guarded.base = one_place_a_subject(&mut guarded).await;
    for holder in users_of_one_account(&guarded) {
        let only_place = Subscriber::connect_as(&guarded.base, "all=true", None, &holder).await;
        for other in users_of_one_account(&guarded) {
            let refused = guarded.get("/v1/events/subscribe?all=true", Some(&other)).await;
            assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        }
        let of_another = guarded.get("/v1/events/subscribe?all=true", Some(&guarded.token_of("bob"))).await;
        assert_eq!(of_another.status(), StatusCode::OK);
        drop((only_place, of_another));
        let is_free =
            || async { guarded.get("/v1/events/subscribe?all=true", Some(&holder)).await.status() == StatusCode::OK };
        eventually("its place is free", is_free).await;
    }
}

#[sqlx::test]
async fn users_of_one_account_share_its_tickets_and_its_api_keys(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let users = users_of_one_account(&guarded);
    let filter = json!({"all": true});
    for (path, body, most) in [("/v1/events/tickets", filter, 50), ("/v1/api-keys", json!({"name": "a key"}), 20)] {
        let made = async |token: &str| guarded.post(path, Some(token), &body).await.status();
        for (_, user) in (0..most).zip(users.iter().cycle()) {
            assert_eq!(made(user).await, StatusCode::CREATED, "{path}");
        }
        for user in &users {
            assert_eq!(made(user).await, StatusCode::TOO_MANY_REQUESTS, "{path}");
        }
        assert_eq!(made(&guarded.token_of("bob")).await, StatusCode::CREATED, "{path}");
    }
}

const MOST: u32 = 3;
const SHARE: Share<'_> = Share { holder: "alice", most: MOST };
const NOW: UnixTime = UnixTime(1_000);

async fn put_ticket(store: &Store, hash: [u8; 32]) -> Result<bool, StoreError> {
    let token = json!({"subject": SHARE.holder});
    let ticket = TicketRow { token, filter: String::new(), expires_at: UnixTime(2_000) };
    store.put_ticket(&hash, &ticket, NOW, SHARE).await
}

async fn put_api_key(store: &Store, hash: [u8; 32]) -> Result<bool, StoreError> {
    let key = ApiKeyRow {
        id: hash[0].to_string(),
        subject: SHARE.holder.to_owned(),
        name: String::new(),
        scopes: String::new(),
        created_by: SHARE.holder.to_owned(),
        issued_at: NOW,
        issued_by: None,
        expires_at: UnixTime(2_000),
        last_used_at: None,
    };
    let admission = store.put_api_key(&key, &hash, ApiKeyShare { at_once: SHARE, most_in_a_day: 100 }).await?;
    Ok(admission == ApiKeyAdmission::Kept)
}

/// Asks for two where there is room for one, the second while the first is held where it has counted and writes its row.
async fn race_for_the_last(
    pool: &PgPool,
    insert: &str,
    put: impl AsyncFn(&Store, [u8; 32]) -> Result<bool, StoreError>,
) {
    let store = Store::on(pool.clone());
    for number in 1..MOST {
        assert!(put(&store, [u8::try_from(number).unwrap(); 32]).await.unwrap());
    }
    let (first, second) = ([100; 32], [101; 32]);
    #[expect(clippy::disallowed_methods, reason = "nobody drops it while it begins")]
    let mut holder = pool.begin().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(insert)).bind(&first[..]).execute(&mut *holder).await.unwrap();
    let is_second_done = Cell::new(false);
    let waiting = async || {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap()
    };
    let ask_for_the_second = async {
        eventually("the first is held", || async { waiting().await == 1 }).await;
        let outcome = put(&store, second).await;
        is_second_done.set(true);
        outcome
    };
    let let_go = async {
        let is_held = || async { is_second_done.get() || waiting().await == 2 };
        eventually("the second waits, or has not", is_held).await;
        holder.rollback().await.unwrap();
    };
    let (first, second, ()) = tokio::join!(put(&store, first), ask_for_the_second, let_go);
    let kept = [first.unwrap(), second.unwrap()];
    assert_eq!(kept.into_iter().filter(|is_kept| *is_kept).count(), 1, "{kept:?}");
}

#[sqlx::test]
async fn a_subject_that_asks_at_once_gets_no_more_tickets_than_its_share(pool: PgPool) {
    let insert = "insert into tickets (hash, token, filter, expires_at) values ($1, '{}', '', 2000)";
    race_for_the_last(&pool, insert, put_ticket).await;
}

#[sqlx::test]
async fn a_subject_that_asks_at_once_gets_no_more_api_keys_than_its_share(pool: PgPool) {
    let insert = "insert into api_keys (id, subject, name, scopes, hash, created_by, issued_at, expires_at)
                  values ('held', 'bob', '', '', $1, 'bob', 0, 2000)";
    race_for_the_last(&pool, insert, put_api_key).await;
}
