//! Ledgers, calls, the scenario and the generated past.

use std::{collections::BTreeSet, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{START, StoppedClock, by_hand, create, open, top_up, withdraw};
use crate::{
    ContractCode, ContractError, Devnet, DevnetArgs, LedgerInterval, NotDone, Schedule, Stream,
    encode::{symbol, to_base64},
};
use flowfi_domain::{Amount, ChainStatus, EventId, LedgerSequence, StreamId, UnixTime};

#[tokio::test]
async fn calls_are_answered_when_their_ledger_closes() {
    let (devnet, clock) = by_hand();
    let created = devnet.submit(create(10_000, 100));
    let refused = devnet.submit(withdraw(9));
    let topped_up = devnet.submit(top_up(1, 4_000));
    clock.advance(7);
    let ledger = devnet.close_ledger().unwrap();
    let (created, topped_up) = (created.await.unwrap(), topped_up.await.unwrap());
    assert_eq!(refused.await.unwrap_err(), NotDone::Refused(ContractError::StreamNotFound.into()));
    assert_eq!((created.ledger, created.stream_id), (ledger, Some(StreamId(1))));
    assert_eq!(created.events, [0, 1].map(|index| EventId::of(ledger, 1, 0, index).unwrap()));
    assert_eq!(topped_up.events, [0, 1].map(|index| EventId::of(ledger, 2, 0, index).unwrap()));
    assert_ne!(created.transaction_hash, topped_up.transaction_hash);
    let entry = devnet.stream_entry(StreamId(1)).unwrap();
    assert_eq!(entry.start_time, UnixTime(u64::try_from(START).unwrap() + 7));
    assert_eq!((entry.deposited, entry.rate_per_second), (Amount(9_975 + 3_990), Amount(99)));
}

#[test]
fn ledger_times_never_go_back_and_run_on_after_a_jump() {
    let (devnet, clock) = by_hand();
    let start = devnet.latest_closed_at();
    clock.advance(-50);
    devnet.close_ledger().unwrap();
    assert_eq!(devnet.latest_closed_at(), start);
    devnet.close_ledger_at(start.plus_seconds(1_000)).unwrap();
    assert_eq!(devnet.latest_closed_at(), start.plus_seconds(1_000));
    clock.advance(5);
    devnet.close_ledger().unwrap();
    assert_eq!(devnet.latest_closed_at(), start.plus_seconds(1_005));
}

#[tokio::test]
async fn those_who_wait_are_told_when_the_network_stops() {
    let (devnet, _) = by_hand();
    let waiting = devnet.submit(create(10_000, 100));
    let stop = CancellationToken::new();
    stop.cancel();
    devnet.clone().run(stop).await.unwrap();
    assert_eq!(waiting.await, Err(NotDone::Stopped));
    assert_eq!(devnet.submit(create(10_000, 100)).await, Err(NotDone::Stopped));
}

#[tokio::test]
async fn a_running_network_closes_ledgers_by_itself() {
    let args = DevnetArgs { ledger_interval: LedgerInterval::Every(Duration::from_millis(1)), ..DevnetArgs::by_hand() };
    let devnet = Devnet::open(&args, None, StoppedClock::at(START)).unwrap();
    let stop = CancellationToken::new();
    let receipt = async {
        let receipt = devnet.submit(create(10_000, 100)).await;
        stop.cancel();
        receipt
    };
    let (ran, receipt) = tokio::join!(devnet.clone().run(stop.clone()), receipt);
    ran.unwrap();
    assert_eq!(receipt.unwrap().stream_id, Some(StreamId(1)));
}

#[test]
fn ledgers_older_than_the_retention_are_dropped() {
    let args = DevnetArgs { retention_ledgers: 10, ..DevnetArgs::by_hand() };
    let (devnet, _) = open(&args);
    devnet.close_ledgers(100).unwrap();
    let state = devnet.state();
    assert_eq!(state.network.latest().sequence, LedgerSequence(102));
    assert_eq!(state.network.oldest().sequence, LedgerSequence(93));
}

#[test]
fn the_scenario_keeps_a_page_alive() {
    let args = DevnetArgs { scenario: true, ..DevnetArgs::by_hand() };
    let (devnet, clock) = open(&args);
    devnet.close_ledger().unwrap();
    let mut fewest = usize::MAX;
    let mut most = 0;
    for _ in 0..1_200 {
        clock.advance(1);
        devnet.close_ledger().unwrap();
        let live = devnet.state().network.first().contract.active_streams().count();
        (fewest, most) = (fewest.min(live), most.max(live));
    }
    assert!(fewest >= 7 && most <= 15, "{fewest} to {most} live streams");
    let count = u64::try_from(devnet.stream_count()).unwrap();
    let entries: Vec<_> = (1..=count).map(|id| devnet.stream_entry(StreamId(id)).unwrap()).collect();
    let with = |status| entries.iter().filter(|entry| entry.status == status).count();
    let (completed, cancelled) = (with(ChainStatus::Completed), with(ChainStatus::Cancelled));
    assert!(completed >= 5, "{completed} completed in twenty minutes, {cancelled} cancelled");
    let events = devnet.events_emitted().len();
    assert!((400..1_500).contains(&events), "{events} events in 1 200 ledgers");
    devnet.check_balances().unwrap();
}

#[test]
fn each_contract_has_a_scenario_of_its_own() {
    for contract_code in [ContractCode::A, ContractCode::B] {
        let args = DevnetArgs { scenario: true, contracts: 3, contract_code, ..DevnetArgs::by_hand() };
        let (devnet, clock) = open(&args);
        for _ in 0..60 {
            clock.advance(1);
            devnet.close_ledger().unwrap();
        }
        let state = devnet.state();
        let live: Vec<_> = state.network.contracts().map(|one| one.contract.active_streams().count()).collect();
        assert!(live.iter().all(|live| (7..=15).contains(live)), "{contract_code:?}: {live:?}");
        let deposited: BTreeSet<Vec<i128>> = (state.network.contracts())
            .map(|one| one.contract.active_streams().map(|(_, stream)| stream.deposited).collect())
            .collect();
        assert_eq!(deposited.len(), 3, "they do not do the same");
    }
}

/// What a live stream shows on a page.
fn kind_of(stream: &Stream) -> &'static str {
    match &stream.schedule {
        Schedule::Linear if stream.cliff_time.is_some() => "cliff",
        Schedule::Linear => "linear",
        Schedule::StepTranches(tranches) if tranches.len() == 5 => "steps",
        Schedule::StepTranches(_) => "conditional",
        Schedule::HybridCliffLinear { .. } => "hybrid",
    }
}

