//! Pitfalls 16 to 32: what events can look like, and where they can come from.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::DateTime;
use flowfi_indexer::{
    devnet::{Call, DevnetArgs, Fault, Input, MAIN_ENDPOINT, RawEvent, Upgrade},
    domain::{
        Amount, ContractId, Contracts, Epoch, LedgerSequence, RawContractEvent, StreamCreation, StreamEvent, StreamId,
    },
    ingest::{IngestError, LateEvents, replay_quarantine, write_late},
    source::{Horizon, LedgerEvents, SourceError, WholeLedgers},
    store::{Store, StoreError, Writer},
    xdr::{Decoded, LedgerInputError, decode_event, read_ledgers},
};
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use stellar_xdr::{
    AccountId, ClaimableBalanceId, Hash, Int128Parts, Limits, MuxedContract, MuxedEd25519Account, PoolId, PublicKey,
    ScAddress, ScMap, ScMapEntry, ScString, ScSymbol, ScVal, ScVec, Uint256, WriteXdr,
};
use tokio::sync::mpsc;

use super::{emit, event_at, index_all_of, pool_of, shown};
use crate::{
    contract_events::fixture,
    endpoints::{contract, end_of, events},
    fake_horizon::FakeHorizon,
    fake_rpc::{Answer, FakeRpc},
    ledgers::{CORE, PUBNET, file, ledgers, metas},
    store::{batch, commit, created, deposited, writer},
    world::{GatewaySettings, World},
};

fn base64(value: &ScVal) -> String {
    BASE64_STANDARD.encode(value.to_xdr(Limits::none()).unwrap())
}

fn symbol(text: &[u8]) -> ScVal {
    ScVal::Symbol(ScSymbol(text.try_into().unwrap()))
}

fn i128(hi: i64, lo: u64) -> ScVal {
    ScVal::I128(Int128Parts { hi, lo })
}

fn account() -> ScAddress {
    ScAddress::Account(AccountId(PublicKey::PublicKeyTypeEd25519(Uint256([7; 32]))))
}

fn map(fields: &[(&str, ScVal)]) -> ScVal {
    let entry = |(key, val): &(&str, ScVal)| ScMapEntry { key: symbol(key.as_bytes()), val: val.clone() };
    ScVal::Map(Some(ScMap(fields.iter().map(entry).collect::<Vec<_>>().try_into().unwrap())))
}

