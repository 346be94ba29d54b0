//! A recorded answer, and how the answer of a later version may differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The headers that clients rely on.
const HEADERS: [&str; 9] = [
    "access-control-allow-origin",
    "allow",
    "cache-control",
    "content-type",
    "link",
    "vary",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Body,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Body {
    Json(Value),
    /// The lines of a text.
    Text(Vec<String>),
    /// The blocks of an event stream, each as its lines.
    Events(Vec<Vec<String>>),
}

impl Answer {
    pub(super) fn of(response: &reqwest::Response, body: Body) -> Self {
        let value = |name: &str| Some((name.to_owned(), response.headers().get(name)?.to_str().unwrap().to_owned()));
        let headers = HEADERS.iter().filter_map(|name| value(name)).collect();
        Self { status: response.status().as_u16(), headers, body }
    }

    /// Returns what was recorded and no longer holds.
    ///
    /// This is the only place that defines how the answer of a later version may differ. Clients can handle all of
    /// this:
    /// - an object may have more fields;
    /// - an event stream may have more blocks, as long as they are not events of the feed;
    /// - an `id:` line, and the `lastEventId` that repeats one, may have a suffix after what was recorded
    ///   (`<event id>.<epoch>.<revision>`);
    /// - the `id` of a stream may name its contract too (`C…:7`): where several contracts are followed, no path took the
    ///   number alone;
    /// - a request that was refused as wrong (400) may be answered;
    /// - if a `reset` follows `connected`, the id may be on the `reset`, so that nobody resumes after it without being
    ///   told;
    /// - a lag behind a tip that is too old to measure against may be null: its type always allowed that;
    /// - text for people, a problem's `detail` (RFC 9457, 3.1.4) and the `reasons` of a health, may be worded
    ///   differently.
    ///
    /// Nothing else may change, and nothing may be missing.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        if (self.status, now.status) == (400, 200) {
            return Vec::new();
        }
        let mut found = Vec::new();
        if self.status != now.status {
            found.push(format!("status {} was {}", now.status, self.status));
        }
        for (name, then) in &self.headers {
            let now = now.headers.get(name);
            if now != Some(then) {
                found.push(format!("header {name}: {now:?} was {then:?}"));
            }
        }
        match (&self.body, &now.body) {
            (Body::Json(then), Body::Json(now)) => compare_json("", then, now, &mut found),
            (Body::Text(then), Body::Text(now)) if then == now => {}
            (Body::Events(then), Body::Events(now)) => match compare_blocks(then, now) {
                Ok(()) => {}
                Err(BlockDifference::Missing(what) | BlockDifference::Other(what)) => found.push(what),
            },
            (then, now) => found.push(format!("the body {now:?} was {then:?}")),
        }
        found
    }

    /// Returns whether more blocks could not change the verdict on these.
    pub(super) fn is_settled_by(&self, blocks: &[Vec<String>]) -> bool {
        let Body::Events(then) = &self.body else { return true };
        !matches!(compare_blocks(then, blocks), Err(BlockDifference::Missing(_)))
    }
}

fn compare_json(place: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (name, then) in then {
                let place = format!("{place}/{name}");
                match now.get(name) {
                    Some(now) if is_for_people(name, then, now) => {}
                    Some(Value::Null) if ["lagLedgers", "lagSeconds"].contains(&name.as_str()) => {}
                    Some(Value::String(now))
                        if name == "lastEventId" && then.as_str().is_some_and(|then| is_id(then, now)) => {}
                    Some(Value::String(now)) if name == "id" && names_contract_too(then, now) => {}
                    Some(now) => compare_json(&place, then, now, found),
                    None => found.push(format!("{place} is gone; it was {then}")),
                }
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            for (number, (then, now)) in then.iter().zip(now).enumerate() {
                compare_json(&format!("{place}/{number}"), then, now, found);
            }
        }
        (then, now) if then == now => {}
        (then, now) => found.push(format!("{place} is {now}; it was {then}")),
    }
}

