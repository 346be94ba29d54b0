//! The declaration of query parameters. A route declares its parameters once, with [`query!`]: the table refuses
//! unknown names, describes the parameters in the OpenAPI document, and returns their values.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, RawQuery},
    http::request::Parts,
};
use utoipa::openapi::{RefOr, Schema};

use super::{
    openapi::Declared,
    parameters::{Parameters, Reading},
    problem::Problem,
};

/// A declared parameter that is read as `R`.
#[derive(Debug)]
pub(super) struct Parameter<R> {
    declared: Declared,
    reading: PhantomData<fn() -> R>,
}

impl<R> Parameter<R> {
    pub(super) const fn new(name: &'static str, says: &'static str, form: fn() -> RefOr<Schema>) -> Self {
        let declared = Declared { name, says, form, is_required: false, example: None };
        Self { declared, reading: PhantomData }
    }

    /// Returns the parameter with the description of one route.
    pub(super) const fn saying(mut self, says: &'static str) -> Self {
        self.declared.says = says;
        self
    }

    /// Returns the parameter with the schema of one route.
    pub(super) const fn of_form(mut self, form: fn() -> RefOr<Schema>) -> Self {
        self.declared.form = form;
        self
    }

    pub(super) const fn required(mut self) -> Self {
        self.declared.is_required = true;
        self
    }

    pub(super) const fn with_example(mut self, example: u32) -> Self {
        self.declared.example = Some(example);
        self
    }

    pub(super) const fn name(&self) -> &'static str {
        self.declared.name
    }

    /// Returns the problem of a value that breaks a rule.
    pub(super) fn refuse(self, rule: impl Into<String>) -> Problem {
        Problem::parameter(self.declared.name, rule)
    }
}

/// Lets a table be extended by a single parameter as well as by another table.
impl<R> IntoIterator for Parameter<R> {
    type Item = Declared;
    type IntoIter = std::iter::Once<Declared>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self.declared)
    }
}

/// The parameters of a route; implemented by [`query!`].
pub(super) trait QueryTable {
    /// Returns the parameters in the order in which they are documented.
    fn declared() -> Vec<Declared>;
}

/// Declares the parameters of a route. An entry is either a parameter of the route's own or, in `..[]`, what it shares
/// with other routes: parameters and whole tables.
macro_rules! query {
    (
        $(#[$doc:meta])*
        $vis:vis $table:ident {
            $($(..[$($shared:expr),* $(,)?])? $($name:ident: $reading:ty = $own:expr)?;)*
        }
    ) => {
        $($($vis const $name: $crate::http::query::Parameter<$reading> = $own;)?)*

        $(#[$doc])*
        #[derive(Debug)]
        $vis enum $table {}

        impl $crate::http::query::QueryTable for $table {
            fn declared() -> Vec<$crate::http::openapi::Declared> {
                std::iter::empty()$($($(.chain($shared))*)? $(.chain($name))?)*.collect()
            }
        }

        impl utoipa::IntoParams for $table {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $crate::http::openapi::describe(<Self as $crate::http::query::QueryTable>::declared())
            }
        }
    };
}

pub(super) use query;

/// The query of a request to a route whose parameters are `T`.
#[derive(Debug)]
pub(super) struct Query<T> {
    parameters: Parameters,
    table: PhantomData<fn() -> T>,
}

impl<T: QueryTable> Query<T> {
    /// Reads a query string that may contain only the names in the table.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        Self::of(Parameters::read(query))
    }

    /// Takes parameters, all of whose names must be in the table.
    pub(super) fn of(parameters: Parameters) -> Result<Self, Problem> {
        let known: Vec<&str> = T::declared().iter().map(|parameter| parameter.name).collect();
        if let Some(name) = parameters.names().find(|name| !known.contains(name)) {
            let accepted = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let rule = format!("unknown parameter; this route accepts {accepted}");
            return Err(Problem::parameter(name, rule));
        }
        Ok(Self { parameters, table: PhantomData })
    }

    /// Adds the parameters that came in the body of the same request. Those of its table must be in this one too.
    pub(super) fn joined_by<B: QueryTable>(mut self, body: Query<B>) -> Self {
        self.parameters.extend(body.parameters);
        self
    }

    /// Reads a query string, ignoring names that are not in the table.
    pub(super) fn read_leniently(query: Option<&str>) -> Self {
        Self { parameters: Parameters::read(query), table: PhantomData }
    }

    /// Returns the value of a parameter.
    #[expect(clippy::needless_pass_by_value, reason = "a parameter is a constant")]
    pub(super) fn get<R: Reading>(&self, parameter: Parameter<R>) -> Result<R::Value<'_>, Problem> {
        let name = parameter.name();
        debug_assert!(T::declared().iter().any(|declared| declared.name == name), "{name} is not in the table");
        R::read(&self.parameters, name)
    }

    /// Returns whether any parameter of a table is given.
    pub(super) fn has_any(&self, parameters: impl IntoIterator<Item = Declared>) -> bool {
        parameters.into_iter().any(|parameter| self.parameters.names().any(|name| name == parameter.name))
    }

    /// Returns the query as text, with one parameter set and the parameter `replaced` left out.
    pub(super) fn text_with<R>(
        &self,
        parameter: &Parameter<R>,
        value: &str,
        replaced: impl IntoIterator<Item = Declared>,
    ) -> String {
        let replaced: Vec<&str> = replaced.into_iter().map(|parameter| parameter.name).collect();
        let kept = self.parameters.pairs().filter(|(name, _)| *name != parameter.name() && !replaced.contains(name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair(parameter.name(), value).finish()
    }
}

impl<S: Send + Sync, T: QueryTable> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(RawQuery(query)) = RawQuery::from_request_parts(parts, state).await;
        Self::read(query.as_deref())
    }
}

