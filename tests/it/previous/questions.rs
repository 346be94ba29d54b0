//! The requests to the gateways for which answers were recorded. They are repeated with every later version.

use std::{fmt, time::Duration};

use flowfi_indexer::{
    auth::Scope,
    devnet::Devnet,
    domain::{Address, ContractId},
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    answer::{Answer, Body, steady, steady_json},
    history::TICKET,
};
use crate::{
    auth::{Access, Guarded},
    world::{DEADLINE, GatewaySettings, World, http_client},
};

/// The end of the ledger before a network's first one, in the recorded epoch.
const BEFORE_THE_FIRST: &str = "0000000008589934591-4294967295.1";
/// When answers are recorded, an event stream counts as complete once it is silent for this long.
const SILENCE: Duration = Duration::from_secs(2);

/// The gateway that is asked.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum To {
    /// One that follows both contracts and needs no token.
    Both,
    /// One that follows only the first contract.
    First,
    /// One that needs tokens.
    Guarded,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Question {
    to: To,
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accept: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_event_id: Option<String>,
    /// The owner of the token that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_by: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answered {
    pub(super) question: Question,
    pub(super) answer: Answer,
}

impl fmt::Display for Question {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} ({:?})", self.method, self.path, self.to)
    }
}

impl Question {
    fn get(to: To, path: impl Into<String>) -> Self {
        let method = "GET".to_owned();
        Self { to, method, path: path.into(), accept: None, last_event_id: None, shown_by: None }
    }

    fn csv(path: &str) -> Self {
        Self { accept: Some("text/csv".to_owned()), ..Self::get(To::Both, path) }
    }

    fn events(to: To, query: impl fmt::Display, last_event_id: &str) -> Self {
        let last_event_id = Some(last_event_id.to_owned());
        Self { last_event_id, ..Self::get(to, format!("/v1/events/subscribe?{query}")) }
    }

    fn shown_by(self, name: &str) -> Self {
        Self { shown_by: Some(name.to_owned()), ..self }
    }
}

/// Returns every question, in the order in which they are asked.
pub(super) fn all(devnet: &Devnet) -> Vec<Question> {
    let [first, second] = devnet.contract_ids().try_into().expect("the network has two contracts");
    let alice = devnet.account("alice");
    let mut all = Vec::new();
    let mut get = |path: String| all.push(Question::get(To::Both, path));
    for path in ["/v1/events/stats", "/v1/status", "/health", "/health/ready", "/health/live"] {
        get(path.to_owned());
    }
    for sort in ["createdAt", "startTime", "lastUpdateTime", "depositedAmount", "endTime"] {
        for order in ["asc", "desc"] {
            get(format!("/v1/streams?sort={sort}&order={order}&limit=4"));
        }
    }
    get("/v1/streams?limit=100".to_owned());
    for status in ["active", "paused", "cancelled", "ended", "completed"] {
        get(format!("/v1/streams?status={status}&limit=3"));
    }
    for filter in ["sender", "recipient", "user"] {
        get(format!("/v1/streams?{filter}={alice}&limit=3"));
    }
    get(format!("/v1/streams?contract={second}"));
    get("/v1/streams?offset=2&limit=2&endsBefore=1800000000".to_owned());
    for number in 1..=8 {
        get(format!("/v1/streams/{first}:{number}"));
        get(format!("/v1/streams/{first}:{number}/claimable"));
    }
    get(format!("/v1/streams/{first}:1/claimable?at=1900000000"));
    get(format!("/v1/streams/{first}:1/events?order=asc"));
    get(format!("/v1/users/{alice}/summary"));
    get("/v1/events?order=asc&limit=10".to_owned());
    get("/v1/events?limit=5".to_owned());
    get(format!("/v1/events?address={alice}&type=stream.created,stream.withdrawn&limit=5"));
    get(format!("/v1/events?contract={second}&fromLedger=5&toLedger=20&order=asc"));
    for refused in [
        "/v1/streams?limit=0",
        "/v1/streams?limit=x",
        "/v1/streams?colour=red",
        "/v1/streams?status=asleep",
        "/v1/streams?cursor=abc",
        "/v1/streams/1",
        "/v1/streams/x",
        "/v1/streams/18446744073709551616",
        "/v1/users/nobody/summary",
        "/v1/events?type=stream.renamed",
        "/v1/events?fromLedger=9&toLedger=3",
        "/v1/events?cursor=0000000034359746560-0000000001",
        "/v1/events/subscribe",
        "/v1/events/subscribe?streams=x",
        "/v1/nothing",
        "/nothing",
    ] {
        get(refused.to_owned());
    }
    get(format!("/v1/streams/{first}:99999"));
    all.push(Question { method: "POST".to_owned(), ..Question::get(To::Both, "/v1/streams") });
    all.push(Question { method: "DELETE".to_owned(), ..Question::get(To::Both, "/v1/events") });
    all.push(Question::csv("/v1/events?order=asc&limit=25"));
    all.push(Question::csv("/v1/events?limit=2&type=stream.withdrawn"));
    all.extend(of_the_first_contract());
    all.extend(behind_a_door(&first));
    all.extend(event_streams(&alice, &first, &second));
    all
}

