//! The queries do what they promise: a list equals the result of filtering all streams in Rust, page by page and in
//! order.

use std::cmp::Ordering;

use flowfi_indexer::{
    devnet::Call,
    domain::{
        Address, Amount, ClaimableReason, Schedule, Step, StreamId, StreamRecord, UnixTime, UnknownSchedule, Visibility,
    },
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use sqlx::{PgPool, types::Json};

use crate::world::{GatewaySettings, World, http_client};

const SORTS: [&str; 5] = ["createdAt", "startTime", "lastUpdateTime", "depositedAmount", "endTime"];
const STATUSES: [&str; 5] = ["active", "paused", "ended", "cancelled", "completed"];

/// Returns a world with a random history, and all its records.
pub async fn random_world(pool: PgPool, seed: u64) -> (World, String, Vec<StreamRecord>) {
    let mut world = World::new(pool).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut now = world.devnet.latest_closed_at();
    for _ in 0..25 {
        let answers: Vec<_> =
            world.devnet.random_inputs(&mut rng, 8).into_iter().map(|input| world.devnet.submit(input)).collect();
        now = now.plus_seconds(rng.random_range(1..4_000));
        world.devnet.close_ledger_at(now).unwrap();
        drop(answers);
    }
    world.devnet.close_ledger_at(now.plus_seconds(20_000)).unwrap();
    world.start_indexer(1_000);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let count = u64::try_from(world.devnet.stream_count()).unwrap();
    let mut records = Vec::new();
    for number in 1..=count {
        records.push(world.store.stream(&world.devnet.contract_id(), StreamId(number)).await.unwrap().unwrap());
    }
    (world, base, records)
}

/// A request for a list, and the same as a condition in Rust.
#[derive(Debug, Default)]
struct Question {
    sender: Option<Address>,
    recipient: Option<Address>,
    user: Option<Address>,
    token: Option<Address>,
    status: Option<&'static str>,
    ends_before: Option<u64>,
    sort: &'static str,
    is_ascending: bool,
}

impl Question {
    fn random(rng: &mut StdRng, records: &[StreamRecord], now: UnixTime) -> Self {
        let some = |rng: &mut StdRng| records.choose(rng).unwrap().clone();
        Self {
            sender: rng.random_ratio(1, 4).then(|| some(rng).sender),
            recipient: rng.random_ratio(1, 4).then(|| some(rng).recipient),
            user: rng.random_ratio(1, 3).then(|| some(rng).sender),
            token: rng.random_ratio(1, 4).then(|| some(rng).token),
            status: rng.random_ratio(1, 2).then(|| *STATUSES.choose(rng).unwrap()),
            ends_before: rng.random_ratio(1, 4).then(|| now.0.saturating_add_signed(rng.random_range(-90_000..90_000))),
            sort: SORTS.choose(rng).unwrap(),
            is_ascending: rng.random(),
        }
    }

    fn query(&self) -> String {
        let order = if self.is_ascending { "asc" } else { "desc" };
        let mut query = format!("sort={}&order={order}", self.sort);
        let addresses =
            [("sender", &self.sender), ("recipient", &self.recipient), ("user", &self.user), ("token", &self.token)];
        for (name, address) in addresses {
            query.extend(address.iter().map(|address| format!("&{name}={address}")));
        }
        query.extend(self.status.map(|status| format!("&status={status}")));
        query.extend(self.ends_before.map(|time| format!("&endsBefore={time}")));
        query
    }

    fn holds(&self, record: &StreamRecord, now: UnixTime) -> bool {
        let is = |wanted: &Option<Address>, found: &Address| wanted.as_ref().is_none_or(|wanted| wanted == found);
        let is_before = |time: u64| record.end_time().is_some_and(|end_time| end_time < i128::from(time));
        is(&self.sender, &record.sender)
            && is(&self.recipient, &record.recipient)
            && (is(&self.user, &record.sender) || is(&self.user, &record.recipient))
            && is(&self.token, &record.token)
            && self.status.is_none_or(|status| record.status_at(now).as_str() == status)
            && self.ends_before.is_none_or(is_before)
    }

    fn compare(&self, one: &StreamRecord, other: &StreamRecord) -> Ordering {
        let value = |record: &StreamRecord| match self.sort {
            "createdAt" => 0,
            "startTime" => record.start_time.0.into(),
            "lastUpdateTime" => record.last_update_time.0.into(),
            "depositedAmount" => record.deposited.0,
            _ => record.end_time().unwrap_or(i128::MAX),
        };
        let ascending = (value(one), one.created_event).cmp(&(value(other), other.created_event));
        if self.is_ascending { ascending } else { ascending.reverse() }
    }
}

fn numbers(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|stream| stream["id"].as_str().unwrap().to_owned()).collect()
}

