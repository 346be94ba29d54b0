//! Random transactions: legal in their order, and of every kind.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::StdRng};

use super::{StoppedClock, by_hand};
use crate::{Call, ContractCode, Devnet, DevnetArgs, Emit, EventKind, Input, Repertoire};
use flowfi_domain::{ChainStatus, StreamEvent, StreamId};
use flowfi_indexer::xdr::{Decoded, decode_event_body};

/// What happened over many ledgers of random inputs, counted by what it shows.
pub(super) async fn play(seed: u64, ledgers: u32) -> (Devnet, BTreeMap<String, u32>) {
    let (devnet, clock) = by_hand();
    let mut counts = BTreeMap::new();
    let count = |input: &Input| *counts.entry(name_of(&devnet, input)).or_default() += 1;
    go_on((&devnet, &clock), Repertoire::Older, seed, ledgers, count).await;
    (devnet, counts)
}

/// Closes many ledgers of random inputs, each of which must be legal.
pub(super) async fn go_on(
    (devnet, clock): (&Devnet, &StoppedClock),
    repertoire: Repertoire,
    seed: u64,
    ledgers: u32,
    mut count_input: impl FnMut(&Input),
) {
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..ledgers {
        clock.advance(rng.random_range(0..2_000));
        let count = rng.random_range(0..12);
        let inputs = devnet.random_inputs_of(repertoire, &mut rng, count);
        inputs.iter().for_each(&mut count_input);
        let answers: Vec<_> = inputs.iter().map(|input| devnet.submit(input.clone())).collect();
        devnet.close_ledger().unwrap();
        for (answer, input) in answers.into_iter().zip(&inputs) {
            let answer = answer.await;
            assert!(answer.is_ok(), "seed {seed}: {answer:?} to {input:?}");
        }
    }
}

fn name_of(devnet: &Devnet, input: &Input) -> String {
    match input {
        Input::Call(call) => {
            let text = format!("{call:?}");
            let paused = call.stream_id().and_then(|id| devnet.stream_entry(id)).is_some_and(|stream| stream.paused);
            format!("{}{}", text.split(' ').next().unwrap(), if paused { " of a paused stream" } else { "" })
        }
        Input::Calls(calls) => format!("{} calls", calls.len()),
        Input::Emit(emit) => emitted(devnet, emit),
        other => format!("{other:?}").split(['(', ' ']).next().unwrap().to_owned(),
    }
}

fn emitted(devnet: &Devnet, emit: &Emit) -> String {
    let verdicts = emit
        .events
        .iter()
        .map(|event| decode_event_body(flowfi_domain::EventKind::Contract, &event.topics, &event.value, true));
    let verdicts: Vec<_> = verdicts.collect();
    let by = (emit.contract_id == devnet.contract_id(), emit.kind);
    if verdicts.iter().all(|verdict| matches!(verdict, Decoded::Event(_))) {
        assert_ne!(by, (true, EventKind::Contract), "a real event would be a lie");
        return format!("spoofed by {:?}", emit.kind);
    }
    assert_eq!(by, (true, EventKind::Contract));
    let all_refused = verdicts.iter().all(|verdict| matches!(verdict, Decoded::Refused { .. }));
    if all_refused { "broken".to_owned() } else { "unknown".to_owned() }
}

#[tokio::test]
async fn random_inputs_are_legal_in_their_order_and_of_every_kind() {
    let (devnet, seen) = play(7, 300).await;
    let kinds = [
        "Create",
        "TopUp",
        "TopUp of a paused stream",
        "Withdraw",
        "Pause",
        "Resume of a paused stream",
        "Cancel",
        "Cancel of a paused stream",
        "2 calls",
        "3 calls",
        "4 calls",
        "broken",
        "unknown",
        "spoofed by Contract",
        "spoofed by System",
        "Failed",
        "Upgrade",
    ];
    for kind in kinds {
        assert!(seen.get(kind).is_some_and(|count| *count >= 3), "{kind}: {seen:?}");
    }
    devnet.check_balances().unwrap();
    let count = u64::try_from(devnet.stream_count()).unwrap();
    let statuses: Vec<_> = (1..=count).map(|id| devnet.stream_entry(StreamId(id)).unwrap().status).collect();
    for status in [ChainStatus::Active, ChainStatus::Paused, ChainStatus::Cancelled, ChainStatus::Completed] {
        assert!(statuses.iter().filter(|found| **found == status).count() > 5, "{status:?}");
    }
}