fn of_the_first_contract() -> Vec<Question> {
    let paths = [
        "/v1/status",
        "/v1/streams?limit=5",
        "/v1/streams/1",
        "/v1/streams/2/claimable",
        "/v1/streams/3/events?limit=4",
        "/v1/events?limit=3",
    ];
    paths.map(|path| Question::get(To::First, path)).into()
}

fn behind_a_door(first: &ContractId) -> Vec<Question> {
    let get = |path: &str| Question::get(To::Guarded, path);
    vec![
        get("/v1/streams"),
        get("/v1/events/subscribe?all=true"),
        get("/v1/streams?limit=3").shown_by("bob"),
        get("/v1/events?limit=3").shown_by("bob"),
        // Her tokens are revoked.
        get("/v1/streams?limit=3").shown_by("alice"),
        get("/v1/admin/indexer").shown_by("bob"),
        get("/v1/admin/indexer").shown_by("an operator"),
        get("/v1/admin/quarantine?limit=3").shown_by("an operator"),
        get(&format!("/v1/admin/quarantine?contract={first}")).shown_by("an operator"),
        // Bob's ticket, unused and valid once.
        get(&ticket_path()),
        get(&ticket_path()),
    ]
}

fn ticket_path() -> String {
    format!("/v1/events/subscribe?ticket={TICKET}")
}

fn event_streams(alice: &Address, first: &ContractId, second: &ContractId) -> Vec<Question> {
    let both = |query: String, last_event_id| Question::events(To::Both, query, last_event_id);
    vec![
        both("all=true".to_owned(), BEFORE_THE_FIRST),
        Question::events(To::First, "all=true&types=stream.created", BEFORE_THE_FIRST),
        both(format!("users={alice}"), BEFORE_THE_FIRST),
        both("all=true&types=stream.cancelled,protocol.initialized".to_owned(), BEFORE_THE_FIRST),
        both(format!("streams={first}:1,{second}:1"), BEFORE_THE_FIRST),
        // An id from before the network's reset.
        both("all=true".to_owned(), "0000000034359746560-0000000001"),
        both("all=true".to_owned(), "nonsense"),
    ]
}

/// The gateways, and the tokens for the guarded one.
pub(super) struct Gateways {
    both: String,
    first: String,
    guarded: Guarded,
}

impl Gateways {
    pub(super) async fn over(mut world: World) -> Self {
        let settings = || GatewaySettings { asks_the_chain: false, ..GatewaySettings::default() };
        let both = world.start_gateway(settings()).await;
        let first = Some(world.devnet.contract_id().into());
        let first = world.start_gateway(GatewaySettings { contracts: first, ..settings() }).await;
        Self { both, first, guarded: Guarded::before(world, &Access::default()).await }
    }

    /// Returns the network whose names the questions use.
    pub(super) fn devnet(&self) -> &Devnet {
        &self.guarded.world.devnet
    }

    fn token(&self, name: &str) -> String {
        match name {
            "an operator" => self.guarded.token(name, &[Scope::Admin], 600),
            account => self.guarded.token_of(account),
        }
    }

    /// Asks a question. An event stream is read until it has the recorded blocks, or else until it is silent.
    pub(super) async fn ask(&self, question: &Question, then: Option<&Answer>) -> Answer {
        let base = match question.to {
            To::Both => &self.both,
            To::First => &self.first,
            To::Guarded => &self.guarded.base,
        };
        let method = question.method.parse().unwrap();
        let mut request = http_client().request(method, format!("{base}{}", question.path));
        for (name, value) in [("accept", &question.accept), ("last-event-id", &question.last_event_id)] {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        if let Some(name) = &question.shown_by {
            request = request.bearer_auth(self.token(name));
        }
        let mut response = request.send().await.unwrap();
        let mut answer = Answer::of(&response, Body::Text(Vec::new()));
        let content_type = answer.headers.get("content-type").map_or("", String::as_str);
        answer.body = if content_type == "text/event-stream" {
            Body::Events(blocks(&mut response, then).await)
        } else if content_type.ends_with("json") {
            let mut value = response.json().await.unwrap();
            steady_json(&mut value);
            Body::Json(value)
        } else {
            Body::Text(response.text().await.unwrap().split('\n').map(str::to_owned).collect())
        };
        answer
    }
}

async fn blocks(response: &mut reqwest::Response, then: Option<&Answer>) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut text = String::new();
    let patience = if then.is_some() { DEADLINE } else { SILENCE };
    while let Ok(chunk) = timeout(patience, response.chunk()).await {
        let Some(chunk) = chunk.unwrap() else { break };
        text += std::str::from_utf8(&chunk).unwrap();
        while let Some((block, rest)) = text.split_once("\n\n") {
            blocks.push(block.lines().map(steady).collect());
            text = rest.to_owned();
        }
        if then.is_some_and(|then| then.is_settled_by(&blocks)) {
            break;
        }
    }
    blocks
}
