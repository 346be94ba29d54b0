//! Queries: formats, pages and refusals.

use flowfi_indexer::{devnet::Call, domain::StreamId, http::LocalRoutes};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{GatewaySettings, World, http_client};

async fn get(url: &str) -> (u16, Value) {
    let answer = http_client().get(url).send().await.unwrap();
    let status = answer.status().as_u16();
    let content_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let expected = if status < 400 { "application/json" } else { "application/problem+json" };
    assert_eq!(content_type, expected, "{url}");
    (status, answer.json().await.unwrap())
}

async fn world(pool: PgPool) -> (World, String) {
    let mut world = World::new(pool).await;
    for stream in 0..5 {
        world.create("alice", if stream < 3 { "bob" } else { "carol" }, 1_000_000, 100).await;
    }
    world.call(Call::Pause { stream_id: StreamId(2), caller: None }).await;
    world.call(Call::Cancel { stream_id: StreamId(3), caller: None }).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    (world, base)
}

#[sqlx::test]
async fn a_stream_is_shown_as_at_the_last_ledger_with_its_latest_events(pool: PgPool) {
    let (world, base) = world(pool).await;
    let (status, stream) = get(&format!("{base}/v1/streams/2")).await;
    assert_eq!(status, 200);
    assert_eq!((&stream["id"], &stream["status"], &stream["isPaused"]), (&json!("2"), &json!("paused"), &json!(true)));
    assert_eq!(stream["depositedAmount"], "997500");
    assert_eq!(stream["endTime"], Value::Null, "unknown while paused");
    assert_eq!(stream["calculatedAt"], world.devnet.latest_closed_at().0);
    let types: Vec<_> = stream["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["stream.paused", "stream.created", "stream.fee_collected"]);
    assert_eq!(stream["events"][0]["eventType"], "PAUSED");
    let by_contract = format!("{base}/v1/streams/{}:2", world.devnet.contract_id());
    assert_eq!(get(&by_contract).await.1, stream);
    assert_eq!(get(&format!("{base}/streams/2")).await.1, stream, "the unversioned link");
    assert_eq!(get(&format!("{base}/v1/streams/3")).await.1["status"], "cancelled");
}

#[sqlx::test]
async fn pages_follow_each_other_without_gaps_or_duplicates(pool: PgPool) {
    let (world, base) = world(pool).await;
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, page) = get(&format!("{base}/v1/events?limit=4{cursor}")).await;
        assert_eq!(page["total"], world.devnet.events_emitted().len());
        ids.extend(page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()));
        if page["hasMore"] == false {
            assert_eq!(page["nextCursor"], Value::Null);
            break;
        }
        cursor = format!("&cursor={}", page["nextCursor"].as_str().unwrap());
    }
    let newest_first: Vec<_> = world.devnet.events_emitted().iter().rev().map(ToString::to_string).collect();
    assert_eq!(ids, newest_first);
    let (_, second) = get(&format!("{base}/v1/streams?limit=2&offset=2")).await;
    let numbers: Vec<_> = second["data"].as_array().unwrap().iter().map(|stream| stream["id"].clone()).collect();
    assert_eq!(numbers, ["3", "2"]);
    assert_eq!((&second["total"], &second["hasMore"], &second["offset"]), (&json!(5), &json!(true), &json!(2)));
}

#[sqlx::test]
async fn lists_are_filtered_by_their_parameters(pool: PgPool) {
    let (world, base) = world(pool).await;
    let (alice, carol) = (world.devnet.account("alice"), world.devnet.account("carol"));
    let total = |path: String| {
        let url = format!("{base}{path}");
        async move { get(&url).await.1["total"].clone() }
    };
    assert_eq!(total(format!("/v1/streams?recipient={carol}")).await, 2);
    assert_eq!(total(format!("/v1/streams?sender={carol}")).await, 0);
    assert_eq!(total(format!("/v1/streams?user={carol}&sender={alice}&token={}", world.token())).await, 2);
    assert_eq!(total(format!("/v1/events?address={carol}&type=stream.created")).await, 2);
    assert_eq!(total("/v1/streams/2/events?type=stream.paused,stream.created".to_owned()).await, 2);
    assert_eq!(total("/v1/streams/77/events".to_owned()).await, 0);
}

