//! An index serves every query of the HTTP API: with a million events, a hundred thousand streams and the planner's own
//! defaults, no query reads a whole table, and none reads more of a table through an index than a request may cost. The
//! server itself reports which plan each statement of a request had, and how many blocks it read.

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, Mutex},
};

use flowfi_indexer::{
    domain::{ContractId, Epoch, EventFilter, EventId, EventType, StreamId, UnixTime, Visibility},
    http::openapi_text,
    ingest::{LateEvents, write_late},
    store::{EventListFilter, EventRange, PageRequest, PageStart, Store, StreamListFilter, StreamSort},
};
use serde_json::{Value, json};
use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{
    filled::{TOKENS, USERS, fill, token, user},
    world::{GatewaySettings, World, http_client},
};

/// Twice the number of rows of one kind (streams, or events of one type), each in its own block: a sort may read all of
/// them. A query that goes through every event reads a million.
const MOST_BLOCKS: u64 = 200_000;

const STATUSES: [&str; 6] = ["active", "paused", "ended", "cancelled", "completed", "closed"];
const SORTS: [&str; 5] = ["createdAt", "startTime", "lastUpdateTime", "depositedAmount", "endTime"];

/// The server's reports on its plans, as sqlx passes them on.
#[derive(Clone, Default)]
struct Plans(Arc<Mutex<Vec<String>>>);

impl Plans {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Subscriber for Plans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut Message(&mut text));
        self.0.lock().unwrap().push(text);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Message<'a>(&'a mut String);

impl Visit for Message<'_> {
    fn record_debug(&mut self, _: &Field, value: &dyn Debug) {
        self.0.push_str(&format!("{value:?}").trim_matches('"').replace("\\n", "\n"));
    }
}

/// Few streams are drained before the first time, about half before the second, and all running ones before the last.
const ENDS: [&str; 3] = ["1700005000", "1700500000", "1900000000"];

/// Statuses, ends, and both, including `active` when hardly any stream is left that ends so soon.
fn states_and_ends() -> Vec<String> {
    let states = STATUSES.map(|status| format!("status={status}"));
    let ends = ENDS.map(|end| format!("endsBefore={end}"));
    let both = ["active", "ended"].into_iter();
    let both = both.flat_map(|status| ENDS.map(|end| format!("status={status}&endsBefore={end}")));
    states.into_iter().chain(ends).chain(both).collect()
}

/// Returns every filter, alone and combined, with common and with rare values.
fn stream_filters(contracts: &[ContractId]) -> Vec<String> {
    let (busy, quiet) = (user(0), user(USERS - 1));
    let (common, rare) = (token(0), token(TOKENS - 1));
    let mut who_and_what = vec![String::new(), format!("sender={busy}&recipient={busy}")];
    for party in [&busy, &quiet] {
        for name in ["sender", "recipient", "user"] {
            who_and_what.push(format!("{name}={party}"));
            who_and_what.push(format!("{name}={party}&token={common}"));
        }
    }
    who_and_what.extend([&common, &rare].map(|of| format!("token={of}")));
    let states_and_ends = states_and_ends();
    let with = |filter: &String| -> Vec<String> {
        std::iter::once(filter.clone()).chain(states_and_ends.iter().map(|state| format!("{filter}&{state}"))).collect()
    };
    let of_contracts = contracts.iter().flat_map(|contract| {
        let with = |what: String| format!("contract={contract}{what}");
        [String::new(), format!("&user={busy}"), format!("&token={common}")].map(with)
    });
    who_and_what.iter().flat_map(with).chain(of_contracts).collect()
}

fn event_filters(contracts: &[ContractId]) -> Vec<String> {
    let (busy, quiet) = (user(0), user(USERS - 1));
    let mut filters = vec![String::new(), "fromLedger=8000000&toLedger=8001600".to_owned()];
    for party in [busy, quiet] {
        filters.push(format!("address={party}"));
        filters.push(format!("address={party}&type=stream.created"));
        filters.extend([0, TOKENS - 1].map(|number| format!("address={party}&token={}", token(number))));
        filters.push(format!("address={party}&token={}&fromLedger=15840000", token(0)));
    }
    for contract in contracts {
        filters.push(format!("contract={contract}"));
        filters.push(format!("contract={contract}&type=stream.withdrawn"));
        filters.push(format!("contract={contract}&type=protocol.initialized"));
        filters.push(format!("contract={contract}&address={}", user(0)));
        filters.push(format!("contract={contract}&fromLedger=15840000"));
    }
    filters.extend(EventType::ALL.iter().map(|event_type| format!("type={event_type}")));
    filters.push("type=stream.completed,stream.cancelled".to_owned());
    filters.push("type=protocol.initialized,protocol.admin_transferred".to_owned());
    filters.push("type=stream.paused&toLedger=4800000".to_owned());
    filters
}