#[sqlx::test]
async fn any_list_equals_filtering_and_sorting_all_streams_by_cursor_and_by_offset(pool: PgPool) {
    let (world, base, records) = random_world(pool, 11).await;
    let (now, mut rng) = (world.devnet.latest_closed_at(), StdRng::seed_from_u64(12));
    let (mut answers, mut statuses) = (0, std::collections::BTreeSet::new());
    for _ in 0..150 {
        let question = Question::random(&mut rng, &records, now);
        let mut expected: Vec<&StreamRecord> = records.iter().filter(|record| question.holds(record, now)).collect();
        expected.sort_by(|one, other| question.compare(one, other));
        let expected: Vec<String> = expected.iter().map(|record| record.stream_id.to_string()).collect();
        let (limit, mut found, mut cursor) = (rng.random_range(1..12), Vec::new(), String::new());
        loop {
            let (status, page) =
                world.get(&base, &format!("/v1/streams?{}&limit={limit}{cursor}", question.query())).await;
            assert_eq!((status, &page["total"]), (200, &json!(expected.len())), "{question:?} {page}");
            found.extend(numbers(&page));
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expected, "{question:?}");
        let offset = rng.random_range(0..10);
        let (_, page) = world.get(&base, &format!("/v1/streams?{}&offset={offset}", question.query())).await;
        assert_eq!(numbers(&page)[..], expected[offset.min(expected.len())..][..numbers(&page).len()], "{question:?}");
        answers += expected.len();
        statuses.extend(question.status.filter(|_| !expected.is_empty()));
    }
    assert!(answers > 500, "{answers} streams were listed");
    assert_eq!(statuses.len(), STATUSES.len(), "each status occurred: {statuses:?}");
}

#[sqlx::test]
async fn amounts_are_sorted_as_numbers_and_equal_ones_by_creation(pool: PgPool) {
    let mut world = World::new(pool).await;
    for amount in [9_000, 100_000, 20_000, 9_000] {
        world.create("alice", "bob", amount, 10).await;
    }
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let list =
        async |order: &str| numbers(&world.get(&base, &format!("/v1/streams?sort=depositedAmount{order}")).await.1);
    assert_eq!(list("").await, ["2", "3", "4", "1"]);
    assert_eq!(list("&order=asc").await, ["1", "4", "3", "2"]);
}

#[sqlx::test]
async fn ended_is_not_completed_and_streams_that_end_before_a_time_are_listed(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("alice", "bob", 1_000_000, 5_000).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    let start = world.devnet.latest_closed_at();
    world.devnet.close_ledger_at(start.plus_seconds(1_000)).unwrap();
    let withdrawn = world.devnet.submit(Call::Withdraw { stream_id: StreamId(3), caller: None });
    world.devnet.close_ledger_at(start.plus_seconds(1_001)).unwrap();
    withdrawn.await.unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let list = async |query: String| numbers(&world.get(&base, &format!("/v1/streams?{query}")).await.1);
    assert_eq!(list("status=ended".to_owned()).await, ["1"]);
    assert_eq!(list("status=completed".to_owned()).await, ["3"]);
    assert_eq!(list("status=active".to_owned()).await, ["2"]);
    let end_time = world.get(&base, "/v1/streams/2").await.1["endTime"].as_u64().unwrap();
    assert_eq!(list(format!("endsBefore={end_time}")).await, ["1"], "the bound is exclusive");
    assert_eq!(list(format!("endsBefore={}&sort=endTime", end_time + 1)).await, ["2", "1"]);
    assert_eq!(list(format!("endsBefore={}", u64::MAX)).await, ["2", "1"]);
}