/// Returns a withdrawal as the contract emits it.
fn withdrawal(amount: ScVal) -> [(&'static str, ScVal); 4] {
    [
        ("amount", amount),
        ("recipient", ScVal::Address(account())),
        ("stream_id", ScVal::U64(1)),
        ("timestamp", ScVal::U64(5)),
    ]
}

fn raw_event(topics: &[ScVal], value: &ScVal) -> RawEvent {
    RawEvent { topics: topics.iter().map(base64).collect(), value: base64(value) }
}

/// Returns the contents of the quarantine: the kind of each event and what is wrong with it.
async fn quarantined(pool: &PgPool) -> Vec<(String, String)> {
    let rows = sqlx::query_as("select kind, reason from quarantine order by toid, event_index");
    rows.fetch_all(pool).await.unwrap()
}

// At stake: the sums. An event that is folded twice pays twice.
#[sqlx::test]
async fn p16_an_event_that_comes_twice_changes_nothing(pool: PgPool) {
    let mut world = World::with_devnet(pool, &DevnetArgs { history_events: 300, ..DevnetArgs::by_hand() }).await;
    world.devnet.inject(Fault::DuplicatePages, None).unwrap();
    world.start_indexer(20);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let all = LateEvents { events: world.raw_events().await, ..LateEvents::default() };
    let again = write_late(&world.store, &world.devnet.contract_id(), Epoch(0), all).await.unwrap().unwrap();
    assert_eq!(again.events, 0);
    world.assert_equal_to_the_chain().await;
}

// At stake: an event, or a sum. A cursor without its rows skips them; rows without their cursor come again.
#[sqlx::test]
async fn p17_rows_records_and_cursor_are_one_transaction(pool: PgPool) {
    let world = World::new(pool).await;
    world.index_to_the_tip(world.indexer(100)).await;
    let (position, stored) = (world.progress().await.unwrap().position, world.stored_ids().await);
    world.create("alice", "bob", 1_000_000, 100).await;
    sqlx::query("alter table streams add constraint poor check (deposited < 100)").execute(&world.pool).await.unwrap();
    let failure = world.indexer_failure().await;
    assert!(matches!(failure, IngestError::Store(StoreError::Refused(_))), "{failure}");
    assert_eq!((world.progress().await.unwrap().position, world.stored_ids().await), (position, stored));
    sqlx::query("alter table streams drop constraint poor").execute(&world.pool).await.unwrap();
    world.index_to_the_tip(world.indexer(100)).await;
    world.assert_equal_to_the_chain().await;
}

// At stake: the same, if a writer outlives its lock.
#[sqlx::test]
async fn p17_a_writer_whose_cursor_was_moved_is_fenced(pool: PgPool) {
    let store = Store::on(pool.clone());
    let mut writer = writer(&store).await;
    sqlx::query("update cursors set toid = toid + 1").execute(&pool).await.unwrap();
    let failure = commit(&store, &mut writer, batch(vec![created(2, 1, 100)], 2)).await.unwrap_err();
    assert!(matches!(failure, StoreError::Fenced), "{failure}");
    assert_eq!(deposited(&store, 1).await, None);
}

/// Returns a contract's events in whole ledgers, up to the tip.
async fn in_whole_ledgers(world: &World) -> Vec<RawContractEvent> {
    let whole = WholeLedgers::of_endpoints(world.source(), StdRng::seed_from_u64(7)).unwrap();
    let (ledgers, failure) = read(&whole, world, 2, None).await;
    assert!(failure.is_none(), "{failure:?}");
    ledgers.into_iter().flat_map(|ledger| ledger.events).collect()
}

async fn read(
    whole: &WholeLedgers,
    world: &World,
    first: u32,
    previous_hash: Option<String>,
) -> (Vec<LedgerEvents>, Option<SourceError>) {
    let (out, mut read) = mpsc::channel(1_000);
    let range = LedgerSequence(first)..=world.devnet.latest_ledger();
    whole.events(&world.devnet.contract_ids(), range, previous_hash, out).await;
    let mut ledgers = Vec::new();
    while let Some(next) = read.recv().await {
        match next {
            Ok(ledger) => ledgers.push(ledger),
            Err(failure) => return (ledgers, Some(failure)),
        }
    }
    (ledgers, None)
}

/// Creates a ledger of two creations with a failed transaction between them.
async fn with_a_failure(world: &World) {
    let first = world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
    let failed = world.devnet.submit(Input::Failed);
    let second = world.devnet.submit(world.creation("carol", "dave", 1_000_000, 100));
    world.devnet.close_ledger().unwrap();
    assert_eq!(first.await.unwrap().events.len(), 2);
    assert_eq!(failed.await.unwrap().events, []);
    assert_eq!(second.await.unwrap().events.len(), 2);
}

// At stake: the truth. Something that did not happen would become a record.
#[sqlx::test]
async fn p18_a_failed_transaction_has_no_events(pool: PgPool) {
    let mut world = World::new(pool).await;
    with_a_failure(&world).await;
    world.start_indexer(100);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let ids: Vec<_> = in_whole_ledgers(&world).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, world.devnet.events_emitted());
}

// At stake: events, if an id without its transaction counted as a duplicate, or if ids were sorted as text.
#[test]
fn p19_fee_events_of_many_transactions_share_one_toid_and_are_not_ours() {
    let events = ledgers(&file(PUBNET)).unwrap().remove(0).1;
    let charged: Vec<_> = events.iter().filter(|event| event.id.toid().trailing_zeros() >= 32).collect();
    let transactions: BTreeSet<_> = charged.iter().map(|event| &event.tx_hash).collect();
    let toids: BTreeSet<_> = charged.iter().map(|event| event.id.toid()).collect();
    assert!(transactions.len() > 100 && toids.len() == 1, "{} {toids:?}", transactions.len());
    assert!(events.is_sorted_by(|left, right| left.id < right.id), "in order and without duplicates");
    let native = charged[0].contract_id.clone();
    let ours = events.iter().find(|event| event.contract_id.is_some() && event.contract_id != native).unwrap();
    let ours = ours.contract_id.clone().unwrap();
    let mut fed = Vec::new();
    read_ledgers(file(PUBNET).as_slice(), |ledger| {
        fed.extend(ledger.contract_events(std::slice::from_ref(&ours)));
        Ok::<_, LedgerInputError>(())
    })
    .unwrap();
    assert!(!fed.is_empty() && fed.iter().all(|event| event.id.toid().trailing_zeros() < 32));
}

