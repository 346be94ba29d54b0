//! Every combination of caller, visibility and route: each caller sees exactly what it may see.

use std::collections::BTreeSet;

use flowfi_indexer::{
    auth::Scope,
    devnet::{Call, ContractCode, DevnetArgs, Fault},
    domain::{EventId, StreamId},
};
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::PgPool;

use super::{Access, Guarded};
use crate::world::{Subscriber, World};

/// Streams by sender and recipient, numbered from 1.
const STREAMS: [(&str, &str); 4] = [("alice", "bob"), ("carol", "dave"), ("bob", "carol"), ("alice", "alice")];
const ALL: [u64; 4] = [1, 2, 3, 4];

/// A caller, its token, and the streams that it may see.
struct Case {
    name: &'static str,
    token: Option<String>,
    own: Vec<u64>,
}

fn cases(guarded: &Guarded) -> Vec<Case> {
    let devnet = &guarded.world.devnet;
    let case = |name, token, own: &[u64]| Case { name, token: Some(token), own: own.to_vec() };
    let (of_pool, contract) = (format!("{}:7", devnet.account("alice")), devnet.contract_id());
    vec![
        Case { name: "nobody", token: None, own: Vec::new() },
        case("alice", guarded.token_of("alice"), &[1, 4]),
        case("bob", guarded.token_of("bob"), &[1, 3]),
        case("carol", guarded.token_of("carol"), &[2, 3]),
        case("a stranger", guarded.token_of("frank"), &[]),
        case("a user of alice's pool", guarded.token(&of_pool, &[], 600), &[]),
        case("a contract", guarded.token(contract.as_str(), &[], 600), &[]),
        case("an operator", guarded.token("an operator", &[Scope::Admin], 600), &[]),
        case("a reader of everything", guarded.token("a service", &[Scope::ReadAll], 600), &ALL),
    ]
}

impl Guarded {
    async fn json(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let answer = self.get(path, token).await;
        (answer.status(), answer.json().await.unwrap())
    }

    /// Returns every stream that a list mentions.
    async fn listed(&self, path: &str, token: Option<&str>) -> BTreeSet<u64> {
        let (status, page) = self.json(path, token).await;
        assert_eq!(status, StatusCode::OK, "{path}: {page}");
        let items = page["data"].as_array().or(page["events"].as_array()).unwrap();
        if page["hasMore"] == false && page["offset"] == 0 {
            assert_eq!(page["total"], items.len(), "{path}");
        }
        let number = |item: &Value| item["streamId"].as_str().map(|text| text.parse().unwrap());
        items.iter().filter_map(number).collect()
    }

    async fn listed_as_csv(&self, path: &str, token: Option<&str>) -> BTreeSet<u64> {
        let request = crate::world::http_client().get(format!("{}{path}", self.base)).header("accept", "text/csv");
        let request = token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        let text = request.send().await.unwrap().text().await.unwrap();
        text.lines().skip(1).filter_map(|line| line.split(',').nth(3)?.parse().ok()).collect()
    }

    /// Returns every stream that a subscription replays from the start.
    async fn replayed(&self, query: &str, token: Option<&str>, expected: &BTreeSet<u64>) {
        let first = self.world.devnet.events_emitted()[0];
        let last = EventId::end_of_ledger(first.ledger().previous()).to_string();
        let mut subscriber = match token {
            Some(token) => Subscriber::connect_as(&self.base, query, Some(&last), token).await,
            None => Subscriber::connect(&self.base, query, Some(&last)).await,
        };
        let mut missing = expected.clone();
        while !missing.is_empty() {
            for frame in subscriber.events(1).await {
                let data = frame.data.unwrap();
                // An event without a stream belongs to the protocol itself.
                let Some(stream) = data["streamId"].as_str() else { continue };
                let stream: u64 = stream.parse().unwrap();
                assert!(expected.contains(&stream), "{query} shows stream {stream}");
                missing.remove(&stream);
            }
        }
    }
}

