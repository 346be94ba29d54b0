//! The document itself: up to date, complete, and consistent with the router.

use std::{collections::BTreeSet, fs, path::Path};

use flowfi_indexer::http::openapi_text;
use serde_json::Value;
use sqlx::PgPool;

use super::described::{Answer, Described};
use crate::world::{GatewaySettings, World, http_client};

fn source(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

#[test]
fn the_committed_document_matches_the_routes() {
    let is_current = source("openapi/openapi.json") == openapi_text();
    assert!(is_current, "openapi/openapi.json does not match the routes; run: make openapi");
}

#[test]
fn every_route_is_described_except_the_pages_and_the_unversioned_links() {
    let code = source("src/http/router.rs");
    let undescribed: Vec<&str> = code.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(undescribed, ["/openapi.json"]);
    let described = Described::new();
    let operations = described.operations();
    let in_table: usize =
        code.split("routes!(").skip(1).map(|rest| rest[..rest.find(')').unwrap()].matches(',').count() + 1).sum();
    assert_eq!(operations.len(), in_table, "each handler once");
    let versioned = |path: &str| path.starts_with("/v1/");
    let others: Vec<&str> = operations.iter().map(|(_, path, _)| *path).filter(|path| !versioned(path)).collect();
    assert_eq!(others, ["/.well-known/stellar.toml", "/health", "/health/live", "/health/ready", "/metrics"]);
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_one_known_tag() {
    let described = Described::new();
    let tags: Vec<_> = described.document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    let mut names = BTreeSet::new();
    for (method, path, operation) in described.operations() {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{method} {path}: the name is already used");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        let its = operation["tags"].as_array().unwrap();
        assert!(its.len() == 1 && tags.contains(&its[0]), "{method} {path}: {its:?}");
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let described = Described::new();
    let text = openapi_text();
    let references: BTreeSet<&str> =
        text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 30, "{references:?}");
    for reference in references {
        assert!(described.document.pointer(reference).is_some(), "{reference}");
    }
}

#[sqlx::test]
async fn the_router_answers_every_described_operation(pool: PgPool) {
    let mut world = World::new(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    let described = Described::new();
    for (method, path, operation) in described.operations() {
        let alice = world.devnet.account("alice");
        // An event stream does not end.
        let query = if path.ends_with("/subscribe") { "?streams=x" } else { "" };
        let url = format!(
            "{base}{}{query}",
            path.replace("{id}", "1").replace("{name}", "payroll").replace("{address}", alice.as_str())
        );
        let request = http_client().request(method.to_uppercase().parse().unwrap(), url);
        let answer = Answer::of(request).await;
        assert_ne!(answer.status, 405, "{method} {path}");
        assert!(!answer.body.contains("no such route"), "{method} {path}: {}", answer.body);
        described.check(operation["operationId"].as_str().unwrap(), &answer);
    }
}

#[sqlx::test]
async fn the_page_shows_the_document_with_nothing_from_elsewhere(pool: PgPool) {
    let mut world = World::new(pool).await;
    let base = world.start_gateway(GatewaySettings::default()).await;
    assert_eq!(Answer::get(&format!("{base}/openapi.json")).await.body, openapi_text());
    let page = Answer::get(&format!("{base}/docs")).await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    assert!(!page.body.contains("<script>") && !page.body.contains("http"), "{}", page.body);
    let parts =
        page.body.split("src=\"./").chain(page.body.split("href=\"./")).filter_map(|rest| rest.split('"').next());
    let parts: BTreeSet<&str> = parts.filter(|part| !part.contains('<')).collect();
    assert!(parts.contains("swagger-ui-bundle.js"), "{parts:?}");
    for part in parts {
        let answer = Answer::get(&format!("{base}/docs/{part}")).await;
        assert_eq!(answer.status, 200, "{part}");
    }
    let start = Answer::get(&format!("{base}/docs/swagger-initializer.js")).await.body;
    assert!(start.contains("\"/openapi.json\""), "{start}");
}

/// Collects the examples and defaults in the document, each with the schema that it must match and its place.
fn shown<'a>(at: &str, value: &'a Value, found: &mut Vec<(String, &'a Value, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            let schema = fields.get("schema").filter(|schema| schema.is_object());
            let schema = schema.unwrap_or(value);
            for name in ["example", "default"] {
                found.extend(fields.get(name).map(|value| (format!("{at}/{name}"), schema, value)));
            }
            match fields.get("examples") {
                Some(Value::Array(examples)) => {
                    found.extend(examples.iter().map(|value| (format!("{at}/examples"), schema, value)));
                }
                Some(Value::Object(examples)) => {
                    let values = examples.values().filter_map(|example| example.get("value"));
                    found.extend(values.map(|value| (format!("{at}/examples"), schema, value)));
                }
                _ => {}
            }
            // Examples are not searched for further examples.
            let inner = fields.iter().filter(|(name, _)| !["example", "examples", "default"].contains(&name.as_str()));
            inner.for_each(|(name, value)| shown(&format!("{at}/{name}"), value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| shown(at, value, found)),
        _ => {}
    }
}

#[test]
fn every_example_and_default_matches_its_schema() {
    let described = Described::new();
    let mut found = Vec::new();
    shown("", &described.document, &mut found);
    let faults: Vec<String> = found
        .iter()
        .filter_map(|(at, schema, value)| described.fault(schema, value).map(|fault| format!("{at}: {value}: {fault}")))
        .collect();
    assert!(found.len() > 40, "{} examples", found.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
