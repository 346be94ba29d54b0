//! Whom a record that changed without an event is told to: it was completed or corrected from the chain's own entry.

use std::collections::{BTreeMap, BTreeSet};

use flowfi_indexer::{
    auth::Scope,
    devnet::Call,
    domain::{Baseline, EventId, RawBaseline, StreamEntry, StreamId},
    ingest::{LateEvents, write_late},
    store::{EntryChecks, TakenEntry},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::timeout;

use crate::{
    auth::{Access, Guarded},
    openapi::described::Described,
    revised::until_told,
    world::{DEADLINE, Frame, GatewaySettings, Subscriber, World, eventually},
};

/// A compared index with a stream from Alice to Bob and another from Carol to Dave.
async fn compared(pool: PgPool) -> World {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 1_000).await;
    world.create("carol", "dave", 1_000_000, 1_000).await;
    world.start(world.comparing());
    world.indexed().await;
    world.compared().await;
    world
}

impl World {
    /// Waits until every record was compared with the chain after its last event.
    async fn compared(&self) {
        let contract_id = self.devnet.contract_id();
        let are_certain =
            || async { self.store.uncertain_streams(&contract_id, StreamId(0), 10).await.unwrap().is_empty() };
        eventually("every record is certain", are_certain).await;
    }

    /// Changes records behind the indexer's back and lets it correct them.
    async fn corrected(&self, change: &str, streams: &[&str]) {
        let change = format!("update streams set checked_at_ledger = null, {change} where stream_id = any($1)");
        let changed = sqlx::query(sqlx::AssertSqlSafe(change)).bind(streams).execute(&self.pool).await.unwrap();
        assert_eq!(changed.rows_affected(), u64::try_from(streams.len()).unwrap());
        // An event of any stream has all of them compared.
        self.create("erin", "frank", 1_000_000, 100).await;
        self.indexed().await;
        self.compared().await;
    }

    fn streams(&self, streams: &[&str]) -> Value {
        let stream = |stream_id: &&str| json!({ "contractId": self.devnet.contract_id(), "streamId": stream_id });
        json!({ "streams": streams.iter().map(stream).collect::<Vec<_>>() })
    }
}

fn is_notice(frame: &Frame) -> bool {
    frame.event.is_some() && frame.feed_id().is_none()
}

/// Reads up to the first notice.
pub async fn notice(subscriber: &mut Subscriber) -> (String, Value) {
    let reading = async {
        loop {
            let frame = subscriber.next().await.expect("the stream continues");
            if is_notice(&frame) {
                Described::new().check_frame(&frame);
                return (frame.event.unwrap(), frame.data.unwrap());
            }
        }
    };
    timeout(DEADLINE, reading).await.expect("a notice arrives within the deadline")
}

/// Reads up to an event, and returns the names of the notices before it.
async fn notices_before(subscriber: &mut Subscriber, event: EventId) -> Vec<String> {
    let mut notices = Vec::new();
    loop {
        let frame = subscriber.next().await.expect("the stream continues");
        if frame.feed_id() == Some(event) {
            return notices;
        }
        notices.extend(frame.event.clone().filter(|_| is_notice(&frame)));
    }
}

/// Returns an id that lies before every correction, as a client that goes away has it.
async fn id_of_now(base: &str) -> String {
    Subscriber::connect(base, "all=true", None).await.last_id.unwrap()
}

#[sqlx::test]
async fn a_correction_is_told_to_the_streams_subscriber_and_its_parties_before_and_after_and_to_nobody_else(
    pool: PgPool,
) {
    let mut world = compared(pool).await;
    let one = world.start_gateway(GatewaySettings::default()).await;
    let another = world.start_gateway(GatewaySettings::default()).await;
    let account = |name: &str| world.devnet.account(name);
    let (bob, stranger, carol) = (account("bob"), account("stranger"), account("carol"));
    let mut concerned = Vec::new();
    for query in ["streams=1".to_owned(), "all=true".to_owned(), format!("users={bob}"), format!("users={stranger}")] {
        concerned.push(Subscriber::connect(&one, &query, None).await);
        concerned.push(Subscriber::connect(&another, &query, None).await);
    }
    let mut others = Vec::new();
    for query in ["streams=2".to_owned(), format!("users={carol}")] {
        others.push(Subscriber::connect(&one, &query, None).await);
    }
    world.corrected(&format!("recipient = '{stranger}'"), &["1"]).await;
    for subscriber in &mut concerned {
        assert_eq!(notice(subscriber).await, ("changed".to_owned(), world.streams(&["1"])));
    }
    let paused = world.call(Call::Pause { stream_id: StreamId(2), caller: None }).await;
    for subscriber in &mut others {
        assert_eq!(notices_before(subscriber, paused.events[0]).await, Vec::<String>::new());
        let last_id = subscriber.last_id.as_deref().unwrap();
        assert!(last_id.ends_with(".0.1"), "{last_id}: there is nothing to tell it");
    }
    assert_eq!(world.store.revisions_after(0).await.unwrap().len(), 1);
}

