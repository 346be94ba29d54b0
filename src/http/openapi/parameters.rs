//! Describes parameters: those of queries, which the routes declare in tables, and those of paths and headers, which
//! are declared here.

use serde_json::Value;
use utoipa::{
    IntoParams,
    openapi::{
        ArrayBuilder, ObjectBuilder, RefOr, Required, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use super::words::{ADDRESS, named, whole};

/// A query parameter, as declared in a route's table.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Declared {
    /// Its name on the wire.
    pub(in crate::http) name: &'static str,
    /// Its description.
    pub(in crate::http) says: &'static str,
    /// The schema of its value.
    pub(in crate::http) form: fn() -> RefOr<Schema>,
    /// Whether the route refuses requests without it. The route's handler checks that itself.
    pub(in crate::http) is_required: bool,
    /// An example, if the schema has none.
    pub(in crate::http) example: Option<u32>,
}

/// Describes declared query parameters.
pub(in crate::http) fn describe(parameters: Vec<Declared>) -> Vec<Parameter> {
    let described = parameters.into_iter().map(|declared| {
        let parameter = parameter(ParameterIn::Query, declared.name, declared.says, (declared.form)());
        let required = if declared.is_required { Required::True } else { Required::False };
        parameter.required(required).example(declared.example.map(Value::from)).build()
    });
    described.collect()
}

fn parameter(place: ParameterIn, name: &str, says: &str, schema: impl Into<RefOr<Schema>>) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .description(Some(says))
        .required(Required::False)
        .schema(Some(schema))
}

/// Returns the schema of a parameter that may be repeated, or may hold several values separated by commas.
pub(in crate::http) fn list_of(item: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    ArrayBuilder::new().items(item.into()).max_items(Some(500)).into()
}

pub(in crate::http) fn text(example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).examples([Value::from(example)])
}

pub(in crate::http) fn switch() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::Boolean).default(Some(Value::from(false))).into()
}

/// Returns the schema of a time in the whole range that the contract allows.
pub(in crate::http) fn any_time() -> RefOr<Schema> {
    whole("A Unix time.", 0, usize::MAX).examples([Value::from(1_771_000_000)]).into()
}

/// Returns the schema of a stream's id as clients write it.
pub(in crate::http) fn stream_text() -> RefOr<Schema> {
    text("7").pattern(Some("^(C[A-Z2-7]{55}:)?[0-9]{1,20}$")).into()
}

macro_rules! beside_the_query {
    ($($(#[$doc:meta])* $name:ident = $parameter:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::http) enum $name {}

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                vec![$parameter.build()]
            }
        }
    )*};
}

beside_the_query! {
    /// The stream in a path.
    StreamInPath = parameter(
        ParameterIn::Path,
        "id",
        "The stream: its number, or contract and number as `C…:7`.",
        stream_text(),
    )
    .required(Required::True);
    /// The API key in a path.
    ApiKeyInPath = parameter(ParameterIn::Path, "id", "The key's public name.", text("00a1b2c3d4e5f607"))
        .required(Required::True);
    /// The user in a path.
    UserInPath = parameter(ParameterIn::Path, "address", "The user.", named("Address"))
        .required(Required::True)
        .example(Some(Value::from(ADDRESS)));
    /// The tag of the answer that the client has.
    IfNoneMatch = parameter(
        ParameterIn::Header,
        "If-None-Match",
        "The `ETag` of an answer that the client already has. If it is still current, the answer is 304.",
        text("W/\"0002261634098536448-0000000002_0_1771000000\""),
    );
    /// Where to resume a subscription.
    LastEventIdHeader = parameter(
        ParameterIn::Header,
        "Last-Event-ID",
        "The last `id:` that the client received, unchanged: it is told what was revised since, and sent what follows. \
         Browsers send it automatically.",
        named("ResumeId"),
    );
}
