//! Entries in whole ledgers that events do not explain, or that nobody can read.

use std::time::Duration;

use flowfi_indexer::{
    domain::{EventId, LedgerRange, LedgerSequence, StreamRecord, holes},
    ingest::{Indexer, IngestSettings, PaceArgs, RecordState, Waits, backfill, replay_quarantine},
    source::{EndpointPool, WholeLedgers},
    xdr::LedgerContents,
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_xdr::{LedgerEntryChange, Limits, WriteXdr};

use crate::{
    made_chain::{Made, MadeChain, MadeEvent, PASSPHRASE, change},
    made_stream::{STREAM, contract, creation, entry, unreadable, withdrawal},
    world::{GatewaySettings, Subscriber, World, eventually},
};

struct Small {
    world: World,
    chain: MadeChain,
}

impl Small {
    /// An index of the contract, with the stream created in ledger 3.
    async fn begin(pool: PgPool) -> Self {
        Self::begin_with(pool, MadeChain::source, Waits::default().comparison).await
    }

    /// The same from another source. A comparison that could not be made is made again after this time.
    async fn begin_with(pool: PgPool, source: impl Fn(&MadeChain) -> EndpointPool, comparison: Duration) -> Self {
        let (mut world, chain) = (World::new(pool).await, MadeChain::start().await);
        let pace = PaceArgs {
            start_ledger: Some(LedgerSequence(2)),
            records: RecordState::Both.into(),
            ..world.settings().pace
        };
        let settings = IngestSettings {
            network_passphrase: PASSPHRASE.to_owned(),
            contracts: contract().into(),
            pace,
            waits: Waits { comparison, ..world.settings().waits },
            ..world.settings()
        };
        world.start(Indexer::new(source(&chain), Vec::new(), world.store.clone(), settings));
        let small = Self { world, chain };
        small.close(100, vec![creation()], &change(&contract(), STREAM, None, Some(&entry(0)))).await;
        small
    }

    async fn close(&self, at: u64, events: Vec<MadeEvent>, changes: &[LedgerEntryChange]) -> LedgerSequence {
        let made = Made { contract_id: contract(), events, changes: changes.to_vec() };
        let ledger = self.chain.close(at, vec![made]);
        eventually("the ledger is indexed", || async {
            let progress = self.world.store.progress(&contract()).await.unwrap();
            progress.is_some_and(|progress| progress.last_whole_ledger >= ledger)
        })
        .await;
        ledger
    }

    async fn record(&self) -> StreamRecord {
        self.world.store.stream(&contract(), STREAM).await.unwrap().unwrap()
    }

    async fn base(&mut self) -> String {
        let settings =
            GatewaySettings { asks_the_chain: false, contracts: Some(contract().into()), ..Default::default() };
        self.world.start_gateway(settings).await
    }

    async fn not_seen(&self) -> Vec<LedgerRange> {
        let covered = self.world.store.coverage(&contract()).await.unwrap();
        let read = self.world.store.progress(&contract()).await.unwrap().unwrap().last_whole_ledger;
        let all = LedgerRange::new(LedgerSequence(2), read).unwrap();
        holes(all, covered.iter().map(|covered| covered.ledgers))
    }

    async fn corrections(&self) -> Vec<(String, String, String)> {
        let corrections = self.world.store.corrections_of(&contract(), STREAM, 10).await.unwrap();
        corrections.into_iter().map(|found| (found.field, found.ours, found.chains)).collect()
    }
}

#[sqlx::test]
async fn an_equal_entry_marks_the_record_and_is_not_kept(pool: PgPool) {
    let small = Small::begin(pool).await;
    let record = small.record().await;
    assert_eq!(record.checked_at_ledger, Some(LedgerSequence(3)));
    let kept: i64 = sqlx::query_scalar("select count(*) from baselines").fetch_one(&small.world.pool).await.unwrap();
    assert_eq!((kept, small.corrections().await), (0, Vec::new()));
}

#[sqlx::test]
async fn a_change_without_an_event_corrects_the_record_and_has_its_ledger_read_again(pool: PgPool) {
    let mut small = Small::begin(pool).await;
    let base = small.base().await;
    let mut subscriber = Subscriber::connect(&base, "all=true", None).await;
    let ledger = small.close(110, Vec::new(), &change(&contract(), STREAM, Some(&entry(0)), Some(&entry(60)))).await;
    small.close(120, Vec::new(), &[]).await;
    assert_eq!(small.record().await.withdrawn.to_string(), "60");
    assert_eq!(small.corrections().await, [("withdrawn_amount".to_owned(), "0".to_owned(), "60".to_owned())]);
    assert_eq!(small.not_seen().await, [LedgerRange::new(ledger, ledger).unwrap()]);
    let told = subscriber.next().await.unwrap();
    assert_eq!(told.event.as_deref(), Some("changed"));
    assert_eq!(told.data, Some(json!({ "streams": [{ "contractId": contract(), "streamId": "1" }] })));

    let whole = WholeLedgers::of_endpoints(small.chain.source(), StdRng::seed_from_u64(7)).unwrap();
    let whole = [whole.read_for(LedgerContents::EventsAndEntries)];
    let again = LedgerRange::new(ledger, ledger).unwrap();
    backfill(&small.world.store, &contract(), &whole, again, |_| {}).await.unwrap();
    assert_eq!(small.not_seen().await, [], "it was read again, and that is what there is");
    assert_eq!(small.record().await.withdrawn.to_string(), "60");
    assert_eq!(small.corrections().await.len(), 1, "it was corrected once");
}

#[sqlx::test]
async fn a_removed_entry_closes_the_record(pool: PgPool) {
    let small = Small::begin(pool).await;
    small.close(110, Vec::new(), &change(&contract(), STREAM, Some(&entry(0)), None)).await;
    let record = small.record().await;
    assert!(record.closed);
    assert_eq!(record.checked_at_ledger, Some(LedgerSequence(4)));
}

#[sqlx::test]
async fn an_unreadable_entry_leaves_the_record_marks_it_and_is_quarantined(pool: PgPool) {
    let mut small = Small::begin(pool).await;
    let base = small.base().await;
    let before = small.record().await;
    let broken = change(&contract(), STREAM, Some(&entry(0)), Some(&unreadable()));
    small.close(110, Vec::new(), &broken).await;
    let after = small.record().await;
    let unmarked =
        StreamRecord { schedule: before.schedule.clone(), awaits_entry: before.awaits_entry, ..after.clone() };
    assert_eq!(unmarked, before, "the record keeps its last checked state");
    let (_, shown) = small.world.get(&base, "/v1/streams/1").await;
    assert_eq!((&shown["claimableAmount"], &shown["claimableReason"]), (&Value::Null, &json!("unreadableEntry")));
    let kept = small.world.store.quarantined_after(&contract(), EventId::ZERO, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].stream_id, kept[0].raw.id.ledger()), (Some(STREAM), LedgerSequence(4)));
    assert!(kept[0].reason.contains("sender"), "{}", kept[0].reason);
    let LedgerEntryChange::Updated(stored) = &broken[1] else { panic!("{broken:?}") };
    assert_eq!(kept[0].raw.value, {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(stored.data.to_xdr(Limits::none()).unwrap())
    });

    let replayed = replay_quarantine(&small.world.store, &contract(), |_| {}).await.unwrap();
    assert_eq!((replayed.released, replayed.kept), (0, 1), "this version cannot read it");
    let (_, shown) = small.world.get(&base, "/v1/streams/1").await;
    assert_eq!(shown["claimableReason"], "unreadableEntry", "a replay leaves the mark");

    small.close(130, Vec::new(), &change(&contract(), STREAM, Some(&unreadable()), Some(&entry(0)))).await;
    let (_, shown) = small.world.get(&base, "/v1/streams/1").await;
    assert_eq!((&shown["claimableReason"], &shown["schedule"]["kind"]), (&Value::Null, &json!("linear")));
}