#[sqlx::test]
async fn claimable_is_shown_at_any_time_and_says_whether_it_can_be_withdrawn(pool: PgPool) {
    let mut world = World::new(pool).await;
    for _ in 0..3 {
        world.create("alice", "bob", 1_000_000, 100).await;
    }
    let start = world.devnet.latest_closed_at().0;
    let paused = world.devnet.submit(Call::Pause { stream_id: StreamId(2), caller: None });
    world.devnet.close_ledger_at(UnixTime(start + 20)).unwrap();
    paused.await.unwrap();
    world.call(Call::Cancel { stream_id: StreamId(3), caller: None }).await;
    world.devnet.close_ledger_at(UnixTime(start + 50)).unwrap();
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (_, stream) = world.get(&base, "/v1/streams/1").await;
    let now = &stream["calculatedAt"];
    let (_, shown) = world.get(&base, "/v1/streams/1/claimable").await;
    let claimable = &stream["claimableAmount"];
    let expected = json!({
        "streamId": "1", "claimableAmount": claimable, "claimableReason": null, "actionable": true, "calculatedAt": now,
    });
    assert_eq!(shown, expected);
    let key = format!("{}:1", world.devnet.contract_id());
    let late = world.get(&base, &format!("/v1/streams/{key}/claimable?at={}", u64::MAX)).await.1;
    assert_eq!((&late["claimableAmount"], &late["calculatedAt"]), (&json!("997500"), &Value::Null));
    let (_, early) = world.get(&base, "/streams/1/claimable?at=0").await;
    assert_eq!((&early["claimableAmount"], &early["actionable"]), (&json!("0"), &json!(false)));
    let (_, paused) = world.get(&base, &format!("/v1/streams/2/claimable?at={}", start + 90)).await;
    assert!(paused["claimableAmount"] != "0" && paused["actionable"] == false, "{paused}");
    let (_, cancelled) = world.get(&base, "/v1/streams/3/claimable").await;
    assert_eq!((&cancelled["claimableAmount"], &cancelled["actionable"]), (&json!("0"), &json!(false)));
    assert_eq!(world.get(&base, "/v1/streams/9/claimable").await.0, 404);
}

#[sqlx::test]
async fn a_summary_is_the_sum_of_the_users_streams(pool: PgPool) {
    let (world, base, records) = random_world(pool, 21).await;
    let now = world.devnet.latest_closed_at();
    let mut users: Vec<Address> =
        records.iter().flat_map(|record| [&record.sender, &record.recipient]).cloned().collect();
    users.sort();
    users.dedup();
    for user in users {
        let (_, summary) = world.get(&base, &format!("/v1/users/{user}/summary")).await;
        let is_known = |record: &StreamRecord| record.claimable(now).is_ok();
        let flow = |is_of: fn(&StreamRecord) -> &Address| {
            let of_user: Vec<_> = records.iter().filter(|record| *is_of(record) == user).collect();
            let active: Vec<_> = of_user.iter().filter(|record| record.status_at(now).as_str() == "active").collect();
            let sum = |amount: &dyn Fn(&StreamRecord) -> Amount| {
                of_user.iter().map(|record| amount(record).0).sum::<i128>().to_string()
            };
            let known = active.iter().filter(|record| is_known(record));
            let rate: i128 = known.map(|record| record.rate_per_second.0).sum();
            let view = json!({
                "streamCount": of_user.len(), "activeCount": active.len(),
                "depositedAmount": sum(&|record| record.deposited), "withdrawnAmount": sum(&|record| record.withdrawn),
                "claimableAmount": sum(&|record| record.claimable(now).unwrap_or(Amount::ZERO)),
                "ratePerSecond": rate.to_string(),
                "unknownCount": of_user.iter().filter(|record| !is_known(record)).count(),
            });
            (of_user.len(), active.len(), rate, view)
        };
        let (received, active_in, rate_in, incoming) = flow(|record| &record.recipient);
        let (created, active_out, rate_out, outgoing) = flow(|record| &record.sender);
        let is_active = |record: &&StreamRecord| record.status_at(now).as_str() == "active";
        let is_users = |record: &&StreamRecord| record.sender == user || record.recipient == user;
        let is_known_end = |record: &&StreamRecord| is_active(record) && is_known(record);
        let mut ends: Vec<_> = records.iter().filter(is_users).filter(is_known_end).collect();
        ends.sort_by_key(|record| (record.end_time(), record.created_event));
        let ends: Vec<_> = ends.iter().take(10).map(|record| record.stream_id.to_string()).collect();
        let shown: Vec<_> = summary["nextEnds"].as_array().unwrap().iter().map(|end| end["streamId"].clone()).collect();
        assert_eq!(shown, ends, "at {now:?}: {summary}");
        let expected = json!({
            "address": user, "totalStreamsCreated": created, "totalStreamsReceived": received,
            "activeOutgoingCount": active_out, "activeIncomingCount": active_in,
            "tokens": [{"tokenAddress": world.token(), "incoming": incoming, "outgoing": outgoing,
                        "netRatePerSecond": (rate_in - rate_out).to_string()}],
            "hasMoreTokens": false, "nextEnds": summary["nextEnds"], "calculatedAt": now.0,
        });
        assert_eq!(summary, expected);
    }
    let nobody = world.devnet.account("nobody");
    let (status, summary) = world.get(&base, &format!("/v1/users/{nobody}/summary")).await;
    assert_eq!((status, &summary["tokens"], &summary["totalStreamsCreated"]), (200, &json!([]), &json!(0)));
}

