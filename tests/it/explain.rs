//! The queries of the HTTP API are served by an index (but lists of streams by state, deposit or end alone): at a million events and a hundred thousand streams, with the
//! planner's own defaults, none reads a whole table. The server itself says which plan each statement of a request had.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
};

use flowfi_indexer::{
    domain::{Address, ContractId, EventId, EventType, StreamId},
    store::{EventAtoms, EventRange, Store},
};
use sqlx::{
    Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::world::{GatewaySettings, World, http_client};

const USERS: u32 = 1_000;
const TOKENS: u32 = 20;
const STATUSES: [&str; 5] = ["active", "paused", "ended", "cancelled", "completed"];
/// Deposit and end change with the events, and catch-up cannot bear an index on them.
const SORTS: [&str; 2] = ["createdAt", "startTime"];

/// What the server said of its plans, as sqlx hands it on.
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
        self.0.push_str(&format!("{value:?}").replace("\\n", "\n"));
    }
}

/// Users and tokens are the more busy the lower their number, as on any chain: the busiest user sends 3 % of the streams,
/// the commonest token 37 %.
async fn fill(pool: &PgPool, contract: &ContractId) {
    let addresses = |kind: u8, count: u32| -> Vec<String> {
        let address = |number: u32| {
            let mut bytes = [kind; 32];
            bytes[..4].copy_from_slice(&number.to_be_bytes());
            ContractId::from_bytes(bytes).to_string()
        };
        (0..count).map(address).collect()
    };
    let mut connection = pool.acquire().await.unwrap();
    sqlx::raw_sql("create temporary table facts (users text[], tokens text[], contract text)")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query("insert into facts values ($1, $2, $3)")
        .bind(addresses(1, USERS))
        .bind(addresses(2, TOKENS))
        .bind(contract.as_str())
        .execute(&mut *connection)
        .await
        .unwrap();
    connection.execute(sqlx::raw_sql(include_str!("explain.sql"))).await.unwrap();
}

/// A user or a token by its number: the least busy ones are the rare ones.
fn address(kind: u8, number: u32) -> Address {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ContractId::from_bytes(bytes).into()
}

/// Every filter alone and the likely ones combined, with what is common and what is rare.
fn stream_filters(contracts: &[ContractId]) -> Vec<String> {
    let (busy, quiet) = (address(1, 0), address(1, USERS - 1));
    let (common, rare) = (address(2, 0), address(2, TOKENS - 1));
    let mut filters = vec![String::new()];
    for user in [&busy, &quiet] {
        for name in ["sender", "recipient", "user"] {
            filters.push(format!("{name}={user}"));
            filters.push(format!("{name}={user}&token={common}"));
            filters.push(format!("{name}={user}&status=paused"));
            filters.push(format!("{name}={user}&status=active&endsBefore=1900000000"));
        }
    }
    filters.push(format!("sender={busy}&recipient={busy}"));
    for contract in contracts {
        filters.push(format!("contract={contract}"));
        filters.push(format!("contract={contract}&user={busy}"));
        filters.push(format!("contract={contract}&token={common}"));
    }
    for token in [&common, &rare] {
        filters.push(format!("token={token}"));
        filters.extend(STATUSES.map(|status| format!("token={token}&status={status}")));
        filters.push(format!("token={token}&endsBefore=1700500000"));
    }
    filters
}

fn event_filters(contracts: &[ContractId]) -> Vec<String> {
    let (busy, quiet) = (address(1, 0), address(1, USERS - 1));
    let mut filters = vec![String::new(), "fromLedger=500000&toLedger=500100".to_owned()];
    for user in [busy, quiet] {
        filters.push(format!("address={user}"));
        filters.push(format!("address={user}&type=stream.created"));
        filters.extend([0, TOKENS - 1].map(|token| format!("address={user}&token={}", address(2, token))));
        filters.push(format!("address={user}&token={}&fromLedger=990000", address(2, 0)));
    }
    for contract in contracts {
        filters.push(format!("contract={contract}"));
        filters.push(format!("contract={contract}&type=stream.withdrawn"));
        filters.push(format!("contract={contract}&type=protocol.initialized"));
        filters.push(format!("contract={contract}&address={}", address(1, 0)));
        filters.push(format!("contract={contract}&fromLedger=990000"));
    }
    filters.extend(EventType::ALL.iter().map(|event_type| format!("type={event_type}")));
    filters.push("type=stream.completed,stream.cancelled".to_owned());
    filters.push("type=protocol.initialized,protocol.admin_transferred".to_owned());
    filters.push("type=stream.paused&toLedger=300000".to_owned());
    filters
}

