//! An event that cannot be read may have done anything to its stream: nobody is shown an amount until the chain's entry was
//! read.

use base64::{Engine, prelude::BASE64_STANDARD};
use flowfi_indexer::{
    devnet::{Emit, EventKind, RawEvent},
    domain::{ClaimableReason, StreamId, UnixTime},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_xdr::{Limits, ScVal, WriteXdr};

use crate::{
    changed::notice,
    world::{GatewaySettings, Subscriber, World, eventually},
};

impl World {
    /// Creates a stream in the first ledger, and nothing else.
    async fn with_one_stream(pool: PgPool) -> Self {
        let world = Self::new(pool).await;
        world.create("alice", "bob", 1_000_000, 1_000).await;
        world
    }

    /// Lets the contract publish an event of the stream that no version of it knows.
    async fn publish_an_unknown_event(&self) {
        let text = |value: ScVal| BASE64_STANDARD.encode(value.to_xdr(Limits::none()).unwrap());
        let name = ScVal::Symbol("stream_split".try_into().unwrap());
        let events = vec![RawEvent { topics: vec![text(name), text(ScVal::U64(1))], value: text(ScVal::Void) }];
        let contract_id = self.devnet.contract_id();
        let answer = self.devnet.submit(Emit { contract_id, kind: EventKind::Contract, events, count: 1 });
        self.devnet.close_ledger().unwrap();
        answer.await.unwrap();
    }
}

#[sqlx::test]
async fn nothing_is_computed_after_an_event_that_cannot_be_read_and_followers_of_the_stream_are_told(pool: PgPool) {
    let mut world = World::with_one_stream(pool).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let mut subscriber = Subscriber::connect(&base, "streams=1", None).await;
    let (_, stream) = world.get(&base, "/v1/streams/1").await;
    assert!(stream["claimableAmount"].is_string() && stream["endTime"].is_u64(), "{stream}");

    world.publish_an_unknown_event().await;
    let (name, told) = notice(&mut subscriber).await;
    assert_eq!((name.as_str(), &told["streams"][0]["streamId"]), ("changed", &json!("1")), "{told}");
    let (_, stream) = world.get(&base, "/v1/streams/1").await;
    for field in ["claimableAmount", "endTime", "checkedAtLedger"] {
        assert_eq!(stream[field], Value::Null, "{field} of {stream}");
    }
    assert_eq!((&stream["claimableReason"], &stream["unverified"]), (&json!("notYetChecked"), &json!(true)));
    let (_, claimable) = world.get(&base, "/v1/streams/1/claimable").await;
    assert_eq!((&claimable["claimableAmount"], &claimable["actionable"]), (&Value::Null, &json!(false)));
    let (_, summary) = world.get(&base, &format!("/v1/users/{}/summary", world.devnet.account("bob"))).await;
    let incoming = &summary["tokens"][0]["incoming"];
    assert_eq!((&incoming["unknownCount"], &incoming["claimableAmount"]), (&json!(1), &json!("0")), "{summary}");
}

#[sqlx::test]
async fn the_entry_of_a_stream_is_read_after_an_event_that_cannot_be_read_and_makes_its_record_certain(pool: PgPool) {
    let mut world = World::with_one_stream(pool).await;
    world.start(world.comparing());
    world.indexed().await;
    world.certain().await;
    world.publish_an_unknown_event().await;
    let ledger = world.devnet.latest_ledger();
    eventually("the entry was read since", || async { world.record().await.checked_at_ledger >= Some(ledger) }).await;
    let record = world.record().await;
    assert!(!record.unverified && record.claimable(UnixTime(1)).is_ok(), "{record:?}");
    assert_eq!(world.corrections().await, []);
}

#[sqlx::test]
async fn what_was_compared_before_an_event_that_cannot_be_read_changes_no_record_after_it(pool: PgPool) {
    let world = World::with_one_stream(pool).await;
    let compared_at = world.devnet.latest_ledger();
    world.publish_an_unknown_event().await;
    world.index_to_the_tip(world.indexer(100)).await;
    assert!(!world.check_finds_it_deleted_in(compared_at).await);
    let record = world.store.stream(&world.devnet.contract_id(), StreamId(1)).await.unwrap().unwrap();
    assert_eq!((record.closed, record.claimable(UnixTime(1))), (false, Err(ClaimableReason::NotYetChecked)));
    assert!(world.check_finds_it_deleted_in(world.devnet.latest_ledger()).await);
}
