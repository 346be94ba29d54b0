//! The chain's own record of a stream over HTTP, compared with ours.

use flowfi_indexer::devnet::{Call, Fault};
use flowfi_indexer::domain::StreamId;
use flowfi_indexer::http::{LimitArgs, Limits};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::world::{GatewaySettings, World, http_client};

async fn world(pool: PgPool, settings: GatewaySettings) -> (World, String) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.call(Call::Pause { stream_id: StreamId(1), caller: None }).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(settings).await;
    (world, base)
}

async fn get(url: &str) -> (u16, Value) {
    let answer = http_client().get(url).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[sqlx::test]
async fn the_chains_record_shows_what_ours_does_and_its_ledger(pool: PgPool) {
    let (world, base) = world(pool, GatewaySettings::default()).await;
    let (_, ours) = get(&format!("{base}/v1/streams/1?source=index")).await;
    let changed_at = world.devnet.latest_ledger();
    world.devnet.close_ledgers(3).unwrap();
    let (status, chains) = get(&format!("{base}/v1/streams/1?source=chain")).await;
    assert_eq!(status, 200, "{chains}");
    let same = [
        "id",
        "streamId",
        "contractId",
        "sender",
        "recipient",
        "tokenAddress",
        "ratePerSecond",
        "depositedAmount",
        "withdrawnAmount",
        "startTime",
        "lastUpdateTime",
        "isActive",
        "isPaused",
        "pausedAt",
    ];
    for field in same {
        assert_eq!(ours[field], chains[field], "{field}");
    }
    assert_eq!((&chains["source"], &chains["chainStatus"]), (&json!("chain"), &json!("paused")));
    assert_eq!(chains["atLedger"], json!(world.devnet.latest_ledger()));
    assert_eq!(chains["lastModifiedLedger"], json!(changed_at));
    assert!(chains["liveUntilLedger"].as_u64() > chains["atLedger"].as_u64());

    sqlx::query("delete from streams").execute(&world.pool).await.unwrap();
    assert_eq!(get(&format!("{base}/v1/streams/1?source=chain")).await.0, 200, "our index is not queried");
}

#[sqlx::test]
async fn an_absent_stream_and_an_unavailable_source_are_problems(pool: PgPool) {
    let (world, base) = world(pool, GatewaySettings::default()).await;
    let (status, problem) = get(&format!("{base}/v1/streams/9?source=chain")).await;
    assert_eq!((status, &problem["status"]), (404, &json!(404)));
    world.devnet.archive_stream(StreamId(1));
    assert_eq!(get(&format!("{base}/v1/streams/1?source=chain")).await.0, 404);
    let other = format!("{}:1", world.devnet.token());
    assert_eq!(get(&format!("{base}/v1/streams/{other}?source=chain")).await.0, 404);
    let (status, problem) = get(&format!("{base}/v1/streams/1?source=moon")).await;
    assert_eq!((status, &problem["parameter"]), (400, &json!("source")));
    world.devnet.inject(Fault::Status { status: 502, retry_after_seconds: None }, None).unwrap();
    let (status, problem) = get(&format!("{base}/v1/streams/1?source=chain")).await;
    assert_eq!(status, 503);
    assert!(!problem.to_string().contains("127.0.0.1"), "nothing internal is revealed: {problem}");
}

#[sqlx::test]
async fn a_request_that_waits_for_the_chain_holds_up_no_others_of_its_client(pool: PgPool) {
    let limits = Limits::new(&LimitArgs { requests_burst: 1_000, ..crate::limits::limits() });
    let (world, base) = world(pool, GatewaySettings { limits, ..GatewaySettings::default() }).await;
    world.devnet.inject(Fault::Delay { delay_ms: 60_000 }, None).unwrap();
    let of_chain = http_client().get(format!("{base}/v1/streams/1?source=chain")).send();
    let mut tasks = JoinSet::new();
    let of_chain = tasks.spawn(async { drop(of_chain.await) });
    // More than it takes until the first one has come.
    for _ in 0..100 {
        assert_eq!(get(&format!("{base}/v1/streams/1")).await.0, 200);
    }
    assert!(!of_chain.is_finished(), "it still waits");
}

#[sqlx::test]
async fn a_gateway_without_an_endpoint_says_so(pool: PgPool) {
    let (_world, base) = world(pool, GatewaySettings { asks_the_chain: false, ..GatewaySettings::default() }).await;
    let (status, problem) = get(&format!("{base}/v1/streams/1?source=chain")).await;
    assert_eq!((status, &problem["status"]), (501, &json!(501)));
    assert_eq!(get(&format!("{base}/v1/streams/1")).await.0, 200);
}

#[sqlx::test]
async fn too_many_queries_to_the_chain_are_refused_and_those_to_the_index_are_not(pool: PgPool) {
    let (_world, base) = world(pool, GatewaySettings::default()).await;
    let client = http_client();
    let ask = |query: &'static str| {
        let request = client.get(format!("{base}/v1/streams/1{query}")).send();
        async {
            let answer = request.await.unwrap();
            let retry_after = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
            (answer.status().as_u16(), retry_after)
        }
    };
    // Far more than the budget can regain while even the slowest machine answers them.
    let answers = join_all((0..300).map(|_| ask("?source=chain"))).await;
    let fine = answers.iter().filter(|(status, _)| *status == 200).count();
    let turned_away = answers.iter().filter(|answer| **answer == (429, Some("1".to_owned()))).count();
    assert!(fine >= 20 && turned_away > 0 && fine + turned_away == 300, "{answers:?}");
    assert_eq!(ask("").await.0, 200);
}
