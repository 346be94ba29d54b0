//! Query parameters, read strictly: a name we do not know or a value that breaks a rule is a problem that names it.

use std::{borrow::Cow, fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use super::problem::Problem;

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Parameters<'a> {
    /// Reads a query string in which only `known` names may occur.
    pub(super) fn read(query: Option<&'a str>, known: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
        for (name, _) in &pairs {
            if !known.contains(&name.as_ref()) {
                let rule = format!("unknown parameter; this route knows {}", known.join(", "));
                return Err(Problem::parameter(name, rule));
            }
        }
        Ok(Self(pairs))
    }

    /// Reads a query string of which only some names matter.
    pub(super) fn read_any(query: Option<&'a str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect())
    }

    /// Whether a parameter is given.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }

    /// Returns the text of a parameter that may be given once.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_ref());
        let value = values.next();
        if values.next().is_some() {
            return Err(Problem::parameter(name, "may be given only once"));
        }
        Ok(value)
    }

    /// Returns the value of a parameter that may be given once.
    pub(super) fn one<T>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        self.text(name)?.map(|text| parse(name, text)).transpose()
    }

    /// Returns the values of a parameter that may be repeated and whose values may be separated by commas.
    pub(super) fn list<T>(&self, name: &str) -> Result<Vec<T>, Problem>
    where
        T: FromStr<Err: Display>,
    {
        let values = self.0.iter().filter(|(found, _)| found == name);
        let texts = values.flat_map(|(_, value)| value.split(',')).filter(|text| !text.is_empty());
        texts.map(|text| parse(name, text)).collect()
    }

    /// Returns the query of the page that begins at this cursor.
    pub(super) fn of_next_page(&self, cursor: &str) -> String {
        let kept = self.0.iter().filter(|(name, _)| name != "cursor" && name != "offset");
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).append_pair("cursor", cursor).finish()
    }
}

/// The one variable part of a path, as text.
#[derive(Debug)]
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| Problem::parameter("path", "is not text in UTF-8"))
    }
}

fn parse<T>(name: &str, text: &str) -> Result<T, Problem>
where
    T: FromStr<Err: Display>,
{
    text.parse().map_err(|rule: T::Err| {
        let shown: String = text.chars().take(80).collect();
        Problem::parameter(name, format!("{shown:?}: {rule}"))
    })
}