/// Sends every request: for a first page, and for one by offset or by the first page's cursor.
async fn request_all(base: &str, contracts: &[ContractId], mut seen: impl FnMut(&str)) {
    let client = http_client();
    let get = |path: String| {
        let request = client.get(format!("{base}{path}"));
        async move {
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            answer.json::<serde_json::Value>().await.unwrap()
        }
    };
    let mut lists = Vec::new();
    // An index can be read in either direction at the same cost, so the directions alternate.
    let mut orders = ["asc", "desc", "desc", "asc"].into_iter().cycle();
    for filter in stream_filters(contracts) {
        lists.extend(
            SORTS
                .iter()
                .zip(&mut orders)
                .map(|(sort, order)| format!("/v1/streams?{filter}&sort={sort}&order={order}")),
        );
    }
    for filter in event_filters(contracts) {
        lists.extend(["asc", "desc"].map(|order| format!("/v1/events?{filter}&order={order}")));
    }
    lists.push("/v1/streams/77/events?order=asc".to_owned());
    lists.push("/v1/streams/77/events?type=stream.paused&fromLedger=9".to_owned());
    for list in lists {
        let path = list.replace("?&", "?").replace("?&", "?");
        let page = get(path.clone()).await;
        seen(&path);
        if path.contains("events?") && path.ends_with("desc") {
            // Two more reads after the first, in the middle of the list.
            let rows = client.get(format!("{base}{path}&limit=450")).header("accept", "text/csv").send().await.unwrap();
            rows.bytes().await.unwrap();
            seen(&format!("{path} as CSV"));
        }
        if path.ends_with("asc") {
            get(format!("{path}&limit=1&offset=300")).await;
            seen(&format!("{path} by offset"));
        } else if let Some(cursor) = page["nextCursor"].as_str() {
            get(format!("{path}&cursor={cursor}")).await;
            seen(&format!("{path} by cursor"));
        }
    }
    for number in [0, USERS - 1] {
        let path = format!("/v1/users/{}/summary", user(number));
        get(path.clone()).await;
        seen(&path);
        get(format!("{path}?contract={}", contracts[0])).await;
        seen(&format!("{path} of a contract"));
    }
    for path in ["/v1/streams/77", "/v1/streams/77/claimable", "/v1/status"] {
        get(path.to_owned()).await;
        seen(path);
    }
}

/// Runs the replays of subscriptions from the table.
async fn replay_all(store: &Store, contracts: &[ContractId], mut seen: impl FnMut(&str)) {
    let contract = &contracts[0];
    let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
    let users = BTreeSet::from([user(0), user(USERS - 1)]);
    let streams = BTreeSet::from([(contract.clone(), StreamId(5)), (contract.clone(), StreamId(99_000))]);
    let types = vec![EventType::StreamPaused, EventType::ProtocolInitialized];
    let none = EventFilter::seen_by(Visibility::Everything);
    let mut cases = vec![
        EventFilter { all: true, ..none.clone() },
        EventFilter { all: true, types: types.clone(), ..none.clone() },
        EventFilter { users: users.clone(), ..none.clone() },
        EventFilter { users: (0..300).map(user).collect(), ..none.clone() },
        EventFilter { streams: streams.clone(), ..none.clone() },
        EventFilter { users: users.clone(), streams: streams.clone(), types: types.clone(), ..none.clone() },
        EventFilter { visibility: Visibility::Party(user(0)), all: true, ..none.clone() },
        EventFilter { visibility: Visibility::Party(user(USERS - 1)), users, streams, types, ..none },
    ];
    let of_contract = |contract: &ContractId| {
        let narrowed = |filter: &EventFilter| EventFilter { contract_id: Some(contract.clone()), ..filter.clone() };
        cases.iter().filter(|filter| filter.users.len() < 300).map(narrowed).collect::<Vec<_>>()
    };
    let narrowed: Vec<_> = contracts.iter().flat_map(of_contract).collect();
    cases.extend(narrowed);
    for filter in cases {
        for limit in [1, 500] {
            store.matching_events(range, &filter, limit).await.unwrap();
            seen(&format!("replay of {filter:?}"));
        }
    }
}

