//! Horizon as a source: the ledgers of the real network as a Horizon tells them, and everything that one can get wrong.

use std::ops::RangeInclusive;

use axum::{
    body::Body,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use flowfi_indexer::{
    domain::{ContractId, LedgerSequence, RawContractEvent},
    source::{
        EndpointState, EventDifference, EventPage, EventsFrom, Horizon, LedgerEvents, SourceError, TransientReason,
        WholeLedgers,
    },
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use stellar_xdr::{TransactionMeta, TransactionMetaV3, TransactionMetaV4};
use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};

use crate::{
    fake_horizon::{FakeHorizon, base64, forged},
    ledgers::{CORE, PUBNET, expected, files, metas},
    whole_ledgers::as_a_task,
    world::DEADLINE,
};

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

/// The contracts that emitted something in a file.
fn contracts(name: &str) -> Vec<ContractId> {
    let mut contracts: Vec<_> =
        expected(name).iter().filter_map(|event| event["contractId"].as_str()?.parse().ok()).collect();
    contracts.sort();
    contracts.dedup();
    contracts
}

fn numbers(metas: &[(u32, Vec<u8>)]) -> RangeInclusive<u32> {
    metas[0].0..=metas[metas.len() - 1].0
}

/// Reads whole ledgers as a hole is filled.
async fn read(
    fake: &FakeHorizon,
    contract_ids: &[ContractId],
    range: RangeInclusive<u32>,
) -> (Vec<LedgerEvents>, Option<SourceError>) {
    let whole = WholeLedgers::of_endpoints(fake.pool(), rng()).unwrap();
    assert_eq!(whole.name(), "horizon");
    let (out, mut received) = mpsc::channel(2);
    let range = LedgerSequence(*range.start())..=LedgerSequence(*range.end());
    let collect = async {
        let mut ledgers = Vec::new();
        while let Some(next) = received.recv().await {
            match next {
                Ok(ledger) => ledgers.push(ledger),
                Err(failure) => return (ledgers, Some(failure)),
            }
        }
        (ledgers, None)
    };
    tokio::join!(as_a_task(whole.events(contract_ids, range, None, out)), collect).1
}

/// Asks for a page as an indexer does that follows the Horizon.
async fn events(fake: &FakeHorizon, from: EventsFrom) -> Result<EventPage, SourceError> {
    as_a_task(fake.pool().events(&contracts(CORE), from, 10_000)).await
}

/// Follows a Horizon from a ledger on until it fails, and returns the last ledger before that.
async fn follow(fake: &FakeHorizon, first: u32) -> (u32, SourceError) {
    let (pool, ids, mut from) = (fake.pool(), contracts(CORE), after(first - 1));
    loop {
        match pool.events(&ids, from, 10_000).await {
            Ok(page) => {
                assert!(page.cursor > from.position(), "it stands still");
                from = EventsFrom::After(page.cursor);
            }
            Err(failure) => return (from.ledger().0, failure),
        }
    }
}

fn after(ledger: u32) -> EventsFrom {
    EventsFrom::After(flowfi_indexer::domain::EventId::end_of_ledger(LedgerSequence(ledger)))
}

fn as_listed(event: &RawContractEvent) -> Value {
    json!({"id": event.id, "txHash": event.tx_hash, "successful": event.in_successful_call, "type": event.kind,
        "contractId": event.contract_id, "topic": event.topics, "value": event.value})
}

#[tokio::test]
async fn every_real_ledger_told_by_a_horizon_gives_the_events_that_an_independent_decoder_found() {
    for name in files() {
        let metas = metas(&name);
        let fake = FakeHorizon::of(&metas).await;
        let contracts = contracts(&name);
        let (ledgers, failure) = read(&fake, &contracts, numbers(&metas)).await;
        assert!(failure.is_none(), "{name}: {failure:?}");
        assert!(ledgers.iter().map(|ledger| ledger.header.sequence.0).eq(numbers(&metas)), "{name}");
        let found: Vec<_> = ledgers.iter().flat_map(|ledger| &ledger.events).map(as_listed).collect();
        let of_a_contract = |event: &Value| event["contractId"] != "";
        let wanted: Vec<_> = expected(&name).into_iter().filter(of_a_contract).collect();
        assert_eq!(found.len(), wanted.len(), "{name}");
        assert!(found.iter().eq(&wanted), "{name}");
    }
}

#[tokio::test]
async fn a_ledger_of_more_transactions_than_fit_a_page_is_read_page_by_page() {
    let fake = FakeHorizon::of(&metas(PUBNET)).await;
    let mut count = 0;
    fake.set(|host| count = host.transactions.len());
    assert!(count > 200, "{count}");
    let (ledgers, failure) = read(&fake, &contracts(PUBNET), numbers(&metas(PUBNET))).await;
    assert!(failure.is_none(), "{failure:?}");
    assert!(!ledgers[0].events.is_empty());
    assert_eq!(fake.asked("/transactions?include_failed=true"), count.div_ceil(200));
}

#[tokio::test]
async fn ledgers_are_read_where_a_horizon_does_not_say_how_many_transactions_they_have() {
    let metas = metas(CORE);
    let fake = FakeHorizon::of(&metas).await;
    let (whole, _) = read(&fake, &contracts(CORE), numbers(&metas)).await;
    fake.set(|host| host.ledgers.iter_mut().for_each(|ledger| ledger["failed_transaction_count"] = Value::Null));
    let (ledgers, failure) = read(&fake, &contracts(CORE), numbers(&metas)).await;
    assert!(failure.is_none(), "{failure:?}");
    assert_eq!(ledgers, whole);
}

#[tokio::test]
async fn pages_of_a_horizon_that_is_followed_hold_the_same_events_and_end_with_its_newest_ledger() {
    let metas = metas(CORE);
    let (first, last) = (*numbers(&metas).start(), *numbers(&metas).end());
    let fake = FakeHorizon::of(&metas).await;
    let (whole, _) = read(&fake, &contracts(CORE), numbers(&metas)).await;
    let whole: Vec<_> = whole.into_iter().flat_map(|ledger| ledger.events).collect();
    let (mut found, mut from) = (Vec::new(), EventsFrom::Ledger(LedgerSequence(first)));
    loop {
        let page = events(&fake, from).await.unwrap();
        found.extend(page.events.clone());
        from = EventsFrom::After(page.cursor);
        if page.is_drained() {
            break;
        }
    }
    assert_eq!(found, whole);
    let page = events(&fake, after(last)).await.unwrap();
    assert_eq!((page.cursor, page.latest_ledger.0), (after(last).position(), last));
    assert!(page.events.is_empty() && page.latest_ledger_closed_at.is_some());
    let inside = whole[whole.len() / 2].id;
    let rest = events(&fake, EventsFrom::After(inside)).await.unwrap().events;
    assert_eq!(rest, whole.into_iter().filter(|event| event.id > inside).take(rest.len()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_ledger_that_is_not_there_yet_or_no_longer_is_told_as_by_stellar_rpc() {
    let metas = metas(CORE);
    let (first, last) = (*numbers(&metas).start(), *numbers(&metas).end());
    let fake = FakeHorizon::of(&metas).await;
    for from in [EventsFrom::Ledger(LedgerSequence(last + 1)), after(last + 1), after(last + 9)] {
        let failure = events(&fake, from).await.unwrap_err();
        assert!(matches!(failure, SourceError::NodeBehind { latest, .. } if latest.0 == last), "{from:?}: {failure}");
    }
    fake.set(|host| drop(host.ledgers.drain(..3)));
    for from in [EventsFrom::Ledger(LedgerSequence(first)), after(first), after(first + 1)] {
        let failure = events(&fake, from).await.unwrap_err();
        let oldest = LedgerSequence(first + 3);
        assert!(matches!(failure, SourceError::BehindRetention { oldest: found, .. } if found == oldest), "{failure}");
    }
    assert!(events(&fake, after(first + 2)).await.is_ok(), "the next ledger is there");
    // A gap in the history.
    fake.set(|host| drop(host.ledgers.drain(2..4)));
    let before_it = events(&fake, after(first + 2)).await.unwrap();
    assert_eq!(before_it.cursor.ledger().0, first + 4);
    let failure = events(&fake, after(first + 4)).await.unwrap_err();
    assert!(matches!(failure, SourceError::BehindRetention { oldest, .. } if oldest.0 == first + 7), "{failure}");
}

/// A change of a transaction's record that takes its metadata away.
type WithoutMetadata = fn(&mut Value);

fn ways_to_leave_metadata_out() -> [WithoutMetadata; 5] {
    [
        |record| record["result_meta_xdr"] = Value::Null,
        |record| drop(record.as_object_mut().unwrap().remove("result_meta_xdr")),
        |record| record["result_meta_xdr"] = json!(""),
        // As a Horizon stores it that ingests without metadata, whatever it is set to since.
        |record| record["result_meta_xdr"] = json!(base64(&TransactionMeta::V3(TransactionMetaV3::default()))),
        |record| record["result_meta_xdr"] = json!(base64(&TransactionMeta::V4(TransactionMetaV4::default()))),
    ]
}

#[tokio::test]
async fn a_horizon_that_leaves_metadata_out_is_refused_by_name_with_what_to_do() {
    for leave_out in ways_to_leave_metadata_out() {
        let fake = FakeHorizon::of(&metas(CORE)).await;
        fake.set(|host| host.transactions.iter_mut().for_each(leave_out));
        let (pool, first) = (fake.pool(), *numbers(&metas(CORE)).start());
        let refused = pool.check().await.unwrap_err();
        assert!(matches!(&refused, SourceError::NoTransactionMeta { .. }), "{refused}");
        let text = refused.to_string();
        for word in ["127.0.0.1", "result_meta_xdr", "SKIP_TXMETA=false", "--lake"] {
            assert!(text.contains(word) && !text.contains('\n') && !text.contains("password"), "{text}");
        }
        assert_eq!(pool.health()[0].state, EndpointState::Unusable);
        let page = events(&fake, after(first - 1)).await;
        assert!(matches!(page, Err(SourceError::NoTransactionMeta { .. })), "{page:?}");
        let (ledgers, failure) = read(&fake, &contracts(CORE), numbers(&metas(CORE))).await;
        assert!(ledgers.iter().all(|ledger| ledger.events.is_empty()));
        assert!(matches!(failure, Some(SourceError::NoTransactionMeta { .. })), "{failure:?}");
    }
}

#[tokio::test]
async fn a_horizon_that_is_right_passes_the_check_and_so_does_one_without_a_transaction() {
    let fake = FakeHorizon::of(&metas(CORE)).await;
    fake.pool().check().await.unwrap();
    fake.set(|host| host.transactions.clear());
    fake.pool().check().await.unwrap();
}

#[tokio::test]
async fn a_horizon_of_another_network_is_refused() {
    let fake = FakeHorizon::of(&metas(CORE)).await;
    fake.set(|host| host.passphrase = "another");
    let refused = fake.pool().check().await.unwrap_err();
    assert!(matches!(&refused, SourceError::OtherNetwork { found, .. } if found == "another"), "{refused}");
}

/// The place of a transaction that succeeded, among all.
fn place_of_a_success(fake: &FakeHorizon) -> usize {
    let mut place = None;
    fake.set(|host| place = host.transactions.iter().rposition(|transaction| transaction["successful"] == true));
    place.unwrap()
}

#[tokio::test]
async fn a_ledger_whose_transactions_are_not_all_there_is_not_believed() {
    let changes: [fn(&mut Vec<Value>, usize); 4] = [
        |transactions, place| drop(transactions.remove(place)),
        |transactions, place| transactions[place]["hash"] = json!("ab".repeat(32)),
        |transactions, place| transactions[place]["result_xdr"] = json!("AAAAAAAAAGQAAAAAAAAAAA=="),
        |transactions, _| transactions.clear(),
    ];
    for change in changes {
        let metas = metas(CORE);
        let fake = FakeHorizon::of(&metas).await;
        let place = place_of_a_success(&fake);
        let mut ledger = 0;
        fake.set(|host| {
            ledger = host.transactions[place]["ledger"].as_u64().unwrap();
            change(&mut host.transactions, place);
        });
        let (reached, failure) = follow(&fake, *numbers(&metas).start()).await;
        assert!(u64::from(reached) < ledger, "{reached}: what comes before it counts, and no more");
        let SourceError::Transient { reason, detail, .. } = failure else { panic!("{failure:?}") };
        assert_eq!(reason, TransientReason::BadReply);
        assert!(detail.contains("transactions that ledger"), "{detail}");
    }
}

#[tokio::test]
async fn a_header_of_another_hash_or_without_one_is_not_believed() {
    let changes: [fn(&mut Value); 3] = [
        |ledger| ledger["hash"] = json!("ab".repeat(32)),
        |ledger| ledger["header_xdr"] = json!(""),
        |ledger| ledger["sequence"] = json!(ledger["sequence"].as_u64().unwrap() + 100_000),
    ];
    for change in changes {
        let metas = metas(CORE);
        let fake = FakeHorizon::of(&metas).await;
        fake.set(|host| change(&mut host.ledgers[4]));
        let (_, failure) = follow(&fake, *numbers(&metas).start()).await;
        assert!(matches!(failure, SourceError::Transient { reason: TransientReason::BadReply, .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn a_horizon_that_goes_on_with_another_chain_is_told_from_one_that_goes_on() {
    let metas = metas(CORE);
    let first = *numbers(&metas).start();
    let fake = FakeHorizon::of(&metas[..3]).await;
    let pool = fake.pool();
    let ids = contracts(CORE);
    pool.events(&ids, EventsFrom::Ledger(LedgerSequence(first)), 100).await.unwrap();
    pool.events(&ids, after(first + 2), 100).await.unwrap();
    fake.set(|host| host.ledgers[2] = forged(&host.ledgers[2]));
    let failure = pool.events(&ids, after(first + 2), 100).await.unwrap_err();
    assert!(matches!(failure, SourceError::OtherChain { ledger, .. } if ledger.0 == first + 2), "{failure}");
}

#[tokio::test]
async fn a_rate_limit_that_asks_for_a_moment_is_waited_out_and_a_longer_one_is_told() {
    let metas = metas(CORE);
    let fake = FakeHorizon::of(&metas).await;
    let from = after(*numbers(&metas).start());
    let page = events(&fake, from).await.unwrap();
    fake.set(|host| host.next.extend([(429, Some("0")); 3]));
    assert_eq!(events(&fake, from).await.unwrap().events, page.events, "one request for a page, and no failure");
    fake.set(|host| host.next.push_back((429, Some("60"))));
    let asked = timeout(DEADLINE, events(&fake, from)).await.expect("it is not waited out");
    let Err(SourceError::Transient { reason, retry_after, .. }) = asked else { panic!("{asked:?}") };
    assert_eq!(reason, TransientReason::RateLimited);
    assert!(retry_after.unwrap() >= Duration::from_mins(1));
}

#[tokio::test]
async fn a_failure_in_the_middle_leaves_the_ledgers_that_were_read_before_it() {
    let metas = metas(CORE);
    let fake = FakeHorizon::of(&metas).await;
    let place = place_of_a_success(&fake);
    let mut ledger = 0;
    fake.set(|host| {
        ledger = host.transactions[place]["ledger"].as_u64().unwrap();
        host.transactions[place]["paging_token"] = json!("none");
    });
    let (reached, failure) = follow(&fake, *numbers(&metas).start()).await;
    assert!(matches!(failure, SourceError::UnknownForm { .. }), "{failure}");
    assert_eq!(u64::from(reached) + 1, ledger);
}

#[tokio::test]
async fn failures_of_a_horizon_are_sorted_as_those_of_other_sources() {
    let redirect = (StatusCode::FOUND, [(LOCATION, "/a-key/ledgers")]).into_response();
    let too_much: Response = Body::from(vec![b' '; 5 << 20]).into_response();
    let answers = [
        ("a redirect", redirect, TransientReason::Refused),
        ("HTML", "<html>restarting</html>".into_response(), TransientReason::BadReply),
        ("a cut answer", r#"{"_embedded":{"records":[{"se"#.into_response(), TransientReason::BadReply),
        ("too much", too_much, TransientReason::BadReply),
        ("a stale history", StatusCode::SERVICE_UNAVAILABLE.into_response(), TransientReason::Server),
        ("no access", StatusCode::FORBIDDEN.into_response(), TransientReason::Refused),
    ];
    for (what, answer, expected) in answers {
        let fake = FakeHorizon::of(&metas(CORE)).await;
        fake.set(|host| host.instead = Some(("/ledgers?", answer)));
        let asked = events(&fake, after(*numbers(&metas(CORE)).start())).await;
        let Err(SourceError::Transient { reason, detail, .. }) = asked else { panic!("{what}: {asked:?}") };
        assert_eq!(reason, expected, "{what}");
        assert!(detail.starts_with("127.0.0.1:") && !detail.contains("a-key"), "{what}: {detail}");
    }
}

#[tokio::test]
async fn a_paging_token_of_an_unknown_form_is_refused_loudly_with_the_host() {
    let fake = FakeHorizon::of(&metas(CORE)).await;
    fake.set(|host| host.transactions.iter_mut().for_each(|record| record["paging_token"] = json!("gec1_7")));
    let pool = fake.pool();
    let refused = pool.check().await.unwrap_err();
    assert!(matches!(&refused, SourceError::UnknownForm { .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.starts_with("127.0.0.1:") && text.contains("paging token") && text.contains("gec1_7"), "{text}");
    assert_eq!(pool.health()[0].state, EndpointState::Unusable);
}

fn horizon_of(fake: &FakeHorizon) -> Horizon {
    Horizon::new(&fake.url, rng()).unwrap()
}

#[tokio::test]
async fn the_cross_check_tells_every_way_in_which_a_list_of_events_is_wrong() {
    let metas = metas(CORE);
    let fake = FakeHorizon::of(&metas).await;
    let contract_id = contracts(CORE).remove(0);
    let range = LedgerSequence(metas[0].0)..=LedgerSequence(metas[metas.len() - 1].0);
    let horizon = horizon_of(&fake);
    let events = as_a_task(horizon.events_in(&contract_id, range.clone())).await.unwrap();
    let differences =
        async |given: &[RawContractEvent]| horizon.differences(&contract_id, range.clone(), given).await.unwrap();
    assert_eq!(differences(&events).await, []);
    let lacking = differences(&events[1..]).await;
    assert_eq!(lacking, [EventDifference::OnlyInHorizon(events[0].clone())]);
    let mut changed = events.clone();
    changed[0].value = "AAAAAQ==".to_owned();
    let differs = EventDifference::Differs { given: changed[0].clone(), horizon: events[0].clone() };
    assert_eq!(differences(&changed).await, [differs]);
    let unheard_of = RawContractEvent { id: events[0].id.end_of_transaction(), ..events[0].clone() };
    let with_it = [&events[..], std::slice::from_ref(&unheard_of)].concat();
    assert_eq!(differences(&with_it).await, [EventDifference::NotInHorizon(unheard_of)]);
}

#[tokio::test]
async fn the_cross_check_names_a_ledger_that_horizon_does_not_have() {
    let metas = metas(CORE);
    let fake = FakeHorizon::of(&metas).await;
    let contract_id = contracts(CORE).remove(0);
    let beyond = LedgerSequence(*numbers(&metas).end() + 1);
    let failure = horizon_of(&fake).events_in(&contract_id, beyond..=beyond).await.unwrap_err();
    assert!(matches!(failure, SourceError::NodeBehind { wanted, .. } if wanted == beyond), "{failure}");
}