#[sqlx::test]
async fn breaking_a_rule_is_a_problem_that_names_the_parameter(pool: PgPool) {
    let (world, base) = world(pool).await;
    let alice = world.devnet.account("alice");
    let newest_first = get(&format!("{base}/v1/streams?limit=1")).await.1["nextCursor"].as_str().unwrap().to_owned();
    let many: Vec<String> = (0..501).map(|number| number.to_string()).collect();
    let cases = [
        ("/v1/streams?limit=0".to_owned(), "limit"),
        ("/v1/streams?limit=201".to_owned(), "limit"),
        ("/v1/streams?limit=1&limit=2".to_owned(), "limit"),
        ("/v1/streams?limit=%2B5".to_owned(), "limit"),
        ("/v1/streams?limit=".to_owned(), "limit"),
        ("/v1/streams?limit=99999999999999999999".to_owned(), "limit"),
        ("/v1/streams?offset=-1".to_owned(), "offset"),
        ("/v1/streams?offset=%2B1".to_owned(), "offset"),
        ("/v1/auth?account=x&memo=1".to_owned(), "account"),
        (format!("/v1/auth?account={alice}&memo=%2B1"), "memo"),
        ("/v1/events?fromLedger=%2B1".to_owned(), "fromLedger"),
        ("/v1/streams/1/corrections?limit=1".to_owned(), "limit"),
        ("/v1/events/stats?limit=1".to_owned(), "limit"),
        ("/v1/status?limit=1".to_owned(), "limit"),
        (format!("/v1/streams?offset=1&cursor={}", world.devnet.events_emitted()[0]), "offset"),
        ("/v1/streams?cursor=1".to_owned(), "cursor"),
        ("/v1/streams?sender=GABC".to_owned(), "sender"),
        ("/v1/streams?colour=red".to_owned(), "colour"),
        ("/v1/streams/seven".to_owned(), "id"),
        ("/v1/streams/18446744073709551616".to_owned(), "id"),
        (format!("/v1/streams/{alice}:1"), "id"),
        ("/v1/events?type=stream.exploded".to_owned(), "type"),
        ("/v1/streams?sort=colour".to_owned(), "sort"),
        ("/v1/streams?order=up".to_owned(), "order"),
        ("/v1/streams?status=Active".to_owned(), "status"),
        ("/v1/streams?endsBefore=18446744073709551616".to_owned(), "endsBefore"),
        ("/v1/streams?endsBefore=1.5".to_owned(), "endsBefore"),
        (format!("/v1/streams?sender={}A", &alice.as_str()[..55]), "sender"),
        (format!("/v1/streams?sort=endTime&cursor={newest_first}"), "cursor"),
        (format!("/v1/streams?order=asc&cursor={newest_first}"), "cursor"),
        ("/v1/streams?cursor=Y3JlYXRlZEF0".to_owned(), "cursor"),
        ("/v1/streams?offset=10001".to_owned(), "offset"),
        ("/v1/streams/%FF".to_owned(), "path"),
        ("/v1/streams/1/claimable?at=-1".to_owned(), "at"),
        ("/v1/streams/1/claimable?at=soon".to_owned(), "at"),
        ("/v1/streams/x/claimable".to_owned(), "id"),
        ("/v1/streams/1/events?address=1".to_owned(), "address"),
        (format!("/v1/users/{}/summary", &alice.as_str()[1..]), "address"),
        (format!("/v1/users/{alice}/summary?at=1"), "at"),
        ("/v1/events?fromLedger=4294967296".to_owned(), "fromLedger"),
        ("/v1/events?fromLedger=4000000000".to_owned(), "fromLedger"),
        ("/v1/events?toLedger=2147483648".to_owned(), "toLedger"),
        ("/v1/events?fromLedger=2&toLedger=1".to_owned(), "toLedger"),
        ("/v1/events?token=native".to_owned(), "token"),
        (format!("/v1/events?token={}", world.token()), "token"),
        ("/v1/events?order=newest".to_owned(), "order"),
        (format!("/v1/events?cursor={newest_first}"), "cursor"),
        (format!("/v1/events?cursor={}.1", world.devnet.events_emitted()[0]), "cursor"),
        ("/v1/events/subscribe?streams=-1".to_owned(), "streams"),
        (format!("/v1/events/subscribe?streams={}", many.join(",")), "streams"),
        ("/v1/events/subscribe?users=G".to_owned(), "users"),
        ("/v1/events/subscribe?all=yes".to_owned(), "all"),
        ("/v1/events/subscribe?all=true&types=created".to_owned(), "types"),
    ];
    for (path, parameter) in cases {
        let (status, problem) = get(&format!("{base}{path}")).await;
        assert_eq!((status, &problem["status"]), (400, &json!(400)), "{path}");
        assert_eq!(problem["parameter"], parameter, "{path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.len() > 10 && !detail.contains("found in string"), "{problem}");
    }
    let twice = many[..500].iter().chain(&many[..500]).cloned().collect::<Vec<_>>().join(",");
    let subscribed = http_client().get(format!("{base}/v1/events/subscribe?streams={twice}")).send().await.unwrap();
    assert_eq!(subscribed.status(), 200, "the same streams twice are five hundred streams");
    assert_eq!(get(&format!("{base}/v1/events/subscribe?all=false")).await.0, 400, "no condition at all");
    assert_eq!(get(&format!("{base}/v1/streams/77")).await.0, 404);
    assert_eq!(get(&format!("{base}/v1/nothing")).await.0, 404);
}

#[sqlx::test]
async fn a_client_that_does_not_accept_an_event_stream_does_not_get_one(pool: PgPool) {
    let (_world, base) = world(pool).await;
    let ask = |accept: &'static str| {
        let request = http_client().get(format!("{base}/v1/events/subscribe?all=true")).header("accept", accept);
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(ask("application/json").await, 406);
    assert_eq!(ask("*/*").await, 200);
    assert_eq!(ask("text/html, text/event-stream;q=0.9").await, 200);
}

#[sqlx::test]
async fn streams_are_created_on_chain_and_only_locally_by_post(pool: PgPool) {
    let (mut world, base) = world(pool).await;
    let body = json!({
        "sender": world.devnet.account("alice"), "recipient": world.devnet.account("bob"),
        "tokenAddress": world.token(), "ratePerSecond": "10", "depositedAmount": "1005", "startTime": 7,
    });
    for path in ["/v1/streams", "/streams"] {
        let answer = http_client().post(format!("{base}{path}")).json(&body).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["allow"]),
            (405, &"GET,HEAD".parse().unwrap()),
            "{path}"
        );
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains("on chain"), "{path}: {problem}");
    }

    let devnet = world.devnet.clone();
    let local = LocalRoutes::Devnet(devnet.router().merge(devnet.quick_start_router()));
    let base = world.start_gateway_with(GatewaySettings::default(), local).await;
    let other = http_client().post(format!("{base}/v1/streams")).header("content-type", "text/plain").body("{}");
    let other = other.send().await.unwrap();
    assert_eq!(other.status(), 415);
    assert_eq!(other.json::<Value>().await.unwrap()["parameter"], "content-type");
    let large = http_client().post(format!("{base}/v1/streams")).json(&"x".repeat(600_000)).send().await.unwrap();
    assert_eq!(large.status(), 413);
    assert_eq!(large.json::<Value>().await.unwrap()["status"], 413);
    let post = http_client().post(format!("{base}/v1/streams")).json(&body).send();
    let close = crate::world::eventually("the call waits for its ledger", || async {
        devnet.close_ledger().unwrap();
        devnet.stream_count() == 6
    });
    let (answer, ()) = tokio::join!(post, close);
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 201);
    let created: Value = answer.json().await.unwrap();
    assert_eq!(created["streamId"], "6");
    world.indexed().await;
    let (_, stream) = get(&format!("{base}/v1/streams/6")).await;
    assert_eq!((&stream["ratePerSecond"], &stream["depositedAmount"]), (&created["ratePerSecond"], &json!("1003")));
}

