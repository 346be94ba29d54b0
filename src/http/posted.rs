//! Parameters in the body of a request, for those that no URL has room for: a JSON object with the names of a table, whose
//! values are then read as those of a query are.

use std::fmt;

use axum::http::HeaderMap;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

use super::{
    body::read_json,
    openapi::{Declared, JsonForm},
    parameters::Parameters,
    problem::Problem,
    query::{Query, QueryTable},
};

/// The members of a JSON object, in order. A map would keep only the last one of each name.
struct Members(Vec<(String, Value)>);

/// Reads the parameters in a body, all of which must be in the table. A list may be empty there, which a query cannot say.
pub(super) fn read<T: QueryTable>(headers: &HeaderMap, body: &[u8]) -> Result<Query<T>, Problem> {
    let Members(members) = read_json(headers, body)?;
    let declared = T::declared();
    let (mut parameters, mut given) = (Parameters::default(), Vec::new());
    for (name, value) in members {
        let values = match declared.iter().find(|declared| declared.name == name) {
            Some(declared) => values_of(declared, value)?,
            None => Some(Vec::new()),
        };
        if given.contains(&name) {
            return Err(Problem::parameter(&name, "may be given only once"));
        }
        given.push(name.clone());
        if let Some(values) = values {
            parameters.give(name, values);
        }
    }
    Query::of(parameters)
}

/// Returns the values that a member stands for, as a query would hold them; `None` for a parameter that is left out.
fn values_of(declared: &Declared, value: Value) -> Result<Option<Vec<String>>, Problem> {
    let rule = match (declared.json_form(), value) {
        (JsonForm::List, Value::Array(items)) => return texts(declared, items).map(Some),
        (JsonForm::Switch, Value::Bool(is_on)) => return Ok(Some(vec![is_on.to_string()])),
        (JsonForm::Text, Value::String(text)) => return Ok(Some(vec![text])),
        (JsonForm::Text, Value::Null) => return Ok(None),
        (JsonForm::List, _) => "must be a list of texts",
        (JsonForm::Switch, _) => "must be true or false",
        (JsonForm::Text, _) => "must be a text",
    };
    Err(Problem::parameter(declared.name, rule))
}

fn texts(declared: &Declared, items: Vec<Value>) -> Result<Vec<String>, Problem> {
    let text = |item| match item {
        Value::String(text) => Ok(text),
        _ => Err(Problem::parameter(declared.name, "must be a list of texts")),
    };
    items.into_iter().map(text).collect()
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderValue, header};

    use super::*;
    use crate::http::{
        openapi::{list_of, switch, words::named},
        parameters::{List, One, Switch},
        query::{Parameter, query},
    };

    query! {
        /// The parameters that the tests use.
        Asked {
            NUMBERS: List<u32> = Parameter::new("numbers", "Which.", || list_of(named("EventType")));
            ALL: Switch = Parameter::new("all", "Whether.", switch);
            LIMIT: One<u32> = Parameter::new("limit", "How many.", || named("EventType"));
        }
    }

    fn posted(body: &str) -> Result<Query<Asked>, Problem> {
        let json = HeaderValue::from_static("application/json");
        super::read(&[(header::CONTENT_TYPE, json)].into_iter().collect(), body.as_bytes())
    }

    #[test]
    fn a_body_means_what_a_query_with_the_same_names_means() {
        for (body, query) in [
            (r#"{"numbers": ["1", "2"], "all": true, "limit": "7"}"#, "numbers=1,2&all=true&limit=7"),
            (r#"{"numbers": ["1,2"], "all": false}"#, "numbers=1&numbers=2&all=false"),
            (r#"{"limit": null}"#, ""),
            (r#"{"limit": "x", "numbers": ["y"]}"#, "limit=x&numbers=y"),
            (r#"{"numbers": [""], "limit": ""}"#, "numbers=&limit="),
            ("{}", ""),
        ] {
            let (posted, asked) = (posted(body).unwrap(), Query::<Asked>::read(Some(query)).unwrap());
            assert_eq!(posted.get(NUMBERS), asked.get(NUMBERS), "{body}");
            assert_eq!(posted.get(ALL), asked.get(ALL), "{body}");
            assert_eq!(posted.get(LIMIT), asked.get(LIMIT), "{body}");
        }
    }

    #[test]
    fn an_empty_list_is_a_parameter_that_is_given() {
        let (empty, absent) = (posted(r#"{"numbers": []}"#).unwrap(), posted("{}").unwrap());
        assert_eq!((empty.get(NUMBERS), empty.has_any(NUMBERS)), (Ok(vec![]), true));
        assert!(!absent.has_any(NUMBERS));
    }

    #[test]
    fn a_member_that_breaks_a_rule_is_named() {
        for (body, name, rule) in [
            (r#"{"colour": "red"}"#, "colour", "unknown parameter; this route accepts numbers, all, limit"),
            (r#"{"limit": 7}"#, "limit", "must be a text"),
            (r#"{"all": "true"}"#, "all", "must be true or false"),
            (r#"{"all": null}"#, "all", "must be true or false"),
            (r#"{"numbers": "1"}"#, "numbers", "must be a list of texts"),
            (r#"{"numbers": [1]}"#, "numbers", "must be a list of texts"),
            (r#"{"numbers": null}"#, "numbers", "must be a list of texts"),
            (r#"{"numbers": ["1"], "numbers": ["2"]}"#, "numbers", "may be given only once"),
            (r#"{"limit": null, "limit": "2"}"#, "limit", "may be given only once"),
        ] {
            assert_eq!(posted(body).unwrap_err(), Problem::parameter(name, rule), "{body}");
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for body in ["", "x", "[]", "\"x\"", "7", "null", "{", "{} {}"] {
            assert!(posted(body).unwrap_err().detail().starts_with("the body is invalid: "), "{body}");
        }
    }
}
