//! Describes parameters: those of queries, which the routes declare in tables, and those of paths and headers, which
//! are declared here.

use serde_json::Value;
use utoipa::{
    IntoParams,
    openapi::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Required, Schema, Type,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::AdditionalProperties,
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

/// How a parameter's value is written where parameters are members of a JSON object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum JsonForm {
    List,
    Switch,
    Text,
}

impl Declared {
    pub(in crate::http) fn json_form(&self) -> JsonForm {
        match (self.form)() {
            RefOr::T(Schema::Array(_)) => JsonForm::List,
            RefOr::T(Schema::Object(object)) if object.schema_type == Type::Boolean.into() => JsonForm::Switch,
            _ => JsonForm::Text,
        }
    }
}

/// Describes a JSON object whose members are declared parameters. A text may be null, which leaves it out.
pub(in crate::http) fn describe_body(says: &str, members: Vec<Declared>) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(says));
    let object = object.additional_properties(Some(AdditionalProperties::FreeForm(false)));
    let described = members.into_iter().fold(object, |object, declared| {
        let form = described((declared.form)(), declared.says);
        let form = match declared.json_form() {
            JsonForm::Text => OneOfBuilder::new().item(form).item(ObjectBuilder::new().schema_type(Type::Null)).into(),
            JsonForm::List | JsonForm::Switch => form,
        };
        object.property(declared.name, form)
    });
    described.into()
}

fn described(mut form: RefOr<Schema>, says: &str) -> RefOr<Schema> {
    match &mut form {
        RefOr::Ref(named) => says.clone_into(&mut named.description),
        RefOr::T(Schema::Array(array)) => array.description = Some(says.to_owned()),
        RefOr::T(Schema::Object(object)) => object.description = Some(says.to_owned()),
        RefOr::T(_) => {}
    }
    form
}

/// Describes declared query parameters.
pub(in crate::http) fn describe(parameters: Vec<Declared>) -> Vec<Parameter> {
    let described = parameters.into_iter().map(|declared| {
        let form = (declared.form)();
        let says = match form {
            RefOr::T(Schema::Array(_)) => format!("{} Repeat it, or separate several by commas.", declared.says),
            _ => declared.says.to_owned(),
        };
        let parameter = parameter(ParameterIn::Query, declared.name, &says, form);
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
    list_of_up_to(500, item)
}

/// Returns the same schema for another number of values.
pub(in crate::http) fn list_of_up_to(most: usize, item: impl Into<RefOr<Schema>>) -> RefOr<Schema> {
    ArrayBuilder::new().items(item.into()).max_items(Some(most)).into()
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
    /// The saved filter in a path.
    FeedInPath = parameter(
        ParameterIn::Path,
        "name",
        "What the caller calls the saved filter.",
        text("payroll").pattern(Some("^[A-Za-z0-9_-]{1,64}$")),
    )
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