fn random_schedule(rng: &mut StdRng, amounts: &[i128], times: &[u64]) -> Schedule {
    let amount = |rng: &mut StdRng| Amount(*amounts.choose(rng).unwrap().max(&0));
    let time = |rng: &mut StdRng| UnixTime(*times.choose(rng).unwrap());
    match rng.random_range(0..5) {
        0 => {
            let step = |rng: &mut StdRng| Step { unlock_amount: amount(rng), unlock_time: time(rng) };
            Schedule::Steps { steps: (0..rng.random_range(0..5)).map(|_| step(rng)).collect() }
        }
        1 => Schedule::CliffLump { cliff_time: time(rng), cliff_amount: amount(rng) },
        2 => Schedule::Interval { amount: amount(rng), every_seconds: time(rng).0 },
        3 => Schedule::Unknown { reason: UnknownSchedule::Newer },
        _ => Schedule::Linear,
    }
}

/// Amounts and times at and around every bound, which no devnet has.
#[sqlx::test]
async fn the_databases_claimable_equals_the_records_for_all_numbers(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let (contract, sender) = (world.devnet.contract_id(), world.devnet.account("alice"));
    let (mut for_amounts, mut for_times) = (StdRng::seed_from_u64(31), StdRng::seed_from_u64(32));
    let amounts = [0, 1, -1, 7, 1_000_000, i128::MAX, i128::MAX - 1, i128::MIN, i128::from(u64::MAX)];
    let times = [0, 1, 5_000, 5_001, 1_700_000_000, u64::MAX - 1, u64::MAX];
    let mut for_schedules = StdRng::seed_from_u64(33);
    let mut time = || times.choose(&mut for_times).unwrap().to_string();
    for number in 1_u32..=400 {
        let schedule = random_schedule(&mut for_schedules, &amounts, &times);
        // Beside the first version's own rule, which takes any number, the contract refuses amounts below zero.
        let least = if schedule == Schedule::Linear { i128::MIN } else { 0 };
        let mut amount = || {
            let drawn = amounts.choose(&mut for_amounts).unwrap();
            drawn.max(&least).to_string()
        };
        let recipient = world.devnet.account(&format!("recipient {number}"));
        sqlx::query(
            "insert into streams (contract_id, stream_id, sender, recipient, token, rate_per_second, deposited,
                 withdrawn, start_time, last_update_time, is_active, paused, paused_at, status, total_paused_seconds,
                 unverified, impossible_order, created_toid, created_event_index, last_toid, last_event_index,
                 created_at, updated_at, schedule, cliff_time, awaits_entry, closed)
             values ($1, $2, $3, $4, $1, $5::numeric, $6::numeric, $7::numeric, 0, $8::numeric, $9, $10, $11::numeric,
                 'active', 0, $16, false, $2, 0, $2, 0, now(), now(), $12, $13::numeric, $14, $15)",
        )
        .bind(contract.as_str())
        .bind(i64::from(number))
        .bind(sender.as_str())
        .bind(recipient.as_str())
        .bind(amount())
        .bind(amount())
        .bind(amount())
        .bind(time())
        .bind(number % 9 != 0)
        .bind(number % 3 == 0)
        .bind((number % 6 != 0).then(&mut time))
        .bind((schedule != Schedule::Linear).then_some(Json(&schedule)))
        .bind((number % 5 == 0).then(&mut time))
        .bind(number % 11 == 0)
        .bind(number % 13 == 0)
        .bind(number % 7 == 0)
        .execute(&pool)
        .await
        .unwrap();
        let record = world.store.stream(&contract, StreamId(number.into())).await.unwrap().unwrap();
        for at in times.map(UnixTime) {
            let summary = world.store.user_summary(&recipient, &Visibility::Everything, None, at).await.unwrap();
            let incoming = &summary.tokens[0].incoming;
            let (claimable, unknown) = match record.claimable(at) {
                Ok(claimable) => (claimable, 0),
                Err(ClaimableReason::Closed) => (Amount::ZERO, 0),
                Err(_) => (Amount::ZERO, u64::from(record.is_active || record.unverified)),
            };
            let expected = claimable.to_string().parse();
            assert_eq!(Ok(&incoming.claimable), expected.as_ref(), "at {at}: {record:?}");
            assert_eq!(incoming.unknown, unknown, "at {at}: {record:?}");
        }
    }
    let summary = world.store.user_summary(&sender, &Visibility::Everything, None, UnixTime(9_000)).await.unwrap();
    let deposited: String =
        sqlx::query_scalar("select sum(deposited)::text from streams").fetch_one(&pool).await.unwrap();
    assert_eq!(Ok(&summary.tokens[0].outgoing.deposited), deposited.parse().as_ref());
    assert!(deposited.len() > i128::MAX.to_string().len(), "a sum beyond i128 is shown in full: {deposited}");
}

