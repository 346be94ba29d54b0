//! What lies under the devnet's lock: the network, its journal, and those who wait for the next ledger. Here is the
//! order of a close: execute, write, show, export, answer.

use std::{path::Path, sync::Arc};

use thiserror::Error;
use tokio::sync::oneshot;

use super::{
    DevnetError,
    args::DevnetArgs,
    chain::{self, Ledger},
    event::EventKind,
    faults::InjectedFaults,
    hash::hex,
    history,
    input::{Input, NumberedCall},
    journal::{BadLine, Journal, JournalError, LedgerLine, Line},
    lake::Lake,
    network::{Executed, Network},
    refused::Refused,
    scenario::Scenario,
    start::Start,
};
use flowfi_domain::{ContractId, EventId, LedgerSequence, StreamId, UnixTime};

/// More than these do not wait for one ledger.
const MAX_WAITING: usize = 10_000;

/// What a submitted input came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The hash of its transaction, 64 hex digits.
    pub transaction_hash: String,
    /// The ledger that holds it.
    pub ledger: LedgerSequence,
    /// The stream it was about, the last one if there were several; none without a call.
    pub stream_id: Option<StreamId>,
    /// The events it emitted.
    pub events: Vec<EventId>,
}

/// Why a submitted input did not reach a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotDone {
    /// A contract refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The next ledger is full.
    #[error("too many calls wait for the next ledger")]
    Full,
    /// The network stopped.
    #[error("the local network has stopped")]
    Stopped,
}

type Answer = oneshot::Sender<Result<Receipt, NotDone>>;

/// The network and all that belongs to it.
pub(super) struct State {
    pub(super) network: Network,
    /// The network as its last reset left it.
    before_reset: Option<Network>,
    journal: Option<Journal>,
    lake: Option<Lake>,
    waiting: Vec<(Input, Answer)>,
    scenarios: Vec<Scenario>,
    pub(super) retention_ledgers: u32,
    /// How far ledger time runs ahead of the clock.
    ahead_seconds: u64,
    stopped: bool,
}

impl State {
    /// Starts a network, or goes on with the one in the journal.
    pub(super) fn open(args: &DevnetArgs, path: Option<&Path>, now: UnixTime) -> Result<Self, DevnetError> {
        let lake = args.lake_dir.as_deref().map(Lake::of_single_ledgers).transpose()?;
        // A lake also has the ledgers that are not kept.
        let kept_at_first = if lake.is_some() { u32::MAX } else { args.retention_ledgers };
        let mut network = None;
        let replay = |line| replay(&mut network, line, kept_at_first);
        let mut journal = path.map(|path| Journal::open(path, replay)).transpose()?;
        let mut network = if let Some(network) = network {
            network
        } else {
            let DevnetArgs { fee_bps, history_events, seed, contracts, contract_code: code, .. } = *args;
            let start = Start { closed_at: now, fee_bps, history_events, seed, contracts, code };
            let network = history::start_with_past(&start, kept_at_first);
            append(&mut journal, &Line::Start(start))?;
            network
        };
        lake.as_ref().map_or(Ok(()), |lake| lake.follow(&network.chain))?;
        network.chain.keep(args.retention_ledgers);
        let ahead_seconds = network.latest().closed_at.seconds_since(now);
        let latest = network.latest().sequence;
        let of_contract = |number: u8| Scenario::new(args.seed.wrapping_add(u64::from(number) << 32), latest);
        let contracts = if args.scenario { network.contracts().count() } else { 0 };
        let scenarios = (0..u8::MAX).take(contracts).map(of_contract).collect();
        let retention_ledgers = args.retention_ledgers;
        let waiting = Vec::new();
        Ok(Self {
            network,
            before_reset: None,
            journal,
            lake,
            waiting,
            scenarios,
            retention_ledgers,
            ahead_seconds,
            stopped: false,
        })
    }

    /// Lets an input wait for the next ledger.
    pub(super) fn submit(&mut self, input: Input) -> Result<oneshot::Receiver<Result<Receipt, NotDone>>, NotDone> {
        if self.stopped {
            return Err(NotDone::Stopped);
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(NotDone::Full);
        }
        let (answer, receiver) = oneshot::channel();
        self.waiting.push((input, answer));
        Ok(receiver)
    }