query! {
    /// The parameters of a route without parameters.
    pub(super) NoParameters {}
}

#[cfg(test)]
mod tests {
    use utoipa::IntoParams;

    use super::*;
    use crate::http::{
        openapi::words::{named, whole},
        parameters::{List, One},
    };

    const SHARED: Parameter<One<u32>> =
        Parameter::new("limit", "How many.", || whole("The number.", 1_u32, 9_u32).into());

    query! {
        /// The parameters that the tests use.
        Asked {
            TYPES: List<u32> = Parameter::new("types", "Which.", || named("EventType"));
            ..[SHARED.saying("The maximum number of items.")];
        }
    }

    fn refusal(query: &str) -> String {
        format!("{:?}", Query::<Asked>::read(Some(query)).unwrap_err())
    }

    #[test]
    fn an_entry_is_read_described_and_named_in_the_refusal_of_others() {
        let query = Query::<Asked>::read(Some("types=1,2&types=3&limit=7")).unwrap();
        assert_eq!((query.get(TYPES), query.get(SHARED)), (Ok(vec![1, 2, 3]), Ok(Some(7))));
        let described = Asked::into_params(|| None);
        let described: Vec<_> = described.iter().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(described, ["types", "limit"]);
        assert!(refusal("type=1").contains("unknown parameter; this route accepts types, limit"));
    }

    #[test]
    fn a_list_with_an_empty_item_is_refused_and_does_not_pass_for_no_list() {
        for query in ["types=", "types=,", "types=1,", "types=,1", "types=1,,2", "types=1&types="] {
            let refused = Query::<Asked>::read(Some(query)).unwrap().get(TYPES).unwrap_err();
            assert_eq!(
                refused.detail(),
                r#""": must not be empty; leave the parameter out to set no condition"#,
                "{query}"
            );
        }
        assert_eq!(Query::<Asked>::read(Some("")).unwrap().get(TYPES), Ok(vec![]));
    }

    #[test]
    fn a_route_without_parameters_says_that_it_accepts_none() {
        let refused = Query::<NoParameters>::read(Some("colour=red")).unwrap_err();
        assert_eq!(refused.detail(), "unknown parameter; this route accepts none");
    }

    #[test]
    fn a_lenient_table_ignores_unknown_names() {
        let query = Query::<Asked>::read_leniently(Some("colour=red&limit=7"));
        assert_eq!(query.get(SHARED), Ok(Some(7)));
    }

    #[test]
    fn the_query_of_the_next_page_keeps_the_rest() {
        let query = Query::<Asked>::read(Some("limit=7&types=1%262")).unwrap();
        assert_eq!(query.text_with(&SHARED, "8", []), "types=1%262&limit=8");
        assert_eq!(query.text_with(&SHARED, "8", TYPES), "limit=8");
    }
}
