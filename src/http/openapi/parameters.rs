//! The parameters of the routes: their forms, bounds and words. What reads them is in `http/parameters.rs` and beside
//! the handlers.

use serde_json::Value;
use utoipa::{
    IntoParams,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Required, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use super::words::{ADDRESS, named, one_of, whole};

fn parameter(place: ParameterIn, name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(says))
        .required(Required::False)
        .schema(Some(schema))
}

fn query(name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(ParameterIn::Query, name, says, schema).build()
}

fn required(place: ParameterIn, name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    parameter(place, name, says, schema).required(Required::True).build()
}

/// A parameter that may be repeated, or hold several values with commas between.
fn list(name: &str, says: &str, item: impl Into<RefOr<Schema>>) -> Parameter {
    query(name, says, ArrayBuilder::new().items(item.into()).max_items(Some(500)))
}

fn text(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([Value::from(example)])
}

fn switch() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false)))
}

fn stream_id() -> Parameter {
    let form = text("7").pattern(Some("^(C[A-Z2-7]{55}:)?[0-9]{1,20}$"));
    let says = "The stream: its number, or the contract and the number with a colon between.";
    required(ParameterIn::Path, "id", says, form)
}

/// The parameters that every list takes; `order_of` says what is ordered. The offset names no default: generated
/// clients would send it beside every cursor.
fn paging(largest_limit: usize, limit_says: &str, order_of: &str, cursor: ObjectBuilder) -> Vec<Parameter> {
    let limit = whole("The number of items.", 1, largest_limit).default(Some(Value::from(50)));
    let offset = whole("The number of items.", 0, 10_000);
    let order = one_of("The order.", ["asc", "desc"]).default(Some(Value::from("desc")));
    vec![
        query("limit", limit_says, limit),
        query(
            "offset",
            "How many items to leave out; none without it. To go further than 10000 use the cursor.",
            offset,
        ),
        query("cursor", "The `nextCursor` of the page before, unchanged. Not with `offset`.", cursor),
        query("order", order_of, order),
    ]
}

fn of_events() -> Vec<Parameter> {
    let mut parameters = vec![
        list(
            "type",
            "Only events of these types. May be repeated, or hold several with commas between.",
            named("EventType"),
        ),
        query("fromLedger", "Only events of this ledger and later ones.", named("LedgerSequence")),
        query("toLedger", "Only events of this ledger and earlier ones.", named("LedgerSequence")),
    ];
    let limit = "How many items the page has at most: up to 200 as JSON, up to 5000 as CSV.";
    let cursor = text("0002261634098536448-0000000002");
    parameters.extend(paging(5_000, limit, "Newest first (`desc`) or oldest first (`asc`).", cursor));
    parameters
}

/// One of the contracts that are followed, or that the database has.
fn contract(says: &str) -> Parameter {
    query("contract", says, named("ContractId"))
}

fn filter() -> Vec<Parameter> {
    let stream = text("7").pattern(Some("^(C[A-Z2-7]{55}:)?[0-9]{1,20}$"));
    let repeated = "May be repeated, or hold several with commas between.";
    vec![
        list("streams", &format!("Events of these streams, by number or as `C…:7`. {repeated}"), stream),
        list("users", &format!("Events of streams that these send or receive. {repeated}"), named("Address")),
        query("all", "Every event that the caller may see.", switch()),
        contract("Only events of this contract, of what else is asked for."),
        list("types", &format!("Only these types of what else is asked for. {repeated}"), named("EventType")),
    ]
}

macro_rules! parameters {
    ($($(#[$doc:meta])* $name:ident = $list:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::http) enum $name {}

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                $list.into_iter().collect()
            }
        }
    )*};
}

