//! The random histories of the real contract, learned from events and from entries read one by one: at the tip after every
//! call, and after a catch-up over all of them.

use std::{collections::BTreeMap, time::Duration};

use flowfi_indexer::{
    domain::{LedgerSequence, StreamId, StreamKey},
    ingest::{Indexer, IngestSettings, PaceArgs, RecordState, Waits},
};
use sqlx::PgPool;

use crate::{
    histories::{
        calls::{Call, Claimable, NEWER, OLDER, by_time},
        chain::{RepeatedCalls, contracts},
        shown::{Compared, Shown},
    },
    made_chain::PASSPHRASE,
    world::{GatewaySettings, NO_CHECK, World, eventually},
};

/// The slow walk finds what changed without an event.
const WALK: Duration = Duration::from_millis(200);
const SOON: Duration = Duration::from_millis(20);

struct OverRpc {
    world: World,
    repeated: RepeatedCalls,
    shown: Shown,
    state: RecordState,
}

impl OverRpc {
    /// Starts a gateway, and no indexer yet.
    async fn begin(pool: PgPool, calls: &[Call], state: RecordState) -> Self {
        let (mut world, repeated) = (World::new(pool).await, RepeatedCalls::begin().await);
        let contracts = Some(contracts(calls));
        let of_gateway = GatewaySettings { asks_the_chain: false, contracts, ..Default::default() };
        let shown = Shown::by(world.start_gateway(of_gateway).await);
        Self { world, repeated, shown, state }
    }

    fn start_indexer(&mut self, calls: &[Call], check_interval: Duration) {
        let settings = self.world.settings();
        let start_ledger = Some(LedgerSequence(2));
        let pace = PaceArgs { start_ledger, records: self.state.into(), check_interval, ..settings.pace.clone() };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contracts(calls),
            pace,
            waits: Waits { comparison: SOON, ..settings.waits },
            ..settings
        };
        let source = self.repeated.chain.source_of_events();
        self.world.start(Indexer::new(source, Vec::new(), self.world.store.clone(), settings));
    }

    /// Waits until everything of the call's contract is indexed up to a ledger, and every record of it compared.
    async fn certain(&self, call: &Call, up_to: LedgerSequence) {
        let (store, contract_id) = (&self.world.store, call.contract_id());
        eventually(&format!("all is certain after {}", call.place()), || async {
            let progress = store.progress(&contract_id).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= up_to)
                && store.uncertain_streams(&contract_id, StreamId(0), 1).await.unwrap().is_empty()
        })
        .await;
    }

    /// Waits until the API shows what a hook of the recorder wrote. No event says so.
    async fn walked(&self, call: &Call) {
        for (key, stored) in call.stored() {
            let what = format!("the walk has come to stream {} after {}", key.1, call.place());
            eventually(&what, || self.shown.is_equal(&key, stored.as_ref())).await;
        }
    }
}

/// Makes the calls one by one, and compares what the API shows after each.
async fn at_the_tip(pool: PgPool, calls: &[Call], state: RecordState) -> Compared {
    let mut replay = OverRpc::begin(pool, calls, state).await;
    let is_hook = |call: &Call| call.op.starts_with("hook_");
    replay.start_indexer(calls, if calls.iter().any(is_hook) { WALK } else { NO_CHECK });
    for call in calls {
        let ledger = replay.repeated.repeat(call);
        replay.certain(call, ledger).await;
        if is_hook(call) {
            replay.walked(call).await;
        }
        replay.shown.compare(call, &replay.repeated.known).await;
    }
    replay.shown.compared
}

/// Makes all calls, indexes them, and compares the last state of each stream and what was claimable of it.
async fn after_a_catch_up(pool: PgPool, calls: &[Call], state: RecordState) -> Compared {
    let mut replay = OverRpc::begin(pool, calls, state).await;
    let mut left: BTreeMap<StreamKey, (Vec<Claimable>, String)> = BTreeMap::new();
    for call in calls {
        replay.repeated.repeat(call);
        for (key, _) in call.stored() {
            left.insert(key, (Vec::new(), call.place()));
        }
        for claimable in call.claimables() {
            let key = (call.contract_id(), StreamId(claimable.stream));
            left.entry(key).or_default().0.push(claimable);
        }
    }
    let tip = replay.repeated.chain.close(calls.last().unwrap().now, Vec::new());
    replay.start_indexer(calls, NO_CHECK);
    let lasts: BTreeMap<u8, &Call> = calls.iter().map(|call| (call.history, call)).collect();
    for call in lasts.values() {
        replay.certain(call, tip).await;
    }
    let OverRpc { mut shown, repeated, .. } = replay;
    for (key, (claimables, place)) in left {
        shown.compare_record(&key, repeated.stored.get(&key), &repeated.known, &place).await;
        for claimable in claimables {
            shown.compare_claimable(&key, claimable, &repeated.known, &place).await;
        }
    }
    shown.compared
}

/// An index follows at most 25 contracts.
fn newer(has_history: impl Fn(u8) -> bool) -> Vec<Call> {
    by_time(NEWER).into_iter().filter(|call| has_history(call.history)).collect()
}

#[sqlx::test]
async fn at_the_tip_the_api_shows_what_the_older_contract_stores_after_every_call(pool: PgPool) {
    let compared = at_the_tip(pool, &by_time(OLDER), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 567, deletions: 0, claimables: 567 });
}

#[sqlx::test]
async fn at_the_tip_the_api_shows_what_the_newer_contract_stores_after_every_call(pool: PgPool) {
    let compared = at_the_tip(pool, &newer(|history| history < 60), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 525, deletions: 64, claimables: 1_809 });
}

#[sqlx::test]
async fn at_the_tip_the_api_shows_the_same_of_the_other_half_of_the_histories(pool: PgPool) {
    let compared = at_the_tip(pool, &newer(|history| history >= 60), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 539, deletions: 41, claimables: 1_776 });
}

#[sqlx::test]
async fn after_a_catch_up_the_api_shows_what_the_older_contract_stores(pool: PgPool) {
    let compared = after_a_catch_up(pool, &by_time(OLDER), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 96, deletions: 0, claimables: 96 });
}

#[sqlx::test]
async fn after_a_catch_up_the_api_shows_what_the_newer_contract_stores(pool: PgPool) {
    let compared = after_a_catch_up(pool, &newer(|history| history < 60), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 83, deletions: 20, claimables: 333 });
}

#[sqlx::test]
async fn after_a_catch_up_the_api_shows_the_same_of_the_other_half_of_the_histories(pool: PgPool) {
    let compared = after_a_catch_up(pool, &newer(|history| history >= 60), RecordState::Both).await;
    assert_eq!(compared, Compared { records: 109, deletions: 14, claimables: 387 });
}

#[sqlx::test]
async fn with_entries_alone_the_api_shows_the_same_at_the_tip(pool: PgPool) {
    let compared = at_the_tip(pool, &newer(|history| history < 60), RecordState::Entries).await;
    assert_eq!(compared, Compared { records: 525, deletions: 64, claimables: 1_809 });
}

#[sqlx::test]
async fn with_entries_alone_the_api_shows_the_same_after_a_catch_up(pool: PgPool) {
    let compared = after_a_catch_up(pool, &newer(|history| history < 60), RecordState::Entries).await;
    assert_eq!(compared, Compared { records: 83, deletions: 20, claimables: 333 });
}