fn names_contract_too(then: &Value, now: &str) -> bool {
    now.split_once(':').is_some_and(|(contract, number)| contract.len() == 56 && then == number)
}

/// Returns whether both are texts that only people read.
fn is_for_people(name: &str, then: &Value, now: &Value) -> bool {
    match name {
        "detail" => then.is_string() && now.is_string(),
        "reasons" => then.as_array().map(Vec::is_empty) == now.as_array().map(Vec::is_empty),
        _ => false,
    }
}

/// Why the blocks of an event stream are not the recorded ones.
enum BlockDifference {
    /// A block has not arrived yet.
    Missing(String),
    /// There is another event of the feed in a block's place.
    Other(String),
}

/// The first block of a connection in versions in which it, and not `connected`, said when to reconnect.
const HEAD: [&str; 2] = [": flowfi-indexer", "retry: 5000"];

/// Compares with the recorded blocks, the first of them joined with `connected`; or with the same blocks, except that
/// the id of `connected` is on the `reset` after it.
fn compare_blocks(then: &[Vec<String>], now: &[Vec<String>]) -> Result<(), BlockDifference> {
    let joined = match then {
        [head, connected, later @ ..] if *head == HEAD => {
            let connected = [&head[1..], connected].concat();
            [&[connected], later].concat()
        }
        _ => then.to_vec(),
    };
    let as_recorded = compare_in_order(&joined, now);
    let [connected, reset, later @ ..] = joined.as_slice() else { return as_recorded };
    let (Some(id), Some(name)) = (connected.get(1), reset.first()) else { return as_recorded };
    match as_recorded {
        Err(difference) if id.starts_with("id: ") && name == "event: reset" => {
            let connected = [&connected[..1], &connected[2..]].concat();
            let reset = [std::slice::from_ref(id), reset].concat();
            let moved = [&[connected, reset], later].concat();
            compare_in_order(&moved, now).map_err(|moved| match difference {
                BlockDifference::Missing(_) => difference,
                BlockDifference::Other(_) => moved,
            })
        }
        as_recorded => as_recorded,
    }
}