#[test]
fn the_scenario_of_the_newer_contract_replaces_the_last_stream_of_a_kind_in_the_next_ledger() {
    let args = DevnetArgs { scenario: true, contract_code: ContractCode::B, ..DevnetArgs::by_hand() };
    let (devnet, clock) = open(&args);
    devnet.close_ledger().unwrap();
    let (mut most, mut before) = (0, BTreeSet::from(["cliff", "linear", "steps", "conditional", "hybrid"]));
    for _ in 0..1_200 {
        clock.advance(1);
        devnet.close_ledger().unwrap();
        let state = devnet.state();
        let live: Vec<_> = state.network.first().contract.active_streams().map(|(_, stream)| kind_of(stream)).collect();
        most = most.max(live.len());
        let now: BTreeSet<_> = live.into_iter().collect();
        for kind in ["cliff", "linear", "steps", "conditional", "hybrid"] {
            assert!(
                now.contains(kind) || before.contains(kind),
                "{kind} in ledger {}",
                state.network.latest().sequence
            );
        }
        before = now;
    }
    assert!(most <= 20, "{most} live streams");
    let state = devnet.state();
    let transactions = state.network.chain.ledgers().flat_map(|ledger| ledger.transactions.iter());
    let topics: BTreeSet<String> = transactions
        .flat_map(|done| done.events.iter().filter_map(|event| event.topics().next().map(str::to_owned)))
        .collect();
    let expected = [
        "stream_created",
        "step_vesting_stream_created",
        "hybrid_cliff_stream_created",
        "milestone_condition_unlocked",
        "stream_rate_modified",
        "recipient_transferred",
        "stream_closed",
        "stream_completed",
        "stream_paused",
        "stream_resumed",
        "stream_topped_up",
    ];
    for name in expected {
        assert!(topics.contains(&to_base64(&symbol(name).unwrap())), "{name}");
    }
    drop(state);
    devnet.check_balances().unwrap();
}

#[test]
fn a_generated_past_holds_legal_calls_that_closed_before_now() {
    let args = DevnetArgs { history_events: 20_000, ..DevnetArgs::by_hand() };
    let (devnet, _) = open(&args);
    let (events, streams) = (devnet.events_emitted().len(), devnet.stream_count());
    assert!((20_000..20_100).contains(&events), "{events} events");
    assert!((700..1_500).contains(&streams), "{streams} streams");
    assert!(devnet.latest_closed_at() <= UnixTime(u64::try_from(START).unwrap()));
    devnet.check_balances().unwrap();
    let (again, _) = open(&args);
    assert_eq!(again.state().network.latest().hash, devnet.state().network.latest().hash);
}

#[tokio::test]
async fn a_reset_network_starts_again_with_later_times() {
    let (devnet, _) = by_hand();
    drop(devnet.submit(create(10_000, 100)));
    devnet.close_ledgers(3).unwrap();
    let (before, hash) = (devnet.latest_closed_at(), devnet.state().network.latest().hash);
    devnet.reset().unwrap();
    assert_eq!(devnet.latest_ledger(), LedgerSequence(2));
    assert!(devnet.latest_closed_at() > before);
    assert_ne!(devnet.state().network.latest().hash, hash);
    assert_eq!(devnet.stream_entry(StreamId(1)), None);
}
