//! The pool of RPC endpoints: which one it asks, and how it handles the answers.

use std::time::Duration;

use flowfi_indexer::{
    domain::{ContractId, EventId, LedgerSequence},
    source::{Anchor, EndpointPool, EndpointState, EventPage, EventsFrom, LedgerMark, SourceError, TransientReason},
};
use sqlx::PgPool;
use tokio::time::{Instant, timeout};

use crate::{
    fake_rpc::{Answer, FakeRpc, PASSPHRASE},
    world::{World, eventually},
};

/// Far less than the timeout of an unanswered request, and far more than the time until a hanging endpoint's request is
/// also sent to the next one: if an answer comes within this time, nothing was blocked.
const BEFORE_A_REQUEST_ENDS: Duration = Duration::from_secs(20);

const A_TIP_IS_BELIEVED_FOR: Duration = Duration::from_secs(4);

pub fn pool_of(nodes: &[&FakeRpc]) -> EndpointPool {
    let urls: Vec<String> = nodes.iter().map(|node| node.url.clone()).collect();
    EndpointPool::new(&urls, PASSPHRASE.to_owned(), 7).unwrap()
}

pub async fn two() -> (FakeRpc, FakeRpc, EndpointPool) {
    let (first, second) = (FakeRpc::start().await, FakeRpc::start().await);
    let pool = pool_of(&[&first, &second]);
    (first, second, pool)
}

pub fn contract() -> ContractId {
    "CDLZFC3SYJYDZT7K67VZ75HPJVIEUVNIXF47ZG2FB2RMQQVU2HHGCYSC".parse().unwrap()
}

pub fn end_of(ledger: u32) -> EventsFrom {
    EventsFrom::After(EventId::end_of_ledger(LedgerSequence(ledger)))
}

pub async fn events(pool: &EndpointPool, from: EventsFrom) -> Result<EventPage, SourceError> {
    pool.events(&[contract()], from, 1_000).await
}

/// Waits until an endpoint that failed may be asked again.
pub async fn due(pool: &EndpointPool, number: usize) {
    eventually("the endpoint is due", || async { pool.health()[number].retry_in_ms.is_none() }).await;
}

/// Asks like the follower: after a transient failure, again when it is time.
async fn events_at_last(pool: &EndpointPool, from: EventsFrom) -> EventPage {
    for _ in 0..20 {
        match events(pool, from).await {
            Ok(page) => return page,
            Err(SourceError::Transient { .. }) => due(pool, 0).await,
            Err(failure) => panic!("{failure}"),
        }
    }
    panic!("no page in twenty attempts")
}

#[tokio::test]
async fn the_preferred_endpoint_alone_is_asked_while_it_answers() {
    let (first, second, pool) = two().await;
    for _ in 0..3 {
        events(&pool, end_of(200)).await.unwrap();
    }
    assert_eq!((first.asked("getEvents").len(), first.asked("getNetwork").len()), (3, 1));
    assert!(second.asked("getNetwork").is_empty());
}

#[tokio::test]
async fn after_any_kind_of_failure_the_next_endpoint_is_asked_at_once() {
    for answer in [
        Answer::Status(502, None),
        Answer::Status(429, Some("60")),
        Answer::Status(401, None),
        Answer::Reply("<html>restarting</html>"),
        Answer::Error(-32_603, "data stores are not initialized: no ledgers"),
        Answer::Error(-32_601, "method not found"),
    ] {
        let (first, second, pool) = two().await;
        first.set(|node| node.always = Some(answer.clone()));
        let asked = timeout(BEFORE_A_REQUEST_ENDS, events(&pool, end_of(200))).await.expect("there is no waiting");
        asked.unwrap_or_else(|failure| panic!("{answer:?}: {failure}"));
        assert_eq!(second.asked("getEvents").len(), 1);
    }
}

#[tokio::test]
async fn if_an_endpoint_hangs_the_next_one_is_asked_too_and_it_is_left_alone_until_it_is_due() {
    let (first, second, pool) = two().await;
    first.set(|node| node.always = Some(Answer::Nothing));
    for number in 1..=2 {
        let (asked, due_in) = (first.asked("getNetwork").len(), pool.health()[0].retry_in_ms.unwrap_or(0));
        let begun = Instant::now();
        let page = timeout(BEFORE_A_REQUEST_ENDS, events(&pool, end_of(200))).await;
        page.expect("nobody waits for the hanging endpoint").unwrap();
        assert_eq!(second.asked("getEvents").len(), number);
        let is_asked_again = first.asked("getNetwork").len() > asked;
        assert!(!is_asked_again || begun.elapsed() >= Duration::from_millis(due_in), "it is asked before it is due");
    }
    assert_eq!(pool.health()[0].last_failure, Some("timeout"));
}

