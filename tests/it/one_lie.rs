//! An endpoint that lies once: what it said is not believed for longer than it says it.

use std::time::Duration;

use flowfi_indexer::{
    domain::{EventId, LedgerSequence},
    ingest::{Indexer, IngestSettings, PaceArgs},
    store::IndexerState,
};
use serde_json::json;
use sqlx::PgPool;

use crate::{
    endpoints::{contract, pool_of},
    fake_rpc::{FakeRpc, PASSPHRASE},
    world::{World, eventually},
};

/// Seconds since 1970, as endpoints tell them.
const PAST: &str = "1784671000";
/// The same moment in milliseconds, which lies tens of thousands of years ahead if it is read as seconds.
const MILLISECONDS: &str = "1784671000000";
const TIP: u32 = 205;

struct Story {
    world: World,
    node: FakeRpc,
}

impl Story {
    async fn begin(pool: PgPool) -> Self {
        let (world, node) = (World::new(pool).await, FakeRpc::start().await);
        node.set(|node| (node.latest, node.close_time, node.health_close_time) = (TIP, PAST.into(), PAST));
        Self { world, node }
    }

    /// Runs an indexer until the story has ended.
    async fn tell(&self, story: impl Future<Output = ()>) {
        self.tell_with(self.world.settings().pace.check_interval, story).await;
    }

    /// The same, with checks at this interval.
    async fn tell_with(&self, check_interval: Duration, story: impl Future<Output = ()>) {
        let settings = self.world.settings();
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contract().into(),
            pace: PaceArgs { check_interval, ..settings.pace.clone() },
            ..settings
        };
        let stop = self.world.stop.child_token();
        let indexer = Indexer::new(pool_of(&[&self.node]), Vec::new(), self.world.store.clone(), settings);
        let story = async {
            story.await;
            stop.cancel();
        };
        let (ended, ()) = tokio::join!(Box::pin(indexer.run(stop.clone())), story);
        ended.unwrap();
    }

    async fn whole(&self) -> Option<LedgerSequence> {
        self.world.store.progress(&contract()).await.unwrap().map(|progress| progress.last_whole_ledger)
    }

    async fn is_at(&self, ledger: u32) {
        eventually("the tip is indexed", || async { self.whole().await == Some(LedgerSequence(ledger)) }).await;
    }
}

#[sqlx::test]
async fn a_close_time_in_the_future_does_not_stop_the_index_and_is_not_stored(pool: PgPool) {
    let story = Story::begin(pool).await;
    story.node.set(|node| (node.close_time, node.health_close_time) = (MILLISECONDS.into(), MILLISECONDS));
    let the_lie_ends = async {
        story.is_at(TIP).await;
        story.node.set(|node| {
            (node.latest, node.close_time, node.health_close_time) = (TIP + 1, PAST.into(), PAST);
        });
        story.is_at(TIP + 1).await;
    };
    story.tell(the_lie_ends).await;
    let seen = story.world.store.network().await.unwrap().unwrap().seen;
    assert!(seen.is_none_or(|(_, closed_at)| closed_at.timestamp().to_string() == PAST), "{seen:?}");
    let stored = "select max(last_whole_ledger_closed_at)::text from cursors";
    let stored: Option<String> = sqlx::query_scalar(stored).fetch_one(&story.world.pool).await.unwrap();
    assert!(stored.is_some_and(|closed_at| closed_at.starts_with("2026-07-2")), "the true time is stored");
    // What an earlier version stored does no harm either.
    let stored = "update network set seen_ledger = 206, seen_ledger_closed_at = '4000-01-01'";
    sqlx::query(stored).execute(&story.world.pool).await.unwrap();
    story.node.set(|node| node.latest = TIP + 2);
    story.tell(story.is_at(TIP + 2)).await;
}

#[sqlx::test]
async fn ledgers_that_one_answer_claims_and_the_next_does_not_know_are_not_skipped(pool: PgPool) {
    let story = Story::begin(pool).await;
    let one_lie = async {
        story.is_at(TIP).await;
        story.node.set(|node| node.latest_of_next.push_back(TIP + 1_000));
        eventually("the lie is refuted", || async {
            let report = story.world.store.indexer_report(&contract()).await.unwrap().map(|aged| aged.report);
            report.is_some_and(|report| {
                report.state == IndexerState::SourceAway && report.detail.is_some_and(|why| why.contains("claimed"))
            })
        })
        .await;
        assert_eq!(story.whole().await, Some(LedgerSequence(TIP)));
        story.node.set(|node| node.latest = TIP + 1);
        story.is_at(TIP + 1).await;
    };
    story.tell(one_lie).await;
}

