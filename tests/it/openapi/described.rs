//! Checks answers against the document. The check is strict: a field that the document does not name is a fault.

use boon::{Compiler, Schemas};
use flowfi_indexer::http::openapi_text;
use serde_json::{Map, Value, json};

use crate::world::{Frame, http_client};

/// The URI of the schema that is being checked.
const ROOT: &str = "judge:/schema.json";

/// An answer with its complete body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn of(request: reqwest::RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, body: answer.text().await.unwrap() }
    }

    pub async fn get(url: &str) -> Self {
        Self::of(http_client().get(url)).await
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub struct Described {
    pub document: Value,
    /// The schemas, closed.
    schemas: Value,
}

impl Described {
    pub fn new() -> Self {
        let document: Value = serde_json::from_str(&openapi_text()).unwrap();
        let mut schemas = document["components"]["schemas"].clone();
        schemas.as_object_mut().unwrap().values_mut().for_each(close_inside);
        Self { document, schemas }
    }

    /// Returns each operation: its method, path and description.
    pub fn operations(&self) -> Vec<(&str, &str, &Value)> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        paths
            .flat_map(|(path, item)| {
                let operations = item.as_object().unwrap().iter();
                operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
            })
            .collect()
    }

    /// Returns what is wrong with a value according to a schema, in words.
    pub fn fault(&self, schema: &Value, value: &Value) -> Option<String> {
        let mut root = schema.clone();
        close(&mut root);
        let fields = root.as_object_mut().unwrap();
        fields.insert("components".to_owned(), json!({"schemas": self.schemas}));
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource(ROOT, root).unwrap();
        let schema = compiler.compile(ROOT, &mut schemas).unwrap();
        schemas.validate(value, schema).err().map(|fault| format!("{fault:#}"))
    }

    pub fn assert_is(&self, schema_name: &str, value: &Value) {
        let schema = json!({"$ref": format!("#/components/schemas/{schema_name}")});
        let fault = self.fault(&schema, value);
        assert_eq!(fault, None, "{value:#} is no {schema_name}");
    }

    /// Checks a frame against the description of its name.
    pub fn check_frame(&self, frame: &Frame) {
        let mut whole = json!({"event": frame.event, "data": frame.data});
        if let Some(id) = &frame.id {
            whole["id"] = json!(id);
        }
        self.assert_is("SubscriptionFrame", &whole);
    }

    /// Checks an answer against the description of an operation: status, headers, format and body.
    pub fn check(&self, operation_id: &str, answer: &Answer) {
        let operations = self.operations();
        let (.., operation) =
            operations.iter().find(|(.., operation)| operation["operationId"] == operation_id).expect(operation_id);
        let status = answer.status.to_string();
        let response = &operation["responses"][&status];
        assert!(response.is_object(), "{operation_id} does not describe {status}: {}", answer.body);
        for name in ["Retry-After", "WWW-Authenticate", "ETag", "RateLimit", "RateLimit-Policy", "Link"] {
            let is_described = response["headers"].get(name).is_some();
            assert!(is_described || answer.header(name).is_none(), "{operation_id} {status}: {name} is not described");
            let must = is_described && ["Retry-After", "WWW-Authenticate"].contains(&name);
            assert!(!must || answer.header(name).is_some(), "{operation_id} {status} lacks {name}");
        }
        self.check_body(operation_id, response, answer);
    }

    fn check_body(&self, operation_id: &str, response: &Value, answer: &Answer) {
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "{operation_id} {} has a body: {}", answer.status, answer.body);
            return;
        };
        let format = answer.header("content-type").unwrap();
        let short = |format: &str| format.split(';').next().unwrap().to_owned();
        let described = content.iter().find(|(described, _)| short(described) == short(format));
        let (_, described) = described.unwrap_or_else(|| panic!("{operation_id} does not describe {format}"));
        if !format.contains("json") {
            return;
        }
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        let fault = self.fault(&described["schema"], &body);
        assert_eq!(fault, None, "{operation_id} {}: {body:#}", answer.status);
        for wrong in with_one_field_more(&body) {
            assert!(self.fault(&described["schema"], &wrong).is_some(), "{operation_id} allows {wrong:#}");
        }
    }
}

/// Returns a copy of a value for each object in it, with one undocumented field in that object. An event's own fields
/// in `metadata` belong to the contract and are skipped.
fn with_one_field_more(value: &Value) -> Vec<Value> {
    let mut wrong = Vec::new();
    match value {
        Value::Object(fields) => {
            let mut more = fields.clone();
            more.insert("undocumented".to_owned(), json!([]));
            wrong.push(Value::Object(more));
            for (name, inner) in fields.iter().filter(|(name, _)| *name != "metadata") {
                wrong.extend(with_one_field_more(inner).into_iter().map(|inner| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), inner);
                    Value::Object(fields)
                }));
            }
        }
        Value::Array(items) => {
            if let Some((first, rest)) = items.split_first() {
                let inner = with_one_field_more(first).into_iter();
                wrong.extend(inner.map(|first| [&[first], rest].concat().into()));
            }
        }
        _ => {}
    }
    wrong
}

/// Closes an object: it may have no fields other than those that the schema names.
fn close(schema: &mut Value) {
    close_inside(schema);
    let Value::Object(fields) = schema else { return };
    if ["$ref", "allOf", "oneOf", "properties"].iter().any(|word| fields.contains_key(*word)) {
        fields.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

/// Closes everything inside a schema. The parts of an `allOf` stay open for each other; the whole is closed where it is
/// used.
fn close_inside(schema: &mut Value) {
    let Value::Object(fields) = schema else { return };
    for part in list(fields, "allOf") {
        close_inside(part);
    }
    for choice in list(fields, "oneOf") {
        close_choice(choice);
    }
    if let Some(Value::Object(properties)) = fields.get_mut("properties") {
        properties.values_mut().for_each(close);
    }
    if let Some(items) = fields.get_mut("items") {
        close(items);
    }
}

/// Closes a named choice. It may be a part of an `allOf`, which is closed together with it.
fn close_choice(choice: &mut Value) {
    if choice.get("$ref").is_some() { close_inside(choice) } else { close(choice) }
}

fn list<'a>(fields: &'a mut Map<String, Value>, word: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
    fields.get_mut(word).and_then(Value::as_array_mut).into_iter().flatten()
}