// At stake: a page with all its events, because of one useless event.
#[sqlx::test]
async fn p20_events_without_a_contract_without_topics_or_with_many_topics_harm_no_page(pool: PgPool) {
    let store = Store::on(pool.clone());
    let fake = FakeRpc::start().await;
    let mut of_nobody = shown(&event_at("stream_paused", 201, 0));
    of_nobody["contractId"] = json!("");
    let mut bare = event_at("stream_paused", 201, 1);
    bare.topics.clear();
    let mut without_topics = shown(&event_at("stream_paused", 201, 2));
    without_topics.as_object_mut().unwrap().remove("topic");
    let mut many = event_at("tokens_withdrawn", 201, 3);
    many.topics.resize(9, many.topics[0].clone());
    let good = event_at("initialized", 201, 4);
    fake.set(|node| node.events = vec![of_nobody, shown(&bare), without_topics, shown(&many), shown(&good)]);
    index_all_of(&fake, &store).await;
    let kinds: Vec<_> = quarantined(&pool).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["unknown", "unknown"], "events without topics are quarantined");
    let stored: Vec<String> =
        sqlx::query_scalar("select type from stream_events order by event_index").fetch_all(&pool).await.unwrap();
    assert_eq!(stored, ["stream.withdrawn", "protocol.initialized"]);
}