#[sqlx::test]
async fn events_are_listed_as_csv_on_request_with_a_link_to_the_next_page(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.create("carol", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let ask = |query: String| {
        let request = http_client().get(format!("{base}/v1/events?{query}")).header("accept", "text/csv");
        async { request.send().await.unwrap() }
    };
    let alice = world.devnet.account("alice");
    let answer = ask(format!("address={alice}&limit=1&order=asc&type=stream.created,stream.fee_collected")).await;
    assert_eq!(answer.headers()["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.headers()["vary"], "accept");
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,"));
    let (_, json) = world.get(&base, &format!("/v1/events?address={alice}&order=asc&limit=1")).await;
    let event = &json["events"][0];
    let metadata = event["metadata"].to_string().replace('"', "\"\"");
    let fields = ["id", "type", "eventType", "streamId", "contractId", "sender", "recipient", "tokenAddress", "amount"];
    let more = ["ledgerSequence", "createdAt", "timestamp", "transactionHash"];
    let row: Vec<String> = fields.iter().chain(&more).map(|name| event[name].to_string().replace('"', "")).collect();
    assert_eq!(lines[1], format!("{},\"{metadata}\"", row.join(",")));
    let next = link.strip_prefix("<?").unwrap().strip_suffix(">; rel=\"next\"").unwrap();
    let second = ask(next.to_owned()).await;
    assert!(second.headers().get("link").is_none());
    assert!(second.text().await.unwrap().contains(",stream.created,CREATED,1,"));
    assert_eq!(ask("limit=5000".to_owned()).await.status(), 200);
    assert_eq!(ask("limit=5001".to_owned()).await.status(), 400);
}

#[sqlx::test]
async fn events_are_filtered_by_ledger_and_token_in_either_order(pool: PgPool) {
    let mut world = World::new(pool).await;
    let first = world.create("alice", "bob", 1_000_000, 100).await.ledger;
    let second = world.create("alice", "bob", 1_000_000, 100).await.ledger;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let ids = async |query: String| -> Vec<String> {
        let (status, page) = world.get(&base, &format!("/v1/{query}")).await;
        assert_eq!(status, 200, "{page}");
        page["events"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    let all: Vec<String> = world.devnet.events_emitted().iter().map(ToString::to_string).collect();
    assert_eq!(ids("events?order=asc".to_owned()).await, all);
    let (token, bob) = (world.token(), world.devnet.account("bob"));
    let of_first =
        ids(format!("events?address={bob}&token={token}&fromLedger={first}&toLedger={first}&order=asc")).await;
    assert_eq!(of_first.len(), 2);
    assert_eq!(ids("streams/1/events?order=asc".to_owned()).await, of_first);
    assert_eq!(ids(format!("streams/1/events?fromLedger={second}")).await, Vec::<String>::new());
    assert_eq!(ids("events?fromLedger=0&toLedger=2147483647&order=asc".to_owned()).await, all);
    assert_eq!(ids(format!("events?address={bob}&token={bob}")).await, Vec::<String>::new());
}

#[sqlx::test]
async fn a_record_that_a_client_already_has_is_not_sent_again_until_it_changes(pool: PgPool) {
    let mut world = World::new(pool).await;
    world.create("alice", "bob", 1_000_000, 100).await;
    world.start_indexer(100);
    world.indexed().await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let ask = |tag: String| {
        let request = http_client().get(format!("{base}/v1/streams/1")).header("if-none-match", tag);
        async { request.send().await.unwrap() }
    };
    let first = ask("\"other\"".to_owned()).await;
    assert_eq!(
        (first.status().as_u16(), &first.headers()["cache-control"]),
        (200, &"private, no-cache".parse().unwrap())
    );
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let same = ask(tag.clone()).await;
    assert_eq!((same.status().as_u16(), same.headers()["etag"].to_str().unwrap()), (304, &*tag));
    assert!(same.bytes().await.unwrap().is_empty());
    world.devnet.close_ledger_at(world.devnet.latest_closed_at().plus_seconds(5)).unwrap();
    world.indexed().await;
    let later = ask(tag.clone()).await;
    assert_eq!(later.status(), 200, "more is claimable");
    assert_ne!(later.headers()["etag"].to_str().unwrap(), tag);
}
