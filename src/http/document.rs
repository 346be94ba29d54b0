//! The OpenAPI document: it joins what the routes say about themselves, and adds what applies to all of them.

use serde_json::Value;
use utoipa::{
    OpenApi,
    openapi::{
        Components, HeaderBuilder, ObjectBuilder, OpenApi as Document, PathItem, RefOr, Response, Schema, Type,
        path::Operation,
        schema::SchemaType,
        security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{
    openapi::{events, header, words},
    problem::Problem,
    sign_in::SignInProblem,
    sse,
};

/// The description of the whole document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "flowfi-indexer",
        description = "Payment streams of a contract on Stellar, as records and as events the moment they happen.\n\n\
                       Amounts and ids are decimal strings, times are Unix seconds. Refusals are problem details \
                       (RFC 9457). Which parameters a route takes is all there is: unknown ones are refused.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "Where this document comes from.")),
    tags(
        (name = "streams", description = "Payment streams, and their totals."),
        (name = "events", description = "What happened to streams: as lists, and live."),
        (name = "access", description = "How to get a token or a ticket."),
        (name = "operation", description = "How the service is doing, for those who run it."),
        (name = "admin", description = "Actions of operators; they need the scope `admin`."),
    ),
    components(schemas(
        Problem, SignInProblem, sse::ConnectedNotice, sse::ResetNotice,
        sse::RevisedNotice, sse::ChangedNotice, sse::ExpiredNotice, sse::ResumeNotice, sse::ResumeReason, sse::SubscriptionFilter,
        sse::ResetReason, sse::ExpiredReason,
    )),
)]
struct About;

/// Joins the descriptions of the routes. Every answer of a `limited` route reports the client's remaining budget.
pub(super) fn document(limited: Vec<Document>, unlimited: Vec<Document>) -> Document {
    let mut document = About::openapi();
    for routes in limited.into_iter().map(with_rate_limits).chain(unlimited) {
        document.merge(routes);
    }
    let bodies: Vec<String> = document.paths.paths.values_mut().flat_map(operations).filter_map(body).collect();
    let components = document.components.get_or_insert_default();
    for (_, schema) in components.schemas.iter_mut().filter(|(name, _)| !bodies.contains(name)) {
        require_nullable_fields(schema);
    }
    words::add_to(components);
    events::add_to(components, sse::NOTICES);
    add_headers(components);
    add_security_schemes(components);
    for response in document.paths.paths.values_mut().flat_map(operations).flat_map(responses) {
        let shared = |name: &str| HEADERS.iter().any(|(known, ..)| *known == name);
        for (name, found) in response.headers.iter_mut().filter(|(name, _)| shared(name)) {
            *found = RefOr::Ref(header(name));
        }
    }
    document
}

/// Our views never leave out a null field, so a nullable field is always present in answers. Callers may leave such a
/// field out of their bodies.
fn require_nullable_fields(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            let nullable = object
                .properties
                .iter()
                .filter(|(name, schema)| is_nullable(schema) && !object.required.contains(name));
            let names: Vec<String> = nullable.map(|(name, _)| name.clone()).collect();
            object.required.extend(names);
        }
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_nullable_fields),
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.iter_mut().for_each(require_nullable_fields),
        _ => {}
    }
}

fn is_nullable(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::Object(object)) => match &object.schema_type {
            SchemaType::Type(one) => *one == Type::Null,
            SchemaType::Array(several) => several.contains(&Type::Null),
            SchemaType::AnyValue => false,
        },
        RefOr::T(Schema::OneOf(one_of)) => one_of.items.iter().any(is_nullable),
        _ => false,
    }
}

/// The headers that several answers have: name, description and example.
const HEADERS: [(&str, &str, &str); 7] = [
    (
        "ETag",
        "Identifies this state of the answer; send it back in `If-None-Match`.",
        "W/\"0002261634098536448-0000000002_0_1771000000\"",
    ),
    (
        "Link",
        "The next page, as a query of the same address with `rel=\"next\"`, if there is more.",
        "<?limit=5000&cursor=0002261634098536448-0000000002>; rel=\"next\"",
    ),
    (
        "RateLimit",
        "What is left of the budget of the client's address, and for how many seconds; absent if there is no limit.",
        "\"per-address\";r=199;t=1",
    ),
    (
        "RateLimit-Policy",
        "The budget: how many requests (`q`) in how many seconds (`w`).",
        "\"per-address\";q=200;w=10",
    ),
    ("Retry-After", "In how many seconds to try again.", "2"),
    ("WWW-Authenticate", "What is wrong with the token (RFC 6750).", "Bearer error=\"invalid_token\""),
    ("Cache-Control", "Who may cache the answer.", "private, no-cache"),
];

fn add_headers(components: &mut Components) {
    for (name, says, example) in HEADERS {
        let schema = ObjectBuilder::new().schema_type(Type::String).examples([Value::from(example)]);
        let header = HeaderBuilder::new().description(Some(says)).schema(Some(schema)).build();
        components.headers.insert(name.to_owned(), RefOr::T(header));
    }
}

fn add_security_schemes(components: &mut Components) {
    let says = "A token: of sign-in at `/v1/auth`, or of the operator. Where the service runs with `--auth optional` \
                or `--auth off` it may be left out.";
    let bearer = Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(says)).build();
    let says = "A ticket from `POST /v1/events/tickets`: valid once, for a minute.";
    let ticket = ApiKey::Query(ApiKeyValue::with_description("ticket", says));
    components.add_security_scheme("bearerAuth", SecurityScheme::Http(bearer));
    components.add_security_scheme("ticket", SecurityScheme::ApiKey(ticket));
}

fn with_rate_limits(mut document: Document) -> Document {
    for response in document.paths.paths.values_mut().flat_map(operations).flat_map(responses) {
        for name in ["RateLimit", "RateLimit-Policy"] {
            response.headers.insert(name.to_owned(), RefOr::Ref(header(name)));
        }
    }
    document
}

fn responses(operation: &mut Operation) -> impl Iterator<Item = &mut Response> {
    operation.responses.responses.values_mut().filter_map(|response| match response {
        RefOr::T(response) => Some(response),
        RefOr::Ref(_) => None,
    })
}

/// Returns the name of the schema of an operation's request body.
fn body(operation: &mut Operation) -> Option<String> {
    let RefOr::T(body) = operation.request_body.as_ref()? else { return None };
    let RefOr::T(content) = body.content.values().next()? else { return None };
    let RefOr::Ref(schema) = content.schema.as_ref()? else { return None };
    schema.ref_location.rsplit('/').next().map(str::to_owned)
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Returns the document as text: JSON with a final line break, identical for identical routes.
pub(super) fn text(document: &Document) -> String {
    let mut text = document.to_pretty_json().expect("a document consists of strings and numbers");
    text.push('\n');
    text
}