#[tokio::test]
async fn a_stream_is_topped_up_and_completed_in_one_transaction() {
    let (devnet, _) = play(3, 200).await;
    let state = devnet.state();
    let transactions = state.network.chain.ledgers().flat_map(|ledger| ledger.numbered().map(|(_, done)| done));
    let decoded = transactions.map(|transaction| {
        let events = transaction.events.iter().filter(|event| event.kind == EventKind::Contract);
        events
            .filter_map(|event| {
                let topics: Vec<_> = event.topics().map(str::to_owned).collect();
                match decode_event_body(flowfi_domain::EventKind::Contract, &topics, event.value(), true) {
                    Decoded::Event(event) => Some(event),
                    _ => None,
                }
            })
            .collect::<Vec<_>>()
    });
    let completions = decoded.filter(|events| {
        matches!(
            events.as_slice(),
            [StreamEvent::ToppedUp { .. }, StreamEvent::Withdrawn { .. }, StreamEvent::Completed { .. }]
        )
    });
    assert!(completions.count() >= 3);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_inputs() {
    let inputs = || by_hand().0.random_inputs(&mut StdRng::seed_from_u64(5), 50);
    assert_eq!(inputs(), inputs());
}

#[tokio::test]
async fn many_seeds_give_legal_inputs() {
    for seed in 100..130 {
        play(seed, 40).await.0.check_balances().unwrap();
    }
}

/// Counts calls by their names, also those inside of transactions of several.
async fn play_both(args: &DevnetArgs, seed: u64, ledgers: u32) -> (Devnet, BTreeMap<String, u32>) {
    let (devnet, clock) = super::open(args);
    let mut counts = BTreeMap::new();
    let mut add = |name: &str| *counts.entry(name.to_owned()).or_default() += 1;
    let word = |call: &Call| format!("{call:?}").split([' ', '{']).next().unwrap().to_owned();
    let count = |input: &Input| match input {
        Input::Call(call) => add(&word(call)),
        Input::Calls(calls) => calls.iter().for_each(|call| add(&word(call))),
        Input::Upgrade(upgrade) if upgrade.code == Some(ContractCode::B) => add("to the newer code"),
        _ => {}
    };
    go_on((&devnet, &clock), Repertoire::Both, seed, ledgers, count).await;
    (devnet, counts)
}

#[tokio::test]
async fn the_larger_repertoire_has_every_call_of_the_newer_state_after_an_upgrade_in_the_middle() {
    let (devnet, seen) = play_both(&DevnetArgs::by_hand(), 3, 400).await;
    assert_eq!(seen["to the newer code"], 1);
    let calls = [
        "Create",
        "CreateWithCliff",
        "CreateBatch",
        "CreateSteps",
        "CreateHybrid",
        "CreateConditional",
        "CreateAllowance",
        "TopUp",
        "Withdraw",
        "WithdrawBatch",
        "Pause",
        "Resume",
        "Cancel",
        "TransferRecipient",
        "ModifyRate",
        "Close",
        "UnlockMilestone",
        "RequestDispute",
        "ResolveDispute",
        "ExtendTtl",
        "SetProtocolPause",
        "SetGuardian",
        "UpdateFee",
        "TransferAdmin",
        "Upgrade",
        "Migrate",
        "SetArbiter",
    ];
    for call in calls {
        assert!(seen.get(call).is_some_and(|count| *count >= 3), "{call}: {seen:?}");
    }
    devnet.check_balances().unwrap();
}

#[tokio::test]
async fn many_seeds_of_the_larger_repertoire_give_legal_inputs() {
    for seed in 0..20 {
        let contract_code = if seed % 3 == 0 { ContractCode::B } else { ContractCode::A };
        let args = DevnetArgs { contract_code, ..DevnetArgs::by_hand() };
        play_both(&args, seed, 60).await.0.check_balances().unwrap();
    }
}