#[tokio::test]
async fn the_preferred_endpoint_is_asked_again_once_it_works() {
    let (first, second, pool) = two().await;
    first.set(|node| node.next.push_back(Answer::Status(503, None)));
    events(&pool, end_of(200)).await.unwrap();
    assert!(pool.health()[0].retry_in_ms.is_none_or(|wait| wait <= 250));
    due(&pool, 0).await;
    events(&pool, end_of(200)).await.unwrap();
    assert_eq!(first.asked("getEvents").len(), 2);
    assert!(!second.asked("getEvents").is_empty());
    assert_eq!(first.asked("getNetwork").len(), 2, "its network is compared again after a failure");
    assert_eq!(pool.health()[0].state, EndpointState::Ready);
}

#[tokio::test]
async fn a_single_endpoint_is_asked_again_after_the_time_that_its_failure_names() {
    let first = FakeRpc::start().await;
    first.set(|node| node.next.push_back(Answer::Status(503, None)));
    let pool = pool_of(&[&first]);
    let begun = Instant::now();
    let Err(SourceError::Transient { reason, retry_after: Some(wait), detail }) = events(&pool, end_of(200)).await
    else {
        panic!("a transient failure with a time")
    };
    assert_eq!(reason, TransientReason::Server);
    assert!(wait <= Duration::from_millis(250) && !detail.contains("a-key"), "{wait:?} {detail}");
    due(&pool, 0).await;
    assert!(begun.elapsed() >= wait, "not before that time");
    events(&pool, end_of(200)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_says_when_to_retry_is_left_alone_until_then() {
    let (first, second, pool) = two().await;
    for node in [&first, &second] {
        node.set(|node| node.next.push_back(Answer::Status(429, Some("200"))));
    }
    let Err(SourceError::Transient { retry_after: Some(wait), .. }) = events(&pool, end_of(200)).await else {
        panic!("a transient failure")
    };
    assert!(wait > Duration::from_secs(100) && wait < Duration::from_secs(260), "{wait:?}");
    let too_early = events(&pool, end_of(200)).await;
    assert!(matches!(too_early, Err(SourceError::Transient { retry_after: Some(_), .. })));
    let asked = [&first, &second].map(|node| node.asked("getEvents").len());
    assert_eq!(asked, [1, 1], "neither is asked too early");
}

#[tokio::test]
async fn an_endpoints_failure_is_reported_until_it_is_asked_again() {
    let first = FakeRpc::start().await;
    first.set(|node| node.always = Some(Answer::Status(402, Some("60"))));
    let pool = pool_of(&[&first]);
    let mut told = Vec::new();
    for _ in 0..3 {
        let failure = events(&pool, end_of(200)).await.unwrap_err();
        assert!(matches!(failure, SourceError::Transient { reason: TransientReason::Refused, .. }), "{failure}");
        told.push(failure.to_string());
    }
    assert!(told[0].contains("402") && told.iter().all(|detail| *detail == told[0]), "{told:?}");
    assert_eq!(first.asked("getNetwork").len(), 1, "it is asked once");
}

#[tokio::test]
async fn a_node_that_names_impossible_ledgers_is_not_believed() {
    let first = FakeRpc::start().await;
    first.set(|node| node.cursor = Some(EventId::end_of_ledger(LedgerSequence(1_000_000))));
    let pool = pool_of(&[&first]);
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(failure.to_string().contains("beyond the newest ledger, 50000"), "{failure}");
    due(&pool, 0).await;
    first.set(|node| node.latest = u32::MAX - 1);
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::Transient { reason: TransientReason::BadReply, .. }), "{failure}");
    assert!(failure.to_string().contains("4294967294 is no ledger"), "{failure}");
}

#[tokio::test]
async fn an_endpoint_of_another_network_is_never_asked_for_events() {
    let (first, second, pool) = two().await;
    first.set(|node| node.passphrase = "another network");
    events(&pool, end_of(200)).await.unwrap();
    assert!(first.asked("getEvents").is_empty());
    assert_eq!(pool.health()[0].state, EndpointState::Unusable);
    assert_eq!(pool.health()[0].passphrase.as_deref(), Some("another network"));
    let alone = pool_of(&[&first]);
    for _ in 0..2 {
        let failure = events(&alone, end_of(200)).await.unwrap_err();
        assert!(matches!(&failure, SourceError::OtherNetwork { found, .. } if found == "another network"), "{failure}");
    }
    drop(second);
}

