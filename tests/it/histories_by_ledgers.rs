//! The random histories of the real contract, put into whole ledgers call by call: after each of them the API shows every
//! stored record and every claimable amount as the contract has them.

use std::collections::BTreeSet;

use flowfi_indexer::{
    domain::{LedgerRange, LedgerSequence, holes},
    ingest::{Follow, Indexer, IngestSettings, PaceArgs, RecordState},
};
use sqlx::PgPool;

use crate::{
    histories::{
        calls::{Call, NEWER, OLDER, by_time},
        chain::{RepeatedCalls, contracts},
        shown::{Compared, Shown},
    },
    made_chain::PASSPHRASE,
    world::{GatewaySettings, World, eventually},
};

/// The histories on their way through the ledgers, the index and the API.
struct Replay {
    world: World,
    repeated: RepeatedCalls,
    shown: Shown,
}

impl Replay {
    async fn begin(pool: PgPool, calls: &[Call], state: RecordState) -> Self {
        let contracts = contracts(calls);
        let (mut world, repeated) = (World::new(pool).await, RepeatedCalls::begin().await);
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            records: state.into(),
            follow: Follow::Ledgers,
            ..world.settings().pace
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contracts.clone(),
            pace,
            ..world.settings()
        };
        world.start(Indexer::new(repeated.chain.source(), Vec::new(), world.store.clone(), settings));
        let of_gateway = GatewaySettings { asks_the_chain: false, contracts: Some(contracts), ..Default::default() };
        let shown = Shown::by(world.start_gateway(of_gateway).await);
        Self { world, repeated, shown }
    }

    /// Makes the call in a ledger of its own, and compares everything that is recorded of what it left.
    async fn repeat(&mut self, call: &Call) {
        let ledger = self.repeated.repeat(call);
        let (store, contract_id) = (self.world.store.clone(), call.contract_id());
        eventually(&format!("{} is indexed", call.place()), || async {
            let progress = store.progress(&contract_id).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= ledger)
        })
        .await;
        self.shown.compare(call, &self.repeated.known).await;
    }
}

/// Replays calls, and returns what was compared and which ledgers count as not seen.
async fn replay(pool: PgPool, calls: &[Call], state: RecordState) -> (Compared, u64) {
    let mut replay = Replay::begin(pool, calls, state).await;
    for call in calls {
        replay.repeat(call).await;
    }
    let mut withdrawn = 0;
    for contract_id in calls.iter().map(Call::contract_id).collect::<BTreeSet<_>>() {
        let covered = replay.world.store.coverage(&contract_id).await.unwrap();
        let read = replay.world.store.progress(&contract_id).await.unwrap().unwrap().last_whole_ledger;
        let all = LedgerRange::new(LedgerSequence(2), read).unwrap();
        withdrawn +=
            holes(all, covered.iter().map(|covered| covered.ledgers)).iter().map(|hole| hole.count()).sum::<u64>();
    }
    (replay.shown.compared, withdrawn)
}

#[sqlx::test]
async fn the_api_shows_what_the_older_contract_stores_and_answers_after_every_call(pool: PgPool) {
    let (compared, withdrawn) = replay(pool, &by_time(OLDER), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 567, deletions: 0, claimables: 567 });
    assert_eq!(withdrawn, 0, "every change has its event");
}

/// An index follows at most 25 contracts.
async fn newer(pool: PgPool, has_history: impl Fn(u8) -> bool, state: RecordState) -> (Compared, u64) {
    let calls: Vec<Call> = by_time(NEWER).into_iter().filter(|call| has_history(call.history)).collect();
    replay(pool, &calls, state).await
}

#[sqlx::test]
async fn the_api_shows_what_the_newer_contract_stores_and_answers_after_every_call(pool: PgPool) {
    let (compared, withdrawn) = newer(pool, |history| history < 60, RecordState::Both).await;
    assert_eq!(compared, Compared { records: 525, deletions: 64, claimables: 1_809 });
    assert_eq!(withdrawn, 0, "an arbiter may change without an event, and everything else has one");
}

#[sqlx::test]
async fn the_api_shows_the_same_of_the_other_half_of_the_histories(pool: PgPool) {
    let (compared, withdrawn) = newer(pool, |history| history >= 60, RecordState::Both).await;
    assert_eq!(compared, Compared { records: 539, deletions: 41, claimables: 1_776 });
    assert_eq!(withdrawn, 0, "an arbiter may change without an event, and everything else has one");
}

#[sqlx::test]
async fn with_entries_alone_the_api_shows_the_same(pool: PgPool) {
    let (compared, withdrawn) = newer(pool, |history| history < 60, RecordState::Entries).await;
    assert_eq!(compared, Compared { records: 525, deletions: 64, claimables: 1_809 });
    assert_eq!(withdrawn, 0, "an arbiter may change without an event, and everything else has one");
}