// At stake: events of a later version of the contract, or their amounts.
#[sqlx::test]
async fn p21_a_value_of_another_shape_is_quarantined_and_additional_fields_are_accepted(pool: PgPool) {
    let mut world = World::new(pool).await;
    let largest = withdrawal(i128(i64::MAX, u64::MAX));
    let topics = [symbol(b"tokens_withdrawn"), ScVal::U64(1)];
    let named_by_a_string = [ScVal::String(ScString(b"tokens_withdrawn".try_into().unwrap())), ScVal::U64(1)];
    let more = [&largest[..], &[("zone", ScVal::U32(9))]].concat();
    let vector = ScVal::Vec(Some(ScVec(vec![i128(0, 1)].try_into().unwrap())));
    let said = vec![
        raw_event(&topics, &map(&more)),
        raw_event(&named_by_a_string, &map(&withdrawal(i128(i64::MIN, 0)))),
        raw_event(&topics, &vector),
        raw_event(&topics, &i128(0, 1)),
        raw_event(&topics, &map(&largest[1..])),
        raw_event(&topics, &map(&withdrawal(ScVal::U64(1)))),
        raw_event(&[symbol(b"\xff\xfe\x00"), ScVal::U64(1)], &map(&largest)),
    ];
    emit(&world, world.devnet.contract_id(), said).await;
    world.start_indexer(100);
    world.indexed().await;
    let amounts: Vec<String> = sqlx::query_scalar(
        "select amount::text from stream_events where type = 'stream.withdrawn' order by event_index",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(amounts, [i128::MAX.to_string(), i128::MIN.to_string()]);
    let reasons: Vec<_> = quarantined(&world.pool).await.into_iter().map(|(_, reason)| reason).collect();
    let expected = [
        "the value is not a map",
        "the value is not a map",
        "the field amount is missing",
        "the field amount should be an i128",
        "this version does not know the event's name",
    ];
    assert_eq!(reasons, expected);
    let mut without_the_optional = fixture("stream_created");
    let sent = [
        ("rate_per_second", i128(0, 1)),
        ("recipient", ScVal::Address(account())),
        ("sender", ScVal::Address(account())),
        ("start_time", ScVal::U64(1)),
        ("token_address", ScVal::Address(account())),
    ];
    without_the_optional.value = base64(&map(&sent));
    let Decoded::Event(StreamEvent::Created(StreamCreation { deposited_amount: None, .. })) =
        decode_event(&without_the_optional)
    else {
        panic!("{:?}", decode_event(&without_the_optional))
    };
}

// At stake: streams of parties that are more than accounts, or the daemon when the first of them arrives.
#[sqlx::test]
async fn p22_every_kind_of_address_is_a_party(pool: PgPool) {
    let mut world = World::new(pool).await;
    let key = [9; 32];
    let kinds = BTreeMap::from([
        ('G', account()),
        ('C', ScAddress::Contract(stellar_xdr::ContractId(Hash(key)))),
        ('M', ScAddress::MuxedAccount(MuxedEd25519Account { id: 5, ed25519: Uint256(key) })),
        ('B', ScAddress::ClaimableBalance(ClaimableBalanceId::ClaimableBalanceIdTypeV0(Hash(key)))),
        ('L', ScAddress::LiquidityPool(PoolId(Hash(key)))),
        ('W', ScAddress::MuxedContract(MuxedContract { id: 5, contract_id: stellar_xdr::ContractId(Hash(key)) })),
    ]);
    let creation = |(number, recipient): (u64, &ScAddress)| {
        let fields = [
            ("rate_per_second", i128(0, 1)),
            ("recipient", ScVal::Address(recipient.clone())),
            ("sender", ScVal::Address(account())),
            ("start_time", ScVal::U64(1)),
            ("token_address", ScVal::Address(account())),
        ];
        raw_event(&[symbol(b"stream_created"), ScVal::U64(number)], &map(&fields))
    };
    emit(&world, world.devnet.contract_id(), (1..).zip(kinds.values()).map(creation).collect()).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    for (number, letter) in (1..).zip(kinds.keys()) {
        let stream = world.store.stream(&world.devnet.contract_id(), StreamId(number)).await.unwrap().unwrap();
        assert!(stream.recipient.as_str().starts_with(*letter), "{}", stream.recipient);
        let (_, found) = world.get(&base, &format!("/v1/streams?recipient={}", stream.recipient)).await;
        assert_eq!((&found["total"], &found["data"][0]["id"]), (&json!(1), &json!(number.to_string())));
        if let Ok(stellar_strkey::Strkey::MuxedContract(payee)) =
            stellar_strkey::Strkey::from_string(stream.recipient.as_str())
        {
            assert_eq!(payee.contract_id, key, "its base is the payee's contract");
        }
    }
}

// At stake: the knowledge of when the contract's events began to mean something else.
#[sqlx::test]
async fn p23_an_upgrade_of_the_contract_is_recorded_and_shown_and_decoding_continues(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.start_indexer(100);
    world.create("alice", "bob", 1_000_000, 100).await;
    let answer = world.devnet.submit(Upgrade::default());
    world.devnet.close_ledger().unwrap();
    let receipt = answer.await.unwrap();
    world.create("alice", "bob", 1_000_000, 100).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (_, status) = world.get(&base, "/v1/status").await;
    let upgrades = status["upgrades"].as_array().unwrap();
    assert_eq!(upgrades.len(), 1);
    assert_eq!(upgrades[0]["ledger"], json!(receipt.ledger));
    assert_ne!(upgrades[0]["oldExecutable"], upgrades[0]["newExecutable"]);
    assert_eq!(status["quarantine"], json!({"unknown": 0, "refused": 0}));
}

// At stake: the trust in every record. Anybody can emit the same events as our contract.
#[sqlx::test]
async fn p24_an_event_of_another_contract_with_our_names_is_not_believed(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let genuine = world.raw_events().await.pop().unwrap();
    let spoof = RawEvent { topics: genuine.topics, value: genuine.value };
    emit(&world, world.devnet.token(), vec![spoof]).await;
    world.start_indexer(100);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let ids: Vec<_> = in_whole_ledgers(&world).await.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, world.devnet.events_emitted(), "nor in whole ledgers");
}

// At stake: one of two streams.
#[sqlx::test]
async fn p25_the_same_stream_id_in_two_contracts_is_two_streams(pool: PgPool) {
    let store = Store::on(pool);
    let other = ContractId::from_bytes([7; 32]);
    let both = Contracts::new([contract(), other.clone()]).unwrap();
    let mut writer = Writer::try_acquire(&store, both).await.unwrap().unwrap();
    writer.start_at(LedgerSequence(1)).await.unwrap();
    let mut of_other = created(3, 1, 700);
    of_other.raw.contract_id = other.clone();
    commit(&store, &mut writer, batch(vec![created(2, 1, 100), of_other], 3)).await.unwrap();
    let theirs = store.stream(&other, StreamId(1)).await.unwrap().unwrap();
    assert_eq!((deposited(&store, 1).await, theirs.deposited), (Some(Amount(100)), Amount(700)));
}