#[tokio::test]
async fn an_endpoint_with_another_hash_at_our_ledger_is_on_another_chain() {
    let (first, second, pool) = two().await;
    first.set(|node| node.hash = "bb");
    pool.set_anchor(Some(Anchor { sequence: LedgerSequence(150), hash: "AA".to_owned() }));
    events(&pool, end_of(200)).await.unwrap();
    assert!(first.asked("getEvents").is_empty());
    second.set(|node| {
        node.hash = "bb";
        node.next.push_back(Answer::Status(503, None));
    });
    let _ = events(&pool, end_of(200)).await;
    due(&pool, 1).await;
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    let SourceError::OtherChain { ledger, found, .. } = failure else { panic!("{failure}") };
    assert_eq!((ledger, found), (LedgerSequence(150), LedgerMark::Hash("bb".to_owned())));
}

#[tokio::test]
async fn a_network_that_starts_over_is_compared_again_when_its_tip_falls_below_our_ledger() {
    let first = FakeRpc::start().await;
    let pool = pool_of(&[&first]);
    pool.set_anchor(Some(Anchor { sequence: LedgerSequence(40_000), hash: "aa".to_owned() }));
    events(&pool, end_of(200)).await.unwrap();
    first.set(|node| (node.latest, node.hash) = (300, "bb"));
    let failure = pool.tip().await.expect_err("the answer that reveals it is not believed either");
    assert!(matches!(failure, SourceError::OtherChain { .. }), "{failure}");
    first.set(|node| node.latest = 60_000);
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::OtherChain { .. }), "{failure}");
}

#[tokio::test]
async fn a_node_behind_our_cursor_is_not_asked() {
    let (first, second, pool) = two().await;
    first.set(|node| node.latest = 190);
    // Its tip is believed for a few seconds, which a busy machine may need for two requests.
    loop {
        let began = Instant::now();
        let before = first.asked("getEvents").len();
        events(&pool, end_of(200)).await.unwrap();
        events(&pool, end_of(200)).await.unwrap();
        let asked = first.asked("getEvents").len() - before;
        if began.elapsed() < A_TIP_IS_BELIEVED_FOR {
            assert!(asked <= 1, "asked {asked} times");
            break;
        }
    }
    assert!(second.asked("getEvents").len() >= 2);
    assert_eq!(pool.health()[0].state, EndpointState::Ready, "being behind is not a failure");
    second.set(|node| node.latest = 195);
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::NodeBehind { latest: LedgerSequence(195), .. }), "{failure}");
}

#[tokio::test]
async fn a_hanging_node_does_not_delay_the_answer_of_one_that_is_behind() {
    let (first, second, pool) = two().await;
    first.set(|node| node.always = Some(Answer::Nothing));
    second.set(|node| node.latest = 190);
    let asked = timeout(BEFORE_A_REQUEST_ENDS, events(&pool, end_of(200))).await;
    let Err(SourceError::Transient { retry_after: Some(wait), .. }) = asked.expect("it is not delayed") else {
        panic!("a transient failure")
    };
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
}

#[tokio::test]
async fn the_end_of_a_dropped_ledger_is_the_start_of_the_oldest_one() {
    let first = FakeRpc::start().await;
    events(&pool_of(&[&first]), end_of(99)).await.unwrap();
    assert_eq!(first.asked("getEvents")[1]["startLedger"], 100);
}

#[tokio::test]
async fn ledgers_that_one_endpoint_has_dropped_come_from_another() {
    let (first, second, pool) = two().await;
    first.set(|node| node.oldest = 1_000);
    let page = events(&pool, end_of(200)).await.unwrap();
    assert_eq!(page.oldest_ledger, Some(LedgerSequence(100)));
    assert_eq!(pool.ledgers().await.unwrap(), LedgerSequence(100)..=LedgerSequence(50_000));
    second.set(|node| node.oldest = 500);
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::BehindRetention { oldest: LedgerSequence(500), .. }), "{failure}");
    second.set(|node| node.always = Some(Answer::Status(503, None)));
    let failure = events(&pool, end_of(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::Transient { .. }), "it may still have them: {failure}");
}