async fn check_lists(guarded: &Guarded, name: &str, token: Option<&str>, seen: &BTreeSet<u64>) {
    let of = |party: &str| {
        let parties = STREAMS.iter().zip(1_u64..);
        let theirs = parties.filter(|((sender, recipient), _)| *sender == party || *recipient == party);
        theirs.map(|(_, number)| number).filter(|number| seen.contains(number)).collect::<BTreeSet<_>>()
    };
    let bob = guarded.world.devnet.account("bob");
    for path in ["/v1/streams", "/streams", "/v1/events", "/v1/streams?status=active", "/v1/streams?sort=endTime"] {
        assert_eq!(guarded.listed(path, token).await, *seen, "{name}: {path}");
    }
    for path in [format!("/v1/streams?user={bob}"), format!("/v1/events?address={bob}")] {
        assert_eq!(guarded.listed(&path, token).await, of("bob"), "{name}: {path}");
    }
    let sent: BTreeSet<u64> = seen.intersection(&[3].into()).copied().collect();
    assert_eq!(guarded.listed(&format!("/v1/streams?sender={bob}"), token).await, sent, "{name}");
    assert_eq!(guarded.listed_as_csv("/v1/events", token).await, *seen, "{name}: CSV");
    let (_, summary) = guarded.json(&format!("/v1/users/{bob}/summary"), token).await;
    let counted = summary["totalStreamsCreated"].as_u64().unwrap() + summary["totalStreamsReceived"].as_u64().unwrap();
    assert_eq!(counted, u64::try_from(of("bob").len()).unwrap(), "{name}: {summary}");
    assert_eq!(summary["nextEnds"].as_array().unwrap().len(), of("bob").len(), "{name}");
}

async fn check_streams(guarded: &Guarded, name: &str, token: Option<&str>, seen: &BTreeSet<u64>) {
    for number in ALL {
        let expected = if seen.contains(&number) { StatusCode::OK } else { StatusCode::NOT_FOUND };
        // Queries to the chain are limited.
        let routes = if number == 1 { &["", "/claimable", "?source=chain"][..] } else { &["", "/claimable"] };
        for rest in routes {
            let path = format!("/v1/streams/{number}{rest}");
            assert_eq!(guarded.get(&path, token).await.status(), expected, "{name}: {path}");
        }
        let events = guarded.listed(&format!("/v1/streams/{number}/events"), token).await;
        assert_eq!(events.contains(&number), seen.contains(&number), "{name}: events of {number}");
        let hidden = guarded.json(&format!("/v1/streams/{number}"), token).await.1;
        let absent = guarded.json("/v1/streams/99", token).await.1;
        if expected == StatusCode::NOT_FOUND {
            let same = absent["detail"].as_str().unwrap().replace("99", &number.to_string());
            assert_eq!(hidden["detail"], same, "{name}: must look like one that does not exist");
        }
    }
}

async fn check_all(guarded: &Guarded, everybody_sees_everything: bool, needs_token: bool) {
    for Case { name, token, own } in cases(guarded) {
        let token = token.as_deref();
        if token.is_none() && needs_token {
            assert_eq!(guarded.get("/v1/streams", None).await.status(), StatusCode::UNAUTHORIZED);
            continue;
        }
        let seen: BTreeSet<u64> = if everybody_sees_everything { ALL.into() } else { own.into_iter().collect() };
        check_lists(guarded, name, token, &seen).await;
        check_streams(guarded, name, token, &seen).await;
        guarded.replayed("all=true", token, &seen).await;
        guarded.replayed("streams=1,2,3,4&types=stream.created", token, &seen).await;
    }
}

async fn with_streams(pool: PgPool, access: &Access) -> Guarded {
    let guarded = Guarded::new(pool, access).await;
    for (sender, recipient) in STREAMS {
        guarded.world.create(sender, recipient, 1_000_000_000, 1_000_000).await;
    }
    guarded.world.indexed().await;
    guarded
}

#[sqlx::test]
async fn participants_see_their_own_streams_on_every_route(pool: PgPool) {
    let guarded = with_streams(pool, &Access::default()).await;
    check_all(&guarded, false, true).await;
}

#[sqlx::test]
async fn without_an_optional_token_no_streams_are_visible(pool: PgPool) {
    let guarded = with_streams(pool, &Access { requires_token: false, ..Access::default() }).await;
    check_all(&guarded, false, false).await;
}

#[sqlx::test]
async fn with_public_visibility_every_caller_with_access_sees_everything(pool: PgPool) {
    let guarded = with_streams(pool, &Access { flags: &["--visibility", "public"], ..Access::default() }).await;
    check_all(&guarded, true, true).await;
}

