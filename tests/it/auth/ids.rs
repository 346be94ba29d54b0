//! Whoever may not see every event learns no id of an event of others.

use flowfi_indexer::{
    auth::Scope,
    devnet::Upgrade,
    domain::{Address, Epoch, EventFilter, EventId, FeedId, LedgerSequence, ResetReason, ResumeId, Visibility},
    feed::{Delivery, Feed, LastEventId, Opened},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use super::{Access, Guarded, access::frame_named};
use crate::{
    revised::revise,
    world::{Subscriber, World},
};

fn end_of(ledger: LedgerSequence) -> EventId {
    EventId::end_of_ledger(ledger)
}

#[sqlx::test]
async fn late_rows_of_others_are_told_in_whole_ledgers(pool: PgPool) {
    let guarded = Guarded::new(pool, &Access::default()).await;
    let hidden = guarded.world.create("carol", "dave", 1_000_000, 100).await;
    guarded.world.indexed().await;
    let reader = guarded.token("a service", &[Scope::ReadAll], 600);
    let mut of_alice = Subscriber::connect_as(&guarded.base, "all=true", None, &guarded.token_of("alice")).await;
    let mut of_reader = Subscriber::connect_as(&guarded.base, "all=true", None, &reader).await;
    let id = hidden.events[0];
    revise(&guarded.world, id).await;
    let told = frame_named(&mut of_reader, "revised").await;
    assert_eq!(told.data, Some(json!({"fromId": id, "toId": id})));
    let told = frame_named(&mut of_alice, "revised").await;
    let whole = json!({"fromId": end_of(hidden.ledger.previous()), "toId": end_of(hidden.ledger)});
    assert_eq!(told.data, Some(whole));
}

/// An index that stands behind the last of these events, in the middle of their ledger: one of Alice's own and then one
/// of others. Returns their ids.
async fn standing_in_a_ledger(pool: PgPool) -> (World, Vec<EventId>, EventId) {
    let world = World::new(pool).await;
    let own = world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
    let hidden = world.devnet.submit(world.creation("carol", "dave", 1_000_000, 100));
    world.devnet.close_ledger().unwrap();
    let (own, hidden) = (own.await.unwrap().events, hidden.await.unwrap().events);
    world.index_to_the_tip(world.indexer(100)).await;
    let last = *hidden.last().unwrap();
    stand_at(&world, last).await;
    (world, own, last)
}

async fn stand_at(world: &World, id: EventId) {
    let move_back = sqlx::query("update cursors set toid = $1, event_index = $2").bind(id.toid());
    move_back.bind(i64::from(id.index())).execute(&world.pool).await.unwrap();
}

fn resume_id(opened: &Opened) -> EventId {
    opened.subscription.resume_id().unwrap().position.event
}

async fn handed_out(opened: &mut Opened) -> Vec<EventId> {
    let ids = |delivery: &Delivery| match delivery {
        Delivery::Event(published) => Some(published.event.id),
        Delivery::Notice(_) | Delivery::Position(_) => None,
    };
    opened.subscription.next().await.unwrap().expect("the feed goes on").iter().filter_map(ids).collect()
}

#[sqlx::test]
async fn a_place_to_resume_from_is_never_the_id_of_an_event_of_others_and_nothing_is_lost_after_it(pool: PgPool) {
    let (world, own, last) = standing_in_a_ledger(pool).await;
    let feed = Feed::open(world.store.clone(), 10).await.unwrap();
    let seen_by = |visibility| EventFilter { all: true, ..EventFilter::seen_by(visibility) };
    let alice: Address = world.devnet.account("alice");
    let of_alice = seen_by(Visibility::Party(alice));
    let mut opened = feed.subscribe(of_alice.clone(), LastEventId::None).await.unwrap();
    assert_eq!(resume_id(&opened), end_of(last.ledger().previous()), "the ledger is not whole yet");
    assert_eq!(handed_out(&mut opened).await, own, "what comes after the id that it was told");
    assert_eq!(resume_id(&opened), *own.last().unwrap(), "it knows its own");
    let came_back = LastEventId::Known(opened.subscription.resume_id().unwrap());
    let again = feed.subscribe(of_alice, came_back).await.unwrap();
    assert!(again.reset.is_none());
    let of_reader = feed.subscribe(seen_by(Visibility::Everything), LastEventId::None).await.unwrap();
    assert_eq!(resume_id(&of_reader), last);
}

#[sqlx::test]
async fn guesses_at_a_place_to_resume_from_tell_no_more_than_the_ledger(pool: PgPool) {
    let (world, own, last) = standing_in_a_ledger(pool).await;
    let feed = Feed::open(world.store.clone(), 10).await.unwrap();
    let refusal = async |visibility: &Visibility, event: EventId| {
        let filter = EventFilter { all: true, ..EventFilter::seen_by(visibility.clone()) };
        let position = FeedId { event, epoch: Epoch(0) };
        let opened = feed.subscribe(filter, LastEventId::Known(ResumeId { position, revision: 0 })).await.unwrap();
        opened.reset.map(|reset| reset.reason)
    };
    let (alice, frank) = (world.devnet.account("alice"), world.devnet.account("frank"));
    let in_ledger = |offset: u32| EventId::from_parts(last.toid(), i64::from(last.index() + offset)).unwrap();
    let ledger_after = end_of(last.ledger().next());
    assert_eq!(refusal(&Visibility::Everything, last).await, None);
    assert_eq!(refusal(&Visibility::Everything, in_ledger(1)).await, Some(ResetReason::BeyondTip));
    for visibility in [Visibility::Party(alice), Visibility::Party(frank), Visibility::Nothing] {
        for guess in [own[0], last, in_ledger(1), in_ledger(1_000)] {
            assert_eq!(refusal(&visibility, guess).await, None, "{visibility:?} after {guess}");
        }
        assert_eq!(refusal(&visibility, ledger_after).await, Some(ResetReason::BeyondTip), "{visibility:?}");
    }
}

#[sqlx::test]
async fn the_status_names_no_event_and_no_stream_to_whoever_may_not_see_all(pool: PgPool) {
    let (world, _, last) = standing_in_a_ledger(pool).await;
    let answer = world.devnet.submit(Upgrade { wasm: None, code: None });
    world.devnet.close_ledger().unwrap();
    answer.await.unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    stand_at(&world, last).await;
    let guarded = Guarded::before(world, &Access::default()).await;
    let status = async |token: String| {
        let status: Value = guarded.get("/v1/status", Some(&token)).await.json().await.unwrap();
        (status["cursor"].clone(), status["contracts"][0]["cursor"].clone(), status["upgrades"][0]["id"].clone())
    };
    let exact: FeedId = last.to_string().parse().unwrap();
    let (cursor, of_contract, upgrade) = status(guarded.token("a service", &[Scope::ReadAll], 600)).await;
    assert_eq!((cursor, of_contract), (json!(exact), json!(exact)));
    assert!(upgrade.is_string(), "{upgrade}");
    for token in [guarded.token_of("alice"), guarded.token("an operator", &[Scope::Admin], 600)] {
        let whole = json!(end_of(last.ledger().previous()));
        assert_eq!(status(token).await, (whole.clone(), whole, Value::Null));
    }
}