/// Every request: a first page, and one by offset or by the cursor of the first.
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
    // An index is read in either direction at the same cost: both are asked for, by turns.
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
        let path = list.replace("?&", "?");
        let page = get(path.clone()).await;
        seen(&path);
        if path.ends_with("asc") {
            get(format!("{path}&limit=1&offset=300")).await;
            seen(&format!("{path} by offset"));
        } else if let Some(cursor) = page["nextCursor"].as_str() {
            get(format!("{path}&cursor={cursor}")).await;
            seen(&format!("{path} by cursor"));
        }
    }
    for user in [0, USERS - 1] {
        let path = format!("/v1/users/{}/summary", address(1, user));
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

/// What subscriptions replay from the table.
async fn replay_all(store: &Store, contracts: &[ContractId], mut seen: impl FnMut(&str)) {
    let contract = &contracts[0];
    let range = EventRange { after: EventId::ZERO, up_to: EventId::from_parts(i64::MAX, 0).unwrap() };
    let users = vec![address(1, 0), address(1, USERS - 1)];
    let streams = vec![(contract.clone(), StreamId(5)), (contract.clone(), StreamId(99_000))];
    let types = vec![EventType::StreamPaused, EventType::ProtocolInitialized];
    let none = EventAtoms::default();
    let mut cases = vec![
        EventAtoms { all: true, ..none.clone() },
        EventAtoms { all: true, types: types.clone(), ..none.clone() },
        EventAtoms { users: users.clone(), ..none.clone() },
        EventAtoms { users: (0..300).map(|number| address(1, number)).collect(), ..none.clone() },
        EventAtoms { streams: streams.clone(), ..none.clone() },
        EventAtoms { users, streams, types, ..none },
    ];
    let of_contract = |contract: &ContractId| {
        let narrowed = |atoms: &EventAtoms| EventAtoms { contract_id: Some(contract.clone()), ..atoms.clone() };
        cases.iter().filter(|atoms| atoms.users.len() < 300).map(narrowed).collect::<Vec<_>>()
    };
    let narrowed: Vec<_> = contracts.iter().flat_map(of_contract).collect();
    cases.extend(narrowed);
    for atoms in cases {
        for limit in [1, 500] {
            store.matching_events(range, &atoms, limit).await.unwrap();
            seen(&format!("replay of {atoms:?}"));
        }
    }
}

#[sqlx::test]
async fn no_query_reads_a_whole_table(options: PgPoolOptions, connect: PgConnectOptions) {
    let filler = options.clone().connect_with(connect.clone()).await.unwrap();
    let mut world = World::new(filler.clone()).await;
    // The first has everything, the second nothing.
    let contracts = [world.devnet.contract_id(), ContractId::from_bytes([9; 32])];
    fill(&filler, &contracts[0]).await;
    let add = "insert into cursors select $1, toid, event_index, from_ledger, last_whole_ledger from cursors";
    sqlx::query(add).bind(contracts[1].as_str()).execute(&filler).await.unwrap();
    let plans = Plans::default();
    // For every thread: what another test's thread logs first would else decide that nobody listens.
    tracing::subscriber::set_global_default(plans.clone()).unwrap();
    let explaining = options.after_connect(|connection, _| {
        Box::pin(async move {
            let explain = "load 'auto_explain'; set auto_explain.log_min_duration = 0; \
                           set auto_explain.log_level = 'notice'; set statement_timeout = '2s'";
            connection.execute(sqlx::raw_sql(explain)).await.map(|_| ())
        })
    });
    let pool = explaining.connect_with(connect).await.unwrap();
    world.store = Store::on(pool);
    let base = world.start_gateway(GatewaySettings::default()).await;
    let (mut count, mut scans) = (0, Vec::new());
    let mut seen = |what: &str| {
        let taken = plans.take();
        assert!(taken.iter().any(|plan| plan.contains("Scan")), "no plan was seen for {what}");
        count += taken.len();
        let whole = |plan: &&String| plan.contains("Seq Scan on stream");
        scans.extend(taken.iter().filter(whole).map(|plan| format!("{what}\n{plan}")));
    };
    request_all(&base, &contracts, &mut seen).await;
    replay_all(&world.store, &contracts, &mut seen).await;
    assert!(scans.is_empty(), "{} of {count} plans:\n{}", scans.len(), scans.join("\n\n"));
}