// At stake: the streams of both networks, mixed under the same numbers.
#[sqlx::test]
async fn p25_a_database_of_another_network_is_refused(pool: PgPool) {
    let world = World::new(pool).await;
    world.store.claim("another network").await.unwrap();
    let failure = world.indexer_failure().await.to_string();
    assert!(failure.contains("another network") && failure.contains(world.devnet.passphrase()), "{failure}");
}

// At stake: every event of a server that no longer reports success, or the truth at one that reports failures.
#[sqlx::test]
async fn p26_an_event_is_of_a_successful_call_unless_its_server_says_otherwise(pool: PgPool) {
    let store = Store::on(pool.clone());
    let fake = FakeRpc::start().await;
    let silent = shown(&event_at("stream_created", 201, 0));
    let mut in_vain = shown(&event_at("tokens_withdrawn", 202, 0));
    in_vain["topic"][1] = json!(base64(&ScVal::U64(2)));
    in_vain["inSuccessfulContractCall"] = json!(false);
    fake.set(|node| node.events = vec![silent, in_vain]);
    index_all_of(&fake, &store).await;
    let stream = store.stream(&contract(), StreamId(2)).await.unwrap().unwrap();
    assert_eq!(stream.withdrawn, Amount(0));
    let kept = ("refused".to_owned(), "the contract call did not succeed".to_owned());
    assert_eq!(quarantined(&pool).await, [kept]);
}

// At stake: pages of a server of another version.
#[tokio::test]
async fn p27_times_are_read_as_numbers_as_strings_and_with_fractions() {
    let fake = FakeRpc::start().await;
    let mut event = shown(&event_at("initialized", 201, 0));
    event["ledgerClosedAt"] = json!("2026-11-03T17:00:00.123Z");
    fake.set(|node| node.events = vec![event]);
    for close_time in [json!(1_784_671_886), json!("1784671886")] {
        fake.set(|node| node.close_time = close_time);
        let page = events(&pool_of(&fake), end_of(200)).await.unwrap();
        assert_eq!(page.latest_ledger_closed_at, DateTime::from_timestamp(1_784_671_886, 0));
        assert_eq!(page.events[0].ledger_closed_at.timestamp_subsec_millis(), 123);
        assert_eq!(page.events[0].ledger_time().0, 1_793_725_200);
    }
}

// At stake: ledgers that close within one second, and the chain's time.
#[sqlx::test]
async fn p27_ledgers_of_one_second_are_told_apart_and_times_are_those_of_ledgers(pool: PgPool) {
    let mut world = World::new(pool).await;
    let later = world.devnet.latest_closed_at().plus_seconds(1_000_000);
    for _ in 0..3 {
        let answer = world.devnet.submit(world.creation("alice", "bob", 1_000_000, 100));
        world.devnet.close_ledger_at(later).unwrap();
        answer.await.unwrap();
    }
    world.start_indexer(2);
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (_, stream) = world.get(&base, "/v1/streams/3").await;
    assert_eq!((&stream["startTime"], &stream["calculatedAt"]), (&json!(later.0), &json!(later.0)));
}

// At stake: the chain itself. Ledgers of a fork would be believed.
#[sqlx::test]
async fn p28_a_ledger_that_does_not_follow_the_previous_one_is_not_believed(pool: PgPool) {
    let world = World::new(pool).await;
    world.devnet.close_ledgers(5).unwrap();
    let whole = WholeLedgers::of_endpoints(world.source(), StdRng::seed_from_u64(7)).unwrap();
    let (honest, _) = read(&whole, &world, 2, None).await;
    let hash = honest[2].header.hash.clone();
    assert_eq!(read(&whole, &world, 5, Some(hash.clone())).await.0, honest[3..]);
    world.devnet.inject_at(MAIN_ENDPOINT, Fault::OtherChain, None).unwrap();
    let (believed, failure) = read(&whole, &world, 5, Some(hash)).await;
    assert_eq!(believed, []);
    assert!(matches!(failure, Some(SourceError::Permanent { detail }) if detail.contains("the chain is broken")));
}