impl Small {
    /// Waits until the API says so of what is claimable.
    async fn shows_reason(&self, base: &str, reason: &Value) {
        eventually(&format!("the reason is {reason}"), || async {
            self.world.get(base, "/v1/streams/1").await.1["claimableReason"] == *reason
        })
        .await;
    }

    /// Waits until the record was compared after its last event.
    async fn certain(&self) {
        let is_certain = || async {
            let record = self.record().await;
            record.checked_at_ledger >= Some(record.last_event.ledger())
        };
        eventually("the record is certain", is_certain).await;
    }
}

#[sqlx::test]
async fn an_unreadable_entry_that_was_asked_for_marks_the_record_and_is_quarantined_once(pool: PgPool) {
    let mut small = Small::begin_with(pool, MadeChain::source_of_events, Duration::from_millis(20)).await;
    let base = small.base().await;
    small.certain().await;
    let before = small.record().await;
    let broken = change(&contract(), STREAM, Some(&entry(0)), Some(&unreadable()));
    small.close(110, vec![withdrawal(60)], &broken).await;
    small.shows_reason(&base, &json!("unreadableEntry")).await;
    let after = small.record().await;
    assert_eq!((after.withdrawn.to_string(), after.deposited), ("60".to_owned(), before.deposited));
    assert_eq!(after.checked_at_ledger, before.checked_at_ledger, "it was last compared before");
    let kept = small.world.store.quarantined_after(&contract(), EventId::ZERO, 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].stream_id, kept[0].raw.id.ledger()), (Some(STREAM), LedgerSequence(4)));
    assert!(kept[0].reason.contains("sender"), "{}", kept[0].reason);
    let LedgerEntryChange::Updated(stored) = &broken[1] else { panic!("{broken:?}") };
    assert_eq!(kept[0].raw.value, {
        use base64::{Engine, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(stored.data.to_xdr(Limits::none()).unwrap())
    });
    let replayed = replay_quarantine(&small.world.store, &contract(), |_| {}).await.unwrap();
    assert_eq!((replayed.released, replayed.kept), (0, 1), "this version cannot read it");
    let told = small.world.store.revisions_after(0).await.unwrap();
    assert_eq!(told.len(), 1, "readers are told once");

    let mended = change(&contract(), STREAM, Some(&unreadable()), Some(&entry(100)));
    small.close(120, vec![withdrawal(40)], &mended).await;
    small.shows_reason(&base, &Value::Null).await;
    small.certain().await;
    assert_eq!(small.record().await.withdrawn.to_string(), "100");
    assert!(small.corrections().await.is_empty());
}

#[sqlx::test]
async fn while_entries_cannot_be_had_the_index_goes_on_and_asks_for_them_less_and_less_often(pool: PgPool) {
    let small = Small::begin_with(pool, MadeChain::source_of_events, Duration::from_secs(2)).await;
    small.certain().await;
    small.chain.withhold_entries(true);
    let before = small.chain.requests_for_entries();
    for number in 1..=20 {
        let changes = change(&contract(), STREAM, Some(&entry(number - 1)), Some(&entry(number)));
        small.close(110 + number, vec![withdrawal(1)], &changes).await;
    }
    assert_eq!(small.record().await.withdrawn.to_string(), "20");
    let requests = small.chain.requests_for_entries() - before;
    assert!((1..10).contains(&requests), "{requests} requests in 20 ledgers");
    small.chain.withhold_entries(false);
    small.certain().await;
    assert!(small.corrections().await.is_empty());
}