    /// Returns how many inputs wait for the next ledger.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.len()
    }

    /// Makes the ledger closed at the clock's `now` close at `closed_at`.
    pub(super) fn jump(&mut self, now: UnixTime, closed_at: UnixTime) {
        self.ahead_seconds = self.ahead_seconds.max(closed_at.seconds_since(now));
    }

    /// Returns when a ledger closes that is closed at the clock's `now`.
    pub(super) fn next_close(&self, now: UnixTime) -> UnixTime {
        now.plus_seconds(self.ahead_seconds).max(self.network.latest().closed_at)
    }

    /// Returns what the scenarios do in the ledger that closes then: each contract has its own.
    fn scenario_inputs(&mut self, closed_at: UnixTime) -> Vec<Input> {
        let scenarios = (0..).zip(&mut self.scenarios).zip(self.network.contracts());
        let inputs = scenarios.flat_map(|((contract, scenario), deployed)| {
            let calls = scenario.next_calls(&deployed.contract, closed_at).into_iter();
            calls.map(move |call| match contract {
                0 => Input::Call(call),
                _ => Input::Across(vec![NumberedCall { contract, call }]),
            })
        });
        inputs.collect()
    }

    /// Closes a ledger. An input that is refused never reaches it, as on a real network the simulation before it
    /// would have refused it.
    pub(super) fn close(&mut self, now: UnixTime) -> Result<(), DevnetError> {
        let closed_at = self.next_close(now);
        let mut waiting: Vec<_> = self.scenario_inputs(closed_at).into_iter().map(|input| (input, None)).collect();
        waiting.extend(std::mem::take(&mut self.waiting).into_iter().map(|(input, answer)| (input, Some(answer))));
        let (mut inputs, mut executed, mut answers) = (Vec::new(), Vec::new(), Vec::new());
        for (input, answer) in waiting {
            match self.network.execute(&input, closed_at) {
                Ok(done) => {
                    inputs.push(input);
                    executed.push(done);
                    answers.push(answer);
                }
                // A caller that went away needs no answer.
                Err(refused) => drop(answer.map(|answer: Answer| answer.send(Err(refused.into())))),
            }
        }
        let sequence = self.network.latest().sequence.next();
        append(&mut self.journal, &Line::Ledger(LedgerLine { sequence, closed_at, inputs }))?;
        let stream_ids: Vec<_> = executed.iter().map(|done: &Executed| done.stream_id).collect();
        let ledger = self.network.close(closed_at, executed);
        self.lake.as_ref().map_or(Ok(()), |lake| lake.write(&[Arc::clone(&ledger)]))?;
        for (receipt, answer) in receipts(&ledger, stream_ids).zip(answers) {
            // A caller that went away needs no answer.
            let _ = answer.map(|answer| answer.send(Ok(receipt)));
        }
        Ok(())
    }

    /// Starts the network over, at a later time than it ended and without a past.
    pub(super) fn reset(&mut self, now: UnixTime) -> Result<(), DevnetError> {
        let closed_at = now.plus_seconds(self.ahead_seconds).max(self.network.latest().closed_at.plus_seconds(1));
        self.jump(now, closed_at);
        let start = Start { closed_at, history_events: 0, ..self.network.start.clone() };
        append(&mut self.journal, &Line::Start(start.clone()))?;
        let started_over = history::start_with_past(&start, self.retention_ledgers);
        self.before_reset = Some(std::mem::replace(&mut self.network, started_over));
        self.lake.as_ref().map_or(Ok(()), |lake| lake.follow(&self.network.chain))?;
        Ok(())
    }

    /// Returns the network that a node with these faults serves.
    pub(super) fn seen(&self, injected: &InjectedFaults) -> &Network {
        self.before_reset.as_ref().filter(|_| injected.before_reset).unwrap_or(&self.network)
    }

    /// Keeps this many ledgers from now on.
    pub(super) fn set_retention(&mut self, ledgers: u32) {
        self.retention_ledgers = ledgers.max(1);
        self.network.chain.keep(self.retention_ledgers);
    }

    /// Ends the taking of inputs; those who wait learn it.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.waiting.clear();
    }

    /// Returns the ids of the events that the contracts' own code emitted in the ledgers that are kept.
    pub(super) fn events_of(&self, contract_ids: &[ContractId]) -> Vec<EventId> {
        let mut ids = Vec::new();
        for ledger in self.network.chain.ledgers() {
            for (number, transaction) in ledger.numbered() {
                let events = (0..).zip(&transaction.events).filter(|(_, event)| {
                    event.kind == EventKind::Contract && contract_ids.contains(&event.contract_id)
                });
                ids.extend(events.filter_map(|(index, _)| chain::event_id(ledger, number, index)));
            }
        }
        ids
    }
}

fn append(journal: &mut Option<Journal>, line: &Line) -> Result<(), JournalError> {
    journal.as_mut().map_or(Ok(()), |journal| journal.append(line))
}

fn replay(network: &mut Option<Network>, line: Line, retention_ledgers: u32) -> Result<(), BadLine> {
    let ledger = match line {
        Line::Start(start) => {
            *network = Some(history::start_with_past(&start, retention_ledgers));
            return Ok(());
        }
        Line::Ledger(ledger) => ledger,
    };
    let network = network.as_mut().ok_or(BadLine::BeforeStart)?;
    let latest = network.latest().sequence;
    if ledger.sequence != latest.next() {
        return Err(BadLine::NotNext { ledger: ledger.sequence, latest });
    }
    let mut executed = Vec::with_capacity(ledger.inputs.len());
    for input in &ledger.inputs {
        executed.push(network.execute(input, ledger.closed_at)?);
    }
    network.close(ledger.closed_at, executed);
    Ok(())
}

fn receipts(ledger: &Ledger, stream_ids: Vec<Option<StreamId>>) -> impl Iterator<Item = Receipt> {
    ledger.numbered().zip(stream_ids).map(|((number, transaction), stream_id)| Receipt {
        transaction_hash: hex(&transaction.hash),
        ledger: ledger.sequence,
        stream_id,
        events: (0..)
            .zip(&transaction.events)
            .filter_map(|(index, _)| chain::event_id(ledger, number, index))
            .collect(),
    })
}