/// Event rows are folded again where a comparison finds other parties. An entry that is written beside the batches tells
/// the parties that it takes away all the same.
#[sqlx::test]
async fn a_record_that_is_set_from_an_entry_is_told_to_the_parties_that_it_had(pool: PgPool) {
    let world = compared(pool).await;
    let record = world.record().await;
    let account = |name: &str| world.devnet.account(name);
    let entry = StreamEntry { recipient: account("stranger"), ..StreamEntry::from(&record) };
    let raw = RawBaseline {
        stream_id: record.stream_id,
        position: EventId::end_of_ledger(record.last_event.ledger()),
        entry_xdr: "as the chain has it".to_owned(),
        last_modified_ledger: record.last_event.ledger(),
        live_until_ledger: None,
    };
    let differences = entry.differences_from(&record);
    let (stream_id, baseline) = (record.stream_id, Some(Baseline { raw, entry }));
    let taken = vec![TakenEntry { stream_id, baseline, last_event: record.last_event, differences }];
    let checks = EntryChecks {
        contract_id: &world.devnet.contract_id(),
        epoch: world.store.epoch().await.unwrap(),
        at_ledger: record.last_event.ledger(),
        equal: Vec::new(),
        taken,
        unreadable: Vec::new(),
        missed_in: BTreeMap::new(),
    };
    assert_eq!(world.store.write_entry_checks(&checks).await.unwrap(), [record.stream_id]);
    let revisions = world.store.revisions_after(0).await.unwrap();
    let changed = revisions[0].changed.as_ref().unwrap();
    let told = BTreeSet::from(["alice", "bob", "stranger"].map(account));
    assert_eq!(changed.values().cloned().collect::<Vec<_>>(), [told]);
}

#[sqlx::test]
async fn types_do_not_narrow_what_is_told_of_a_streams_record(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "streams=1&types=stream.closed", None).await;
    world.corrected("withdrawn = 7", &["1"]).await;
    assert_eq!(notice(&mut subscriber).await, ("changed".to_owned(), world.streams(&["1"])));
}

#[sqlx::test]
async fn those_who_may_not_see_everything_learn_of_no_streams_of_others(pool: PgPool) {
    let guarded = Guarded::before(compared(pool).await, &Access::default()).await;
    let stranger = guarded.world.devnet.account("stranger");
    let mut own = Vec::new();
    for name in ["alice", "bob", "stranger"] {
        own.push(Subscriber::connect_as(&guarded.base, "all=true", None, &guarded.token_of(name)).await);
    }
    let mut of_carol = Subscriber::connect_as(&guarded.base, "streams=1,2", None, &guarded.token_of("carol")).await;
    let mut of_erin = Subscriber::connect_as(&guarded.base, "all=true", None, &guarded.token_of("erin")).await;
    let reader = guarded.token("a service", &[Scope::ReadAll], 600);
    let mut of_reader = Subscriber::connect_as(&guarded.base, "all=true", None, &reader).await;
    guarded.world.corrected(&format!("recipient = '{stranger}'"), &["1"]).await;
    assert_eq!(notice(&mut of_reader).await, ("changed".to_owned(), guarded.world.streams(&["1"])));
    guarded.world.corrected("withdrawn = 7", &["1", "2"]).await;
    for subscriber in &mut own {
        assert_eq!(notice(subscriber).await, ("changed".to_owned(), guarded.world.streams(&["1"])));
    }
    assert_eq!(notice(&mut of_carol).await, ("changed".to_owned(), guarded.world.streams(&["2"])));
    assert_eq!(notice(&mut of_reader).await, ("changed".to_owned(), guarded.world.streams(&["1", "2"])));
    let last = guarded.world.create("erin", "frank", 1_000_000, 100).await;
    assert_eq!(notices_before(&mut of_erin, last.events[0]).await, Vec::<String>::new());
}