parameters! {
    /// Of a list of streams.
    OfStreamList = stream_filter().into_iter().chain(paging(
        200,
        "How many items the page has at most.",
        "The largest of `sort` first (`desc`) or the smallest first (`asc`).",
        text("Y3JlYXRlZEF0IGRlc2MgLSAwMDAyMjYxNjM0MDk4NTM2NDQ4LTAwMDAwMDAwMDI"),
    ));
    /// Of one stream.
    OfStream = [
        stream_id(),
        query(
            "source",
            "Where to read: our index, or the contract's own record on chain, which is asked for on demand.",
            one_of("Where to read.", ["index", "chain"]).default(Some(Value::from("index"))),
        ),
        parameter(
            ParameterIn::Header,
            "If-None-Match",
            "The `ETag` of an answer that the client has. A client that has the current one is answered 304.",
            text("W/\"0002261634098536448-0000000002_0_1771000000\""),
        )
        .build(),
    ];
    /// Of the events of a stream.
    OfStreamEvents = [stream_id()].into_iter().chain(of_events());
    /// Of a list of events.
    OfEventList = [
        query("address", "Only events of streams that this address sends or receives.", named("Address")),
        query("token", "Only events of this token. Needs `address`.", named("Address")),
        contract("Only events of this contract."),
    ]
    .into_iter()
    .chain(of_events());
    /// Of a list of keys.
    OfApiKeyList = [query("sub", "Whose keys. Default: the caller's. Another's need the scope `admin`.", text("a service"))];
    /// Of one key.
    OfOneApiKey = [required(ParameterIn::Path, "id", "The key's public name.", text("00a1b2c3d4e5f607"))];
    /// Of what can be claimed.
    OfClaimable = [
        stream_id(),
        query("at", "At which time. Default: when the last whole ledger closed.", any_time()),
    ];
    /// Of a user.
    OfUser = [
        parameter(ParameterIn::Path, "address", "The user.", named("Address"))
            .required(Required::True)
            .example(Some(Value::from(ADDRESS)))
            .build(),
        contract("Only streams of this contract."),
    ];
    /// Of a subscription.
    OfSubscription = filter().into_iter().chain([
        query("lastEventId", "Where to go on, for a first connection. The header wins.", named("ResumeId")),
        query("ticket", "A ticket, for clients that can send no headers. It carries the filter it was made for.", ticket()),
        query("token", "A token, only where the operator allows tokens in addresses.", text("eyJhbGciOiJIUzI1NiJ9")),
        query("strict", "Whether a stream that the caller sees nothing of is refused with 404. Default: false.", switch()),
        parameter(
            ParameterIn::Header,
            "Last-Event-ID",
            "The last `id:` that the client was sent, unchanged: it is told of what was revised since, and sent what comes \
             after it. Browsers send it themselves.",
            named("ResumeId"),
        )
        .build(),
    ]);
    /// Of a challenge.
    OfChallenge = [
        required(ParameterIn::Query, "account", "Who wants to sign in: `G…` or `M…`.", named("Address")),
        query("memo", "A memo that tells users of one account apart: a u64. Not with `M…`.", memo()),
        query("home_domain", "The domain to sign in for. Default: the service's own.", text("app.example")),
        query("client_domain", "The wallet's own domain.", text("wallet.example")),
    ];
}

fn stream_filter() -> [Parameter; 8] {
    let sorts = ["createdAt", "startTime", "lastUpdateTime", "depositedAmount", "endTime"];
    [
        contract("Only streams of this contract."),
        query("sender", "Only streams of this sender.", named("Address")),
        query("recipient", "Only streams of this recipient.", named("Address")),
        query("user", "Only streams that this address sends or receives.", named("Address")),
        query("token", "Only streams of this token.", named("Address")),
        query(
            "status",
            "Only streams that are in this state now, which is when the last whole ledger closed.",
            named("StreamStatus"),
        ),
        query("endsBefore", "Only streams that end before this time.", any_time()),
        query("sort", "What to sort by.", one_of("What to sort by.", sorts).default(Some(Value::from("createdAt")))),
    ]
}

fn memo() -> ObjectBuilder {
    text("4217").pattern(Some("^[0-9]{1,20}$"))
}

fn ticket() -> ObjectBuilder {
    text("b0X4nq1rVw3mK7hYp2sT9uCzLd6fGj8eAaQiNoRxEcM")
}

/// A time of the whole range that the contract knows.
fn any_time() -> ObjectBuilder {
    whole("A Unix time.", 0, usize::MAX).examples([Value::from(1_771_000_000)])
}