#[sqlx::test]
async fn a_tip_that_one_answer_claims_a_little_too_high_does_not_last(pool: PgPool) {
    let story = Story::begin(pool).await;
    let reports = async |tip: u32| {
        eventually("the tip is reported", || async {
            let report = story.world.store.indexer_report(&contract()).await.unwrap().map(|aged| aged.report);
            report.is_some_and(|report| report.tip_ledger == Some(LedgerSequence(tip)))
        })
        .await;
    };
    let one_lie = async {
        story.is_at(TIP).await;
        story.node.set(|node| node.cursor = Some(EventId::end_of_ledger(LedgerSequence(TIP))));
        eventually("the lie is reported", || async {
            story.node.set(|node| node.latest_of_next = [TIP + 15].into());
            let report = story.world.store.indexer_report(&contract()).await.unwrap().map(|aged| aged.report);
            report.is_some_and(|report| report.tip_ledger == Some(LedgerSequence(TIP + 15)))
        })
        .await;
        story.node.set(|node| {
            node.latest_of_next.clear();
            (node.cursor, node.latest) = (None, TIP + 1);
        });
        reports(TIP + 1).await;
    };
    story.tell(one_lie).await;
}

#[sqlx::test]
async fn events_of_ledgers_that_a_single_endpoint_claimed_too_early_are_written_late(pool: PgPool) {
    let story = Story::begin(pool).await;
    let late = EventId::of(LedgerSequence(TIP + 10), 1, 0, 0).unwrap();
    let event = json!({"type": "contract", "ledger": TIP + 10, "ledgerClosedAt": "2026-07-21T18:01:10Z",
        "contractId": contract(), "id": late, "txHash": "ab".repeat(32), "topic": [], "value": "AAAAAQ=="});
    let one_lie = async {
        story.is_at(TIP).await;
        eventually("the lie is believed", || async {
            story.node.set(|node| node.latest_of_next = [TIP + 15].into());
            story.whole().await == Some(LedgerSequence(TIP + 15))
        })
        .await;
        story.node.set(|node| {
            node.latest_of_next.clear();
            (node.latest, node.events) = (TIP + 16, vec![event]);
        });
        let count = || async { story.world.store.quarantine_count(&contract()).await.unwrap() };
        eventually("the event is written", || async { count().await.unknown + count().await.refused == 1 }).await;
    };
    story.tell_with(Duration::from_millis(5), one_lie).await;
}

#[sqlx::test]
async fn a_tip_that_is_claimed_for_a_moment_at_a_hole_is_not_reported_for_longer(pool: PgPool) {
    let story = Story::begin(pool).await;
    let reports = async |tip: u32| {
        eventually("the tip is reported", || async {
            let report = story.world.store.indexer_report(&contract()).await.unwrap().map(|aged| aged.report);
            report.is_some_and(|report| {
                report.state == IndexerState::Hole && report.tip_ledger == Some(LedgerSequence(tip))
            })
        })
        .await;
    };
    let one_lie = async {
        story.is_at(TIP).await;
        story.node.set(|node| (node.oldest, node.latest) = (TIP + 50, TIP + 60));
        reports(TIP + 60).await;
        story.node.set(|node| node.latest = TIP + 1_000_000);
        reports(TIP + 1_000_000).await;
        story.node.set(|node| node.latest = TIP + 61);
        reports(TIP + 61).await;
    };
    story.tell(one_lie).await;
}

#[sqlx::test]
async fn a_tip_that_one_answer_claims_is_neither_reported_nor_remembered(pool: PgPool) {
    let story = Story::begin(pool).await;
    let report = async || story.world.store.indexer_report(&contract()).await.unwrap().map(|aged| aged.report);
    let one_lie = async {
        story.is_at(TIP).await;
        story.node.set(|node| {
            node.cursor = Some(EventId::end_of_ledger(LedgerSequence(TIP)));
            node.latest_of_next.push_back(TIP + 1_000_000);
        });
        eventually("the lie was told", || async {
            let mut is_told = false;
            story.node.set(|node| is_told = node.latest_of_next.is_empty());
            is_told
        })
        .await;
        story.node.set(|node| (node.cursor, node.latest) = (None, TIP + 1));
        story.is_at(TIP + 1).await;
        eventually("it follows again", || async {
            report().await.is_some_and(|report| report.state == IndexerState::Following)
        })
        .await;
    };
    story.tell(one_lie).await;
    assert_eq!(report().await.unwrap().tip_ledger, Some(LedgerSequence(TIP + 1)));
    let seen = story.world.store.network().await.unwrap().unwrap().seen;
    assert!(seen.is_none_or(|(ledger, _)| ledger <= LedgerSequence(TIP + 1)), "{seen:?}");
}
