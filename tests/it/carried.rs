//! Wake-ups that carry the committed events: they are those of the table, and what does not follow is not published.

use std::collections::BTreeSet;

use flowfi_indexer::{
    devnet::{Call, ContractCode, DevnetArgs},
    domain::{Amount, CommittedEvent, Epoch, EventFilter, EventId, StreamId, Visibility},
    feed::{self, Delivery, Feed, LastEventId},
    store::{CarriedEvents, WakeUp},
};
use serde_json::json;
use sqlx::PgPool;
use tokio::{task::JoinSet, time::timeout};

use crate::world::{DEADLINE, World};

/// Makes events of many kinds, one in a ledger.
async fn make_events(world: &World) {
    let (stream_id, caller) = (StreamId(1), None);
    world.create("alice", "bob", 1_000_000, 10_000).await;
    let new_recipient = world.devnet.account("carol");
    for call in [
        Call::TopUp { stream_id, caller: caller.clone(), amount: Amount(500) },
        Call::Pause { stream_id, caller: caller.clone() },
        Call::Resume { stream_id, caller: caller.clone() },
        Call::TransferRecipient { stream_id, caller: caller.clone(), new_recipient },
        Call::SetProtocolPause { caller: caller.clone(), paused: true },
        Call::SetProtocolPause { caller: caller.clone(), paused: false },
        Call::Withdraw { stream_id, caller: caller.clone() },
        Call::Cancel { stream_id, caller },
    ] {
        // Something must have accrued before a withdrawal.
        world.devnet.close_ledger_at(world.devnet.latest_closed_at().plus_seconds(100)).unwrap();
        world.call(call).await;
    }
}

#[sqlx::test]
async fn a_wake_up_carries_the_events_as_the_table_has_them(pool: PgPool) {
    let args = DevnetArgs { contract_code: ContractCode::B, ..DevnetArgs::by_hand() };
    let mut world = World::with_devnet(pool, &args).await;
    let mut listener = world.store.listen().await.unwrap();
    world.start_indexer(1);
    make_events(&world).await;
    world.indexed().await;
    let stored = world.store.events_after(EventId::ZERO, 1_000).await.unwrap();
    let mut carried: Vec<CommittedEvent> = Vec::new();
    while carried.last().is_none_or(|last| last.id < stored.last().unwrap().id) {
        match timeout(DEADLINE, listener.heard()).await.expect("every commit is notified").unwrap() {
            WakeUp::Events(events) => {
                assert!(events.events.iter().all(|event| event.id > events.since && event.id <= events.position));
                carried.extend(events.events);
            }
            WakeUp::Hint => {}
        }
    }
    let ids: BTreeSet<EventId> = carried.iter().map(|event| event.id).collect();
    let of_stored: Vec<_> = stored.iter().filter(|event| ids.contains(&event.id)).collect();
    assert_eq!(carried.iter().collect::<Vec<_>>(), of_stored);
    let identity = world.store.feed_identity().await.unwrap();
    let (since, position, epoch) = (EventId::ZERO, EventId::LAST, Epoch(0));
    let text = identity.encode(CarriedEvents { since, position, epoch, events: stored.clone() }).unwrap();
    let read = identity.decode(&text).unwrap();
    assert_eq!((read.since, read.position, read.epoch, read.events), (since, position, epoch, stored));
    let kinds: BTreeSet<_> = carried.iter().map(|event| event.event_type.as_str()).collect();
    assert!(kinds.len() >= 8, "{kinds:?}");
}

/// Opens the feed, wakes it with this payload, and returns whether it published the event in it.
async fn is_published(world: &World, change: impl FnOnce(&mut serde_json::Value, EventId)) -> bool {
    let feed = Feed::open(world.store.clone(), 100).await.unwrap();
    let everything = EventFilter { all: true, ..EventFilter::seen_by(Visibility::Everything) };
    let mut opened = feed.subscribe(everything, LastEventId::None).await.unwrap();
    let head = feed.head().unwrap().event;
    let schema: String = sqlx::query_scalar("select current_schema()").fetch_one(&world.pool).await.unwrap();
    let row = world.store.events_after(EventId::ZERO, 1).await.unwrap().remove(0);
    let next = EventId::end_of_ledger(head.ledger().next());
    let columns = |id: EventId| json!([id.toid(), id.index()]);
    let mut payload = json!({
        "schema": schema, "since": columns(head), "position": columns(next), "epoch": row.epoch.0,
        "events": [{
            "toid": next.toid(), "event_index": next.index(), "epoch": row.epoch.0, "contract_id": row.contract_id,
            "ledger_closed_at": row.ledger_closed_at, "tx_hash": row.tx_hash, "type": row.event_type.as_str(),
            "stream_id": row.stream_id, "sender": row.sender, "recipient": row.recipient, "former_recipient": null,
            "token": row.token, "amount": row.amount, "body": row.body,
        }],
    });
    change(&mut payload, head);
    let stop = world.stop.child_token();
    let mut tailing = JoinSet::new();
    tailing.spawn(feed::tail(feed.clone(), stop.clone()));
    // The listener is there once a hint of another kind has arrived.
    crate::world::eventually("the tailer listens", || async {
        let listening =
            "select count(*) from pg_stat_activity where query like 'LISTEN%flowfi_committed%' and state = 'idle'
                         and datname = current_database()";
        sqlx::query_scalar::<_, i64>(listening).fetch_one(&world.pool).await.unwrap() > 0
    })
    .await;
    let notify = "select pg_notify('flowfi_committed', $1)";
    sqlx::query(notify).bind(payload.to_string()).execute(&world.pool).await.unwrap();
    // What is committed afterwards comes afterwards.
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    let mut ids = Vec::new();
    while ids.is_empty() {
        let deliveries = timeout(DEADLINE, opened.subscription.next()).await.expect("an event").unwrap();
        ids.extend(deliveries.expect("the feed goes on").iter().filter_map(|delivery| match delivery {
            Delivery::Event(published) => Some(published.event.id),
            _ => None,
        }));
    }
    stop.cancel();
    tailing.join_next().await.unwrap().unwrap();
    ids.contains(&next)
}

#[sqlx::test]
async fn only_what_follows_the_feeds_head_in_its_schema_and_epoch_is_published(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    assert!(!is_published(&world, |payload, _| payload["schema"] = json!("another")).await);
    assert!(!is_published(&world, |payload, _| payload["epoch"] = json!(7)).await);
    let beyond = |payload: &mut serde_json::Value, head: EventId| {
        let since = EventId::end_of_ledger(head.ledger());
        payload["since"] = json!([since.toid() + 1, since.index()]);
    };
    assert!(!is_published(&world, beyond).await, "something may lie between");
    assert!(!is_published(&world, |payload, _| *payload = json!({"events": []})).await);
    assert!(is_published(&world, |_, _| {}).await, "otherwise this test proves nothing");
}