#[sqlx::test]
async fn changes_during_an_absence_are_told_in_one_notice_and_only_to_those_they_concern(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let before = id_of_now(&base).await;
    let mut watching = Subscriber::connect(&base, "all=true", None).await;
    world.corrected("withdrawn = 7", &["1"]).await;
    world.corrected("deposited = 7", &["2"]).await;
    until_told(&mut watching, 2).await;
    // One of them saw the changes, the other starts after them.
    for base in [base, world.start_gateway(GatewaySettings::default()).await] {
        let mut back = Subscriber::connect(&base, "all=true", Some(&before)).await;
        assert_eq!(notice(&mut back).await, ("changed".to_owned(), world.streams(&["1", "2"])));
        assert_eq!(back.next().await.unwrap().id, Some(format!("{before}.0.2")));
        let mut of_one = Subscriber::connect(&base, "streams=2", Some(&before)).await;
        assert_eq!(notice(&mut of_one).await, ("changed".to_owned(), world.streams(&["2"])));
        let again = Subscriber::connect(&base, "streams=2", Some(&format!("{before}.0.2"))).await;
        let of_none = Subscriber::connect(&base, "streams=3", Some(&before)).await;
        for subscriber in [again, of_none] {
            assert_eq!(subscriber.last_id, Some(format!("{before}.0.2")), "there is nothing to tell it");
        }
    }
}

#[sqlx::test]
async fn changes_and_late_events_during_an_absence_are_told_as_one_range(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let before = id_of_now(&base).await;
    let created = world.record().await.created_event;
    let raw = world.raw_events().await.into_iter().find(|raw| raw.id == created).unwrap();
    world.corrected("withdrawn = 7", &["2"]).await;
    let late = LateEvents { events: vec![raw], ..LateEvents::default() };
    let epoch = world.store.epoch().await.unwrap();
    write_late(&world.store, &world.devnet.contract_id(), epoch, late).await.unwrap().unwrap();
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut back = Subscriber::connect(&base, "streams=2", Some(&before)).await;
    let last_of_two = world.store.stream(&world.devnet.contract_id(), StreamId(2)).await.unwrap().unwrap().last_event;
    let (name, range) = notice(&mut back).await;
    let [from, to] = ["fromId", "toId"].map(|name| range[name].as_str().unwrap().parse::<EventId>().unwrap());
    assert_eq!(name, "revised");
    assert!(from <= created && to == last_of_two, "{range}");
}

#[sqlx::test]
async fn the_oldest_changes_are_told_as_a_range_once_they_were_joined(pool: PgPool) {
    let world = compared(pool).await;
    let contract_id = world.devnet.contract_id();
    world.corrected("withdrawn = 7", &["1"]).await;
    let last = world.store.stream(&contract_id, StreamId(1)).await.unwrap().unwrap().last_event;
    let many = "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index, changed)
                select $1, 0, 0, 0, 0, '[]' from generate_series(1, 1000)";
    sqlx::query(many).bind(contract_id.as_str()).execute(&world.pool).await.unwrap();
    world.corrected("withdrawn = 8", &["1"]).await;
    let kept = world.store.revisions_after(0).await.unwrap();
    assert_eq!((kept.len(), kept[0].number), (1_000, 3));
    assert_eq!((&kept[0].changed, kept[0].to), (&None, last), "the first one, joined to those after it");
    assert!(kept[1..].iter().all(|revision| revision.changed.is_some()));
}

#[sqlx::test]
async fn who_missed_changes_of_very_many_streams_is_told_of_a_range(pool: PgPool) {
    let mut world = compared(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let before = id_of_now(&base).await;
    let many = "insert into revisions (contract_id, from_toid, from_event_index, to_toid, to_event_index, changed)
                select $1, 0, 0, 0, 0, jsonb_agg(jsonb_build_object('stream_id', number::text, 'parties', '[]'::jsonb))
                from generate_series(1, 1025) as number group by number / 200";
    sqlx::query(many).bind(world.devnet.contract_id().as_str()).execute(&world.pool).await.unwrap();
    world.corrected("withdrawn = 7", &["1"]).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut back = Subscriber::connect(&base, "streams=1", Some(&before)).await;
    assert_eq!(notice(&mut back).await.0, "revised");
}