// At stake: an event that a later version of this program could read.
#[sqlx::test]
async fn p29_an_unknown_arm_is_quarantined_counted_and_read_once_it_is_known(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let unknown = RawEvent {
        topics: vec![base64(&symbol(b"tokens_withdrawn")), base64(&ScVal::U64(1))],
        value: BASE64_STANDARD.encode([0, 0, 0, 99]),
    };
    emit(&world, world.devnet.contract_id(), vec![unknown.clone()]).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    assert_eq!(world.get(&base, "/v1/status").await.1["quarantine"], json!({"unknown": 0, "refused": 1}));
    let kept: Vec<String> = sqlx::query_scalar("select value from quarantine").fetch_all(&world.pool).await.unwrap();
    assert_eq!(kept, [unknown.value]);
    // What a new version would read from the same bytes.
    let readable = base64(&map(&withdrawal(i128(0, 5))));
    sqlx::query("update quarantine set value = $1").bind(readable).execute(&world.pool).await.unwrap();
    let contract_id = world.devnet.contract_id();
    let replayed = replay_quarantine(&world.store, &contract_id, |_| {}).await.unwrap();
    assert_eq!((replayed.released, replayed.kept), (1, 0));
    let stream = world.store.stream(&contract_id, StreamId(1)).await.unwrap().unwrap();
    assert_eq!(stream.withdrawn, Amount(5));
    assert_eq!(world.get(&base, "/v1/status").await.1["quarantine"], json!({"unknown": 0, "refused": 0}));
}

// At stake: a dormant stream. Nobody has deleted it, and no event says that it became active again.
#[sqlx::test]
async fn p30_a_stream_whose_entry_is_archived_stays_and_continues(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    world.devnet.archive_stream(StreamId(1));
    world.devnet.close_ledger().unwrap();
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
    world.call(Call::TopUp { stream_id: StreamId(1), caller: None, amount: Amount(5_000) }).await;
    world.indexed().await;
    world.assert_equal_to_the_chain().await;
}

// At stake: events, or their order. A gap filled from whole ledgers would not match the surrounding pages.
#[sqlx::test]
async fn p31_whole_ledgers_and_pages_contain_our_events_under_the_same_ids(pool: PgPool) {
    let world = World::new(pool).await;
    with_a_failure(&world).await;
    emit(&world, world.devnet.token(), vec![raw_event(&[symbol(b"transfer")], &i128(0, 1)); 3]).await;
    let answer = world.devnet.submit(Upgrade::default());
    with_a_failure(&world).await;
    answer.await.unwrap();
    let pages = world.raw_events().await;
    assert!(pages.len() > 8);
    assert_eq!(in_whole_ledgers(&world).await, pages);
}

// At stake: the uniqueness of event ids. An event would be stored under two ids.
#[tokio::test]
async fn p31_a_server_that_numbers_events_as_before_protocol_23_is_refused() {
    let fake = FakeRpc::start().await;
    let reply = include_str!("../../fixtures/rpc/events_response_p22.json");
    fake.set(|node| node.next.push_back(Answer::Reply(reply)));
    let failure = events(&pool_of(&fake), end_of(200)).await.unwrap_err();
    assert!(matches!(&failure, SourceError::Permanent { detail } if detail.contains("23 or later")), "{failure}");
}

// At stake: everything. Missing data would look like the absence of events.
#[tokio::test]
async fn p32_a_horizon_without_metadata_is_refused_by_name() {
    let metas = metas(CORE);
    let range = LedgerSequence(metas[0].0)..=LedgerSequence(metas[metas.len() - 1].0);
    for left_out in [Value::Null, json!("")] {
        let fake = FakeHorizon::of(&metas).await;
        fake.set(|host| host.transactions.iter_mut().for_each(|record| record["result_meta_xdr"] = left_out.clone()));
        let horizon = Horizon::new(&fake.url, StdRng::seed_from_u64(7)).unwrap();
        let refused = horizon.events_in(&ContractId::from_bytes([7; 32]), range.clone()).await.unwrap_err();
        let SourceError::NoTransactionMeta { host, .. } = &refused else { panic!("{refused}") };
        assert!(fake.url.contains(host.as_str()), "{host}");
    }
}