#[sqlx::test]
async fn live_events_go_to_participants_only_whatever_they_subscribed_to(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let everybody = ["alice", "bob", "carol", "dave"].map(|name| guarded.world.devnet.account(name).to_string());
    let queries = ["all=true".to_owned(), "streams=1,2,3,4".to_owned(), format!("users={}", everybody.join(","))];
    let mut subscribers = Vec::new();
    for (name, own) in [("alice", &[1, 4][..]), ("bob", &[1, 3]), ("carol", &[2, 3])] {
        for query in &queries {
            let token = guarded.token_of(name);
            subscribers.push((name, query, own, Subscriber::connect_as(&guarded.base, query, None, &token).await));
        }
    }
    for (sender, recipient) in STREAMS {
        guarded.world.create(sender, recipient, 1_000_000_000, 1_000_000).await;
    }
    for (name, query, own, mut subscriber) in subscribers {
        let mut seen = Vec::new();
        for frame in subscriber.events(own.len() * 2).await {
            seen.push(frame.data.unwrap()["streamId"].as_str().unwrap().parse::<u64>().unwrap());
        }
        seen.dedup();
        assert_eq!(seen, own, "{name} with {query}");
    }
}

#[sqlx::test]
async fn a_stream_that_changed_hands_shows_each_party_the_same_events_on_every_route(pool: PgPool) {
    let newer = DevnetArgs { contract_code: ContractCode::B, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &newer).await;
    world.devnet.close_ledger().unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let guarded = Guarded::before(world, &Access::default()).await;
    let world = &guarded.world;
    let created = world.create("alice", "bob", 1_000_000, 100).await.events;
    let new_recipient = world.devnet.account("carol");
    let transfer = Call::TransferRecipient { stream_id: StreamId(1), caller: None, new_recipient };
    let transferred = world.call(transfer).await.events;
    world.indexed().await;
    let before = EventId::end_of_ledger(created[0].ledger().previous()).to_string();
    let all = [created.clone(), transferred].concat();
    for (name, sees_the_stream, begins_with) in
        [("alice", true, created[0]), ("bob", false, created[0]), ("carol", true, all[created.len()])]
    {
        let token = guarded.token_of(name);
        let ids = async |path: &str| {
            let (status, page) = guarded.json(path, Some(&token)).await;
            assert_eq!(status, StatusCode::OK, "{name}: {path}");
            let ids = page["events"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().parse().unwrap());
            ids.collect::<Vec<EventId>>()
        };
        let listed = ids("/v1/events?order=asc").await;
        assert_eq!(listed.first(), Some(&begins_with), "{name}");
        assert_eq!(ids("/v1/streams/1/events?order=asc").await, listed, "{name}");
        for query in ["all=true", "streams=1"] {
            let mut subscriber = Subscriber::connect_as(&guarded.base, query, Some(&before), &token).await;
            assert_eq!(subscriber.ids(listed.len()).await, listed, "{name}: {query}");
        }
        if sees_the_stream {
            let newest_first: Vec<EventId> = listed.iter().rev().copied().collect();
            assert_eq!(ids("/v1/streams/1").await, newest_first, "{name}");
        } else {
            assert_eq!(guarded.get("/v1/streams/1", Some(&token)).await.status(), StatusCode::NOT_FOUND);
        }
    }
    let tag =
        async |name: &str| guarded.get("/v1/streams/1", Some(&guarded.token_of(name))).await.headers()["etag"].clone();
    assert_ne!(tag("alice").await, tag("carol").await, "they are shown different events");
}

#[sqlx::test]
async fn a_chain_that_is_away_does_not_tell_streams_of_others_from_absent_ones(pool: PgPool) {
    let guarded = with_streams(pool, &Access::default()).await;
    let carol = guarded.token_of("carol");
    let status =
        async |number: u64| guarded.get(&format!("/v1/streams/{number}?source=chain"), Some(&carol)).await.status();
    let of_others = STREAMS.iter().position(|(sender, recipient)| *sender != "carol" && *recipient != "carol");
    let of_others = u64::try_from(of_others.unwrap()).unwrap() + 1;
    assert_eq!((status(of_others).await, status(99).await), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND));
    guarded.world.devnet.inject(Fault::Status { status: 502, retry_after_seconds: None }, None).unwrap();
    let (away, absent) = (status(of_others).await, status(99).await);
    assert_eq!((away, absent), (StatusCode::SERVICE_UNAVAILABLE, StatusCode::SERVICE_UNAVAILABLE));
}