#[tokio::test]
async fn a_providers_lower_limit_is_learned_from_its_refusal() {
    let first = FakeRpc::start().await;
    first.set(|node| node.page_limit = 200);
    let pool = pool_of(&[&first]);
    events(&pool, end_of(200)).await.unwrap();
    events(&pool, end_of(200)).await.unwrap();
    let limits: Vec<_> = first.asked("getEvents").iter().map(|params| params["pagination"]["limit"].clone()).collect();
    assert_eq!(limits, [1_000, 200, 200]);
    assert_eq!(pool.health()[0].page_limit, Some(200));
}

#[tokio::test]
async fn a_request_that_is_too_large_is_halved_at_once_and_grows_back() {
    let first = FakeRpc::start().await;
    first.set(|node| node.bears = Some((700, 1_000)));
    let pool = pool_of(&[&first]);
    let page = events(&pool, end_of(199)).await.unwrap();
    assert_eq!(page.cursor, EventId::end_of_ledger(LedgerSequence(824)), "from ledger 200, 625 ledgers");
    assert!(!page.is_drained());
    assert_eq!(pool.health()[0].window_ledgers, Some(781), "a quarter more the next time");
    first.set(|node| node.bears = None);
    let mut from = EventsFrom::After(page.cursor);
    while pool.health()[0].window_ledgers.is_some() {
        from = EventsFrom::After(events(&pool, from).await.unwrap().cursor);
    }
    events(&pool, from).await.unwrap();
    let last = first.asked("getEvents").pop().unwrap();
    assert!(last.get("endLedger").is_none() && last["pagination"].get("cursor").is_some(), "{last}");
}

#[tokio::test]
async fn no_request_stays_too_large_forever() {
    let first = FakeRpc::start().await;
    first.set(|node| node.bears = Some((1, 30)));
    let pool = pool_of(&[&first]);
    let page = events_at_last(&pool, end_of(199)).await;
    assert_eq!(page.cursor, EventId::end_of_ledger(LedgerSequence(200)));
    assert!(first.asked("getEvents").len() < 25, "{}", first.asked("getEvents").len());
}

#[tokio::test]
async fn entries_are_matched_by_their_key() {
    let first = FakeRpc::start().await;
    let keys = ["key 1", "key 2", "key 3"].map(str::to_owned);
    let found = pool_of(&[&first]).ledger_entries(&keys).await.unwrap();
    assert_eq!((found.entries.len(), found.latest_ledger), (2, LedgerSequence(50_000)));
    assert_eq!((found.entries["key 1"].xdr.as_str(), found.entries["key 1"].live_until_ledger), ("one", None));
    assert_eq!(found.entries["key 2"].live_until_ledger, Some(LedgerSequence(9)));
}

#[tokio::test]
async fn the_first_hash_needs_all_endpoints_and_a_later_one_only_those_with_the_first() {
    let (first, _second, pool) = two().await;
    first.set(|node| node.hash = "bb");
    let failure = pool.ledger_hash(LedgerSequence(200)).await.unwrap_err();
    let disagree = TransientReason::Disagreement;
    assert!(matches!(&failure, SourceError::Transient { reason, .. } if *reason == disagree), "{failure}");
    first.set(|node| node.always = Some(Answer::Status(503, None)));
    let failure = pool.ledger_hash(LedgerSequence(200)).await.expect_err("the other endpoint may be the wrong one");
    assert!(matches!(failure, SourceError::Transient { .. }), "{failure}");
    pool.set_anchor(Some(Anchor { sequence: LedgerSequence(150), hash: "aa".to_owned() }));
    assert_eq!(pool.ledger_hash(LedgerSequence(200)).await.unwrap().as_deref(), Some("aa"));
}

#[tokio::test]
async fn an_endpoint_that_changed_chains_unnoticed_does_not_count_for_identifying_the_chain() {
    let (first, second, pool) = two().await;
    pool.set_anchor(Some(Anchor { sequence: LedgerSequence(150), hash: "AA".to_owned() }));
    assert_eq!(pool.ledger_hash(LedgerSequence(200)).await.unwrap().as_deref(), Some("aa"));
    first.set(|node| node.hash = "bb");
    second.set(|node| node.always = Some(Answer::Status(503, None)));
    let failure = pool.ledger_hash(LedgerSequence(200)).await.unwrap_err();
    assert!(matches!(failure, SourceError::Transient { .. } | SourceError::OtherChain { .. }), "{failure}");
    second.set(|node| node.always = None);
    due(&pool, 1).await;
    assert_eq!(pool.ledger_hash(LedgerSequence(200)).await.unwrap().as_deref(), Some("aa"));
}