/// Writes a late event of a stream, with many events in the quarantine.
async fn write_a_late_event(world: &World, filler: &PgPool, mut seen: impl FnMut(&str)) {
    world.create("alice", "bob", 1_000_000, 100).await;
    let events = world.raw_events().await;
    let contract = world.devnet.contract_id();
    for statement in [
        "insert into quarantine (toid, event_index, contract_id, ledger_closed_at, tx_hash, kind, name, stream_id, reason,
             in_successful_call, topics, value)
         select toid + 1, event_index, contract_id, ledger_closed_at, tx_hash, 'unknown', type, stream_id, 'of old', true,
             topics, value
         from stream_events order by toid limit 100000",
        "analyze quarantine",
    ] {
        sqlx::query(statement).execute(filler).await.unwrap();
    }
    let late = LateEvents { events, ..LateEvents::default() };
    write_late(&world.store, &contract, Epoch(0), late).await.unwrap().unwrap();
    seen("a late event");
}

/// Reads records as the checks beside the index and a proof do, when no record is certain and few have an unknown field.
async fn read_for_checks(world: &World, filler: &PgPool, contract: &ContractId, mut seen: impl FnMut(&str)) {
    let unknown = r#"update streams set schedule = '{"kind": "unknown", "reason": {"cause": "field", "name": "bonus"}}'
        where stream_id in (select (number * 2000)::text from generate_series(1, 40) as number)"#;
    sqlx::query(unknown).execute(filler).await.unwrap();
    let streams = [StreamId(5), StreamId(99_000)];
    for above in [0, 50_000].map(StreamId) {
        assert!(!world.store.uncertain_streams(contract, above, 199).await.unwrap().is_empty());
        seen("records that are not certain");
        assert!(!world.store.stream_ids_above(contract, above, 199).await.unwrap().is_empty());
        seen("the next records");
    }
    world.store.highest_stream_id(contract).await.unwrap();
    seen("the highest stream");
    world.store.lifetimes(contract, &streams).await.unwrap();
    seen("lifetimes");
    world.store.event_parties(contract, &streams).await.unwrap();
    seen("parties of events");
    world.store.corrections_of(contract, StreamId(5), 100).await.unwrap();
    seen("corrections");
}

/// Sends the requests of callers who see only their own streams: about everything, about themselves, about others.
async fn ask_as_participants(store: &Store, mut seen: impl FnMut(&str)) {
    let request = PageRequest { limit: 50, start: PageStart::Offset(0) };
    let (busy, quiet) = (user(0), user(USERS - 1));
    let at = UnixTime(1_700_400_000);
    for (me, other) in
        [(&busy, None), (&quiet, None), (&busy, Some(&busy)), (&busy, Some(&quiet)), (&quiet, Some(&busy))]
    {
        let visibility = Visibility::Party(me.clone());
        let what = format!("{me} asks about {other:?}");
        for sort in [StreamSort::CreatedAt, StreamSort::EndTime] {
            let filter = StreamListFilter { sort, ..StreamListFilter::seen_by(visibility.clone()) };
            let filter = StreamListFilter { user: other.cloned(), ..filter };
            let request = PageRequest { limit: request.limit, start: PageStart::Offset(0) };
            store.stream_page(&filter, request).await.unwrap();
            seen(&format!("streams, {sort:?}: {what}"));
        }
        let filter = EventListFilter::seen_by(visibility.clone());
        store.event_page(&EventListFilter { address: other.cloned(), ..filter }, request).await.unwrap();
        seen(&format!("events: {what}"));
        store.user_summary(other.unwrap_or(me), &visibility, None, at).await.unwrap();
        seen(&format!("summary: {what}"));
    }
}

/// The document defines the possible queries: each parameter of its lists, and each of its words, must be among the
/// requests.
#[test]
fn every_parameter_of_the_documents_lists_is_requested() {
    let document: Value = serde_json::from_str(&openapi_text()).unwrap();
    let parameters = |path: &str| document["paths"][path]["get"]["parameters"].as_array().unwrap().clone();
    let contracts = [ContractId::from_bytes([9; 32])];
    let names = |filters: &[String]| -> BTreeSet<String> {
        let of_pages = ["sort", "order", "limit", "offset", "cursor"].map(str::to_owned);
        let of_filter =
            |filter: &String| form_urlencoded::parse(filter.as_bytes()).map(|(name, _)| name.into_owned()).collect();
        filters.iter().flat_map::<Vec<String>, _>(of_filter).chain(of_pages).collect()
    };
    let (streams, events) = (names(&stream_filters(&contracts)), names(&event_filters(&contracts)));
    for (path, asked) in [("/v1/streams", &streams), ("/v1/events", &events), ("/v1/streams/{id}/events", &events)] {
        for parameter in parameters(path).iter().filter(|parameter| parameter["in"] == "query") {
            assert!(
                asked.contains(parameter["name"].as_str().unwrap()),
                "{path} is not requested with {}",
                parameter["name"]
            );
        }
    }
    let sort = parameters("/v1/streams").into_iter().find(|parameter| parameter["name"] == "sort").unwrap();
    assert_eq!(sort["schema"]["enum"], json!(SORTS));
    let states = document["components"]["schemas"]["StreamStatus"]["enum"].as_array().unwrap();
    let states: BTreeSet<&str> = states.iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(states, STATUSES.into());
}

