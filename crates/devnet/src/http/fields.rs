//! The fields of a JSON body. They are read one by one, so that a refusal can name the invalid one.

use std::{fmt::Display, str::FromStr};

use axum::{body::Bytes, extract::rejection::BytesRejection};
use serde_json::{Map, Value};

use super::problem::Problem;
use flowfi_domain::Address;

/// A body as axum provides it.
pub(super) type Body = Result<Bytes, BytesRejection>;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body; an empty one has no fields.
    pub(super) fn read(body: Body) -> Result<Self, Problem> {
        let body = body?;
        if body.is_empty() {
            return Ok(Self::default());
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Problem::body("the body must be a JSON object")),
            Err(error) => Err(Problem::body(format!("the body is not JSON: {error}"))),
        }
    }

    /// Returns the members of an object inside a body.
    pub(super) fn of(value: &Value, name: &str) -> Result<Self, Problem> {
        let fields = value.as_object().ok_or_else(|| Problem::parameter(name, "must be a JSON object"))?;
        Ok(Self(fields.clone()))
    }

    /// Returns a member unchanged; null counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns every member.
    pub(super) fn into_inner(self) -> Map<String, Value> {
        self.0
    }

    /// Returns the objects of a required array.
    pub(super) fn list(&self, name: &str) -> Result<Vec<Self>, Problem> {
        let list = self.get(name).ok_or_else(|| missing(name))?;
        let list = list.as_array().ok_or_else(|| Problem::parameter(name, "must be an array of objects"))?;
        list.iter().map(|value| Self::of(value, name)).collect()
    }

    /// Returns an optional boolean.
    pub(super) fn optional_flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| Problem::parameter(name, "must be true or false"))
    }

    /// Returns a required boolean.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        self.optional_flag(name)?.ok_or_else(|| missing(name))
    }

    /// Returns a required value that is sent as a string.
    pub(super) fn text<T: TryFrom<String, Error: Display>>(&self, name: &str) -> Result<T, Problem> {
        let value = self.get(name).ok_or_else(|| missing(name))?;
        let text = value.as_str().ok_or_else(|| Problem::parameter(name, "must be a string"))?;
        T::try_from(text.to_owned()).map_err(|error| Problem::parameter(name, error.to_string()))
    }

    /// Returns a required address.
    pub(super) fn address(&self, name: &str) -> Result<Address, Problem> {
        self.optional_address(name)?.ok_or_else(|| missing(name))
    }

    /// Returns an optional address.
    pub(super) fn optional_address(&self, name: &str) -> Result<Option<Address>, Problem> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| Problem::parameter(name, "must be an address, as a string"))?;
        text.parse().map(Some).map_err(|error| Problem::parameter(name, format!("{error}")))
    }

    /// Returns a required whole number, sent as a decimal string or as a JSON number.
    pub(super) fn number<T: FromStr>(&self, name: &str) -> Result<T, Problem> {
        self.optional_number(name)?.ok_or_else(|| missing(name))
    }

    /// Returns an optional whole number, sent as a decimal string or as a JSON number.
    pub(super) fn optional_number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.get(name).map(|value| whole_number(name, value)).transpose()
    }
}

/// Reads a whole number, sent as a decimal string or as a JSON number.
pub(super) fn whole_number<T: FromStr>(name: &str, value: &Value) -> Result<T, Problem> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let wanted = "must be a whole number in the allowed range, preferably as a decimal string";
    text.parse().map_err(|_| Problem::parameter(name, wanted))
}

fn missing(name: &str) -> Problem {
    Problem::parameter(name, "is missing")
}