#[tokio::test]
async fn if_no_endpoint_has_the_ledger_that_identifies_the_chain_all_must_agree() {
    let (first, second, pool) = two().await;
    pool.set_anchor(Some(Anchor { sequence: LedgerSequence(150), hash: "aa".to_owned() }));
    for node in [&first, &second] {
        node.set(|node| (node.oldest, node.hash) = (180, "cc"));
    }
    assert_eq!(pool.ledger_hash(LedgerSequence(200)).await.unwrap().as_deref(), Some("cc"));
    second.set(|node| node.always = Some(Answer::Status(503, None)));
    let failure = pool.ledger_hash(LedgerSequence(200)).await.unwrap_err();
    let unknown = TransientReason::UnknownChain;
    assert!(matches!(&failure, SourceError::Transient { reason, .. } if *reason == unknown), "{failure}");
}

#[tokio::test]
async fn health_shows_the_host_and_nothing_else_of_a_url() {
    let first = FakeRpc::start().await;
    let pool = pool_of(&[&first]);
    pool.tip().await.unwrap();
    let shown = serde_json::to_value(pool.health()).unwrap();
    let text = shown.to_string();
    assert!(!text.contains("password") && !text.contains("a-key"), "{text}");
    assert_eq!((&shown[0]["latestLedger"], &shown[0]["version"]), (&50_000.into(), &"30.0.0-fake".into()));
    assert_eq!(shown[0]["state"], "ready");
}

#[test]
fn an_invalid_url_is_named_by_its_place_without_its_secrets() {
    let urls = ["http://localhost/a-key", "ftp://user:password@localhost/a-key"].map(str::to_owned);
    let failure = EndpointPool::new(&urls, PASSPHRASE.to_owned(), 7).unwrap_err();
    let expected = "RPC URL 2 of 2: ftp://localhost does not start with http:// or https://";
    assert_eq!(failure.to_string(), expected);
    assert!(matches!(failure, SourceError::Permanent { .. }));
}

#[sqlx::test]
async fn an_indexer_follows_the_chain_past_an_endpoint_that_hangs(pool: PgPool) {
    let hanging = FakeRpc::start().await;
    hanging.set(|node| node.always = Some(Answer::Nothing));
    let mut world = World::new(pool).await;
    world.rpc_urls.insert(0, hanging.url.clone());
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    assert!(!hanging.asked("getNetwork").is_empty());
}

/// Asks all endpoints, and returns the places of those that answer.
async fn opinions(pool: &EndpointPool, from: EventsFrom) -> Result<Vec<usize>, SourceError> {
    let opinions = pool.second_opinions(&[contract()], from, 1_000).await?;
    let place = |host: &str| pool.health().iter().position(|health| health.host == host).unwrap();
    Ok(opinions.pages.iter().map(|opinion| place(&opinion.host)).collect())
}

#[tokio::test]
async fn a_second_opinion_comes_from_every_endpoint_and_waits_for_one_that_was_recently_available() {
    let (_first, second, pool) = two().await;
    events(&pool, end_of(200)).await.unwrap();
    assert_eq!(opinions(&pool, end_of(200)).await.unwrap(), [0, 1]);
    second.set(|node| node.next.push_back(Answer::Status(503, None)));
    assert!(matches!(opinions(&pool, end_of(200)).await, Err(SourceError::Transient { .. })));
    due(&pool, 1).await;
    assert_eq!(opinions(&pool, end_of(200)).await.unwrap(), [0, 1]);
}

#[tokio::test]
async fn a_single_endpoint_gives_a_second_opinion_itself_and_one_that_must_not_be_asked_gives_none() {
    let node = FakeRpc::start().await;
    let pool = pool_of(&[&node]);
    for asked in 1..3 {
        opinions(&pool, end_of(200)).await.unwrap();
        assert_eq!(node.asked("getEvents").len(), asked);
    }
    let (_first, second, pool) = two().await;
    second.set(|node| node.passphrase = "another network");
    let refused = opinions(&pool, end_of(200)).await;
    assert!(matches!(refused, Err(SourceError::OtherNetwork { .. })), "{refused:?}");
    assert_eq!(pool.health()[1].state, EndpointState::Unusable);
    assert!(opinions(&pool, end_of(200)).await.is_err());
    assert_eq!((second.asked("getNetwork").len(), second.asked("getEvents").len()), (1, 0), "it is left alone");
}