/// Returns how many blocks a plan read of tables and indexes, including those in memory. The first line about buffers
/// in a plan is its root's, which counts those of every node.
fn blocks_read(plan: &str) -> u64 {
    let line = plan.lines().find_map(|line| line.trim().strip_prefix("Buffers: ")).unwrap_or("");
    let of_tables = line.split(", ").find_map(|part| part.strip_prefix("shared ")).unwrap_or("");
    let counts = of_tables.split(' ').filter_map(|word| word.split_once('='));
    counts.filter(|(name, _)| ["hit", "read"].contains(name)).map(|(_, count)| count.parse::<u64>().unwrap()).sum()
}

#[sqlx::test]
async fn no_query_reads_a_whole_table(options: PgPoolOptions, connect: PgConnectOptions) {
    let filler = options.clone().connect_with(connect.clone()).await.unwrap();
    let mut world = World::new(filler.clone()).await;
    // The first contract has everything, the second has nothing.
    let contracts = [world.devnet.contract_id(), ContractId::from_bytes([9; 32])];
    fill(&filler, &contracts[0]).await;
    let add = "insert into cursors select $1, toid, event_index, from_ledger, last_whole_ledger from cursors";
    sqlx::query(add).bind(contracts[1].as_str()).execute(&filler).await.unwrap();
    let plans = Plans::default();
    // For all threads: otherwise, what another test's thread logs first would decide that nobody listens.
    tracing::subscriber::set_global_default(plans.clone()).unwrap();
    let explaining = options.after_connect(|connection, _| {
        Box::pin(async move {
            let explain = "load 'auto_explain'; set auto_explain.log_min_duration = 0; \
                           set auto_explain.log_level = 'notice'; set auto_explain.log_analyze = on; \
                           set auto_explain.log_buffers = on; set auto_explain.log_timing = off";
            connection.execute(sqlx::raw_sql(explain)).await.map(|_| ())
        })
    });
    let pool = explaining.connect_with(connect).await.unwrap();
    world.store = Store::on(pool);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (mut count, mut scans, mut most) = (0, Vec::new(), 0);
    let mut seen = |what: &str| {
        let taken = plans.take();
        assert!(taken.iter().any(|plan| plan.contains("Scan")), "no plan was seen for {what}");
        count += taken.len();
        most = taken.iter().map(|plan| blocks_read(plan)).chain([most]).max().unwrap();
        // Counting the quarantine of one contract reads all of it.
        let is_whole = |plan: &str| {
            plan.contains("Seq Scan on stream") || plan.contains("Seq Scan on quarantine") && !plan.contains("count(*)")
        };
        let is_too_much = |plan: &&String| is_whole(plan) || blocks_read(plan) > MOST_BLOCKS;
        scans.extend(taken.iter().filter(is_too_much).map(|plan| format!("{what}\n{plan}")));
    };
    request_all(&base, &contracts, &mut seen).await;
    replay_all(&world.store, &contracts, &mut seen).await;
    ask_as_participants(&world.store, &mut seen).await;
    read_for_checks(&world, &filler, &contracts[0], &mut seen).await;
    write_a_late_event(&world, &filler, &mut seen).await;
    for above in [0, 50_000].map(StreamId) {
        let unknown = world.store.streams_with_unknown_fields(&contracts[0], above, 100).await.unwrap();
        let plan = plans.take().concat();
        assert_eq!(unknown.len(), if above == StreamId(0) { 40 } else { 15 });
        assert!(plan.contains("using streams_with_unknown_fields on streams"), "{plan}");
        assert!(blocks_read(&plan) < 200, "{plan}");
    }
    assert!(scans.is_empty(), "{} of {count} plans:\n{}", scans.len(), scans.join("\n\n"));
    assert!(most > 1_000, "the plans report their blocks: {most}");
}