/// Compares both in order. Blocks between two recorded ones must not be events of the feed.
fn compare_in_order(then: &[Vec<String>], now: &[Vec<String>]) -> Result<(), BlockDifference> {
    let mut coming = now.iter();
    for block in then {
        loop {
            match coming.next() {
                None => return Err(BlockDifference::Missing(format!("the block {block:?} is missing"))),
                Some(next) if is_block(block, next) => break,
                Some(next) if is_of_feed(next) => {
                    return Err(BlockDifference::Other(format!("the block {next:?} comes instead of {block:?}")));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn is_of_feed(block: &[String]) -> bool {
    let of_feed = |name: &str| name.starts_with("stream.") || name.starts_with("protocol.");
    block.iter().any(|line| line.strip_prefix("event: ").is_some_and(of_feed))
}

fn is_block(then: &[String], now: &[String]) -> bool {
    let is_line = |then: &String, now: &String| {
        if let (Some(then), Some(now)) = (then.strip_prefix("id: "), now.strip_prefix("id: ")) {
            return is_id(then, now);
        }
        match (data_of(then), data_of(now)) {
            (Some(then), Some(now)) => {
                let mut found = Vec::new();
                compare_json("", &then, &now, &mut found);
                found.is_empty()
            }
            _ => then == now,
        }
    };
    then.len() == now.len() && then.iter().zip(now).all(|(then, now)| is_line(then, now))
}

fn is_id(then: &str, now: &str) -> bool {
    now.strip_prefix(then).is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('.'))
}

fn data_of(line: &str) -> Option<Value> {
    Some(serde_json::from_str(line.strip_prefix("data: ")?).unwrap())
}

/// Replaces what differs from one moment, or one connection, to the next.
pub(super) fn steady(line: &str) -> String {
    if line.starts_with("retry: ") {
        return "retry: 5000".to_owned();
    }
    let Some(mut data) = data_of(line) else { return line.to_owned() };
    steady_json(&mut data);
    format!("data: {data}")
}

/// The same in JSON.
pub(super) fn steady_json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match name.as_str() {
                    "clientId" => *value = "a client".into(),
                    "reportedMsAgo" => *value = 0.into(),
                    _ if name.ends_with("SecondsAgo") && value.is_number() => *value = 0.into(),
                    _ => steady_json(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(steady_json),
        Value::String(text) => {
            if let Some((before, _)) = text.split_once(" not reported for ") {
                *text = format!("{before} not reported for 90 s");
            }
        }
        _ => {}
    }
}

fn of_body(body: Body) -> Answer {
    Answer { status: 200, headers: BTreeMap::from([("vary".to_owned(), "accept".to_owned())]), body }
}

fn blocks(texts: &[&str]) -> Body {
    Body::Events(texts.iter().map(|text| text.lines().map(str::to_owned).collect()).collect())
}

#[test]
fn an_answer_with_more_than_was_recorded_does_not_differ() {
    let event = "id: 1-0.1\nevent: stream.created\ndata: {\"id\": \"1-0.1\"}";
    let more = "id: 1-0.1.3\nevent: stream.created\ndata: {\"id\": \"1-0.1\", \"new\": null}";
    for (then, now) in [
        (Body::Json(json!({"a": [{"b": 1}]})), Body::Json(json!({"a": [{"b": 1, "c": 2}], "d": 3}))),
        (
            Body::Json(json!({"detail": "no", "reasons": ["x"], "lagLedgers": 0})),
            Body::Json(json!({"detail": "No", "reasons": ["y", "z"], "lagLedgers": null})),
        ),
        (blocks(&[event]), blocks(&["event: revised\ndata: {}", more])),
        (blocks(&[event]), blocks(&["id: 1-0.1.3", event, more])),
    ] {
        let (then, now) = (of_body(then), of_body(now));
        assert_eq!(then.differences(&now), Vec::<String>::new());
    }
}

#[test]
fn an_answer_that_lacks_or_changes_a_recorded_part_differs() {
    let event = "id: 1-0.1\nevent: stream.created\ndata: {\"id\": \"1-0.1\"}";
    let other = "id: 2-0.1\nevent: stream.created\ndata: {\"id\": \"2-0.1\"}";
    for (then, now) in [
        (Body::Json(json!({"a": 1})), Body::Json(json!({}))),
        (Body::Json(json!({"a": 1})), Body::Json(json!({"a": "1"}))),
        (Body::Json(json!({"a": null})), Body::Json(json!({}))),
        (Body::Json(json!({"a": [1]})), Body::Json(json!({"a": [1, 2]}))),
        (Body::Json(json!({"reasons": []})), Body::Json(json!({"reasons": ["x"]}))),
        (Body::Text(vec!["a".to_owned()]), Body::Text(vec!["a".to_owned(), String::new()])),
        (blocks(&[event, other]), blocks(&[event])),
        (blocks(&[event, other]), blocks(&[other, event])),
        (blocks(&[other]), blocks(&[event, other])),
        (blocks(&[event]), blocks(&["id: 1-0.12\nevent: stream.created\ndata: {\"id\": \"1-0.1\"}"])),
        (blocks(&[event]), blocks(&["id: 1-0.1.3\nevent: stream.created\ndata: {\"id\": \"1-0.1.3\"}"])),
    ] {
        let (then, now) = (of_body(then), of_body(now));
        assert_eq!(then.differences(&now).len(), 1, "{now:?}");
    }
    let (then, mut now) = (of_body(Body::Json(json!({}))), of_body(Body::Json(json!({}))));
    now.status = 204;
    now.headers.clear();
    assert_eq!(then.differences(&now).len(), 2);
}