#[sqlx::test]
async fn a_page_of_another_site_cannot_change_the_local_network(pool: PgPool) {
    let world = World::new(pool).await;
    let base = world.rpc_url.strip_suffix("/devnet/rpc").unwrap();
    let post = |origin: String| {
        let request = http_client().post(format!("{base}/devnet/ledgers")).header("origin", origin);
        async { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post("https://elsewhere.example".to_owned()).await, 403);
    assert_eq!(post("null".to_owned()).await, 403);
    assert_eq!(post(base.to_owned()).await, 200);
}

#[sqlx::test]
async fn a_method_that_a_route_does_not_accept_is_a_problem_on_every_route(pool: PgPool) {
    let (_world, base) = world(pool).await;
    let (_, document) = get(&format!("{base}/openapi.json")).await;
    let described = document["paths"].as_object().unwrap().keys().map(|path| path.replace("{id}", "1"));
    let paths: Vec<String> = described.chain(["/".to_owned(), "/openapi.json".to_owned()]).collect();
    assert!(
        ["/v1/auth", "/.well-known/stellar.toml"].iter().all(|path| paths.contains(&(*path).to_owned())),
        "{paths:?}"
    );
    for path in paths {
        let refused = http_client().patch(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(refused.status(), 405, "{path}");
        assert!(refused.headers().contains_key("allow"), "{path}");
        assert_eq!(refused.headers()["content-type"], "application/problem+json", "{path}");
        assert_eq!(
            refused.json::<Value>().await.unwrap()["detail"],
            "this route does not accept that method",
            "{path}"
        );
    }
}

#[sqlx::test]
async fn a_target_that_names_a_wrong_host_is_refused_like_a_wrong_host(pool: PgPool) {
    let (_world, base) = world(pool).await;
    let address = base.strip_prefix("http://").unwrap();
    for (target, status) in [
        ("http://user@evil.example:x/v1/status", "400"),
        ("http://evil.example:x/v1/status", "400"),
        ("http://any.example/v1/status", "200"),
    ] {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: any.example\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{target}: {answer}");
    }
}
