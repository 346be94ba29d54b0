//! Reads the text of parameters strictly: a value that breaks a rule is a problem that names the parameter.

use std::{fmt::Display, marker::PhantomData, str::FromStr};

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use super::problem::Problem;

/// The parameters of one request, as the client sent them.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    /// Names of lists that were given without an item, which only JSON can say.
    empty: Vec<String>,
}

impl Parameters {
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        Self { pairs, empty: Vec::new() }
    }

    /// Adds a parameter with any number of values.
    pub(super) fn give(&mut self, name: String, values: Vec<String>) {
        if values.is_empty() {
            self.empty.push(name);
        } else {
            self.pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
        }
    }

    /// Adds the parameters that came in another part of the request.
    pub(super) fn extend(&mut self, others: Self) {
        self.pairs.extend(others.pairs);
        self.empty.extend(others.empty);
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.pairs().map(|(name, _)| name).chain(self.empty.iter().map(String::as_str))
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs().filter(move |(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// A way to read a parameter.
pub(super) trait Reading {
    /// The type that it is read as.
    type Value<'a>;

    /// Reads the parameter with this name.
    fn read<'a>(parameters: &'a Parameters, name: &str) -> Result<Self::Value<'a>, Problem>;
}

/// A text that may be given once.
#[derive(Debug)]
pub(super) enum Text {}

impl Reading for Text {
    type Value<'a> = Option<&'a str>;

    fn read<'a>(parameters: &'a Parameters, name: &str) -> Result<Option<&'a str>, Problem> {
        let mut values = parameters.values(name);
        let value = values.next();
        if values.next().is_some() {
            return Err(Problem::parameter(name, "may be given only once"));
        }
        Ok(value)
    }
}

/// A `T` that may be given once.
#[derive(Debug)]
pub(super) struct One<T>(PhantomData<T>);

impl<T: FromStr<Err: Display>> Reading for One<T> {
    type Value<'a> = Option<T>;

    fn read(parameters: &Parameters, name: &str) -> Result<Option<T>, Problem> {
        Text::read(parameters, name)?.map(|text| parse(name, text)).transpose()
    }
}

/// A number that may be given once, in digits.
#[derive(Debug)]
pub(super) struct Number<T>(PhantomData<T>);

#[derive(Debug, thiserror::Error)]
enum NotANumber {
    #[error("must be a whole number, in digits")]
    NotDigits,
    #[error("is too large")]
    TooLarge,
}

impl<T: TryFrom<u64>> Reading for Number<T> {
    type Value<'a> = Option<T>;

    fn read(parameters: &Parameters, name: &str) -> Result<Option<T>, Problem> {
        let Some(text) = Text::read(parameters, name)? else { return Ok(None) };
        if text.is_empty() || !text.bytes().all(|letter| letter.is_ascii_digit()) {
            return Err(refusal(name, text, &NotANumber::NotDigits));
        }
        let number = text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
        number.map(Some).ok_or_else(|| refusal(name, text, &NotANumber::TooLarge))
    }
}

/// Values `T` of a parameter that may be repeated, and whose values may be separated by commas. None of them may be
/// empty: a list that narrows an answer must not be taken for one that was left out.
#[derive(Debug)]
pub(super) struct List<T>(PhantomData<T>);

#[derive(Debug, thiserror::Error)]
#[error("must not be empty; leave the parameter out to set no condition")]
struct EmptyItem;

impl<T: FromStr<Err: Display>> Reading for List<T> {
    type Value<'a> = Vec<T>;

    fn read(parameters: &Parameters, name: &str) -> Result<Vec<T>, Problem> {
        let texts = parameters.values(name).flat_map(|value| value.split(','));
        let item = |text: &str| if text.is_empty() { Err(refusal(name, text, &EmptyItem)) } else { parse(name, text) };
        texts.map(item).collect()
    }
}

/// `true` or `false`; `false` if it is not given.
#[derive(Debug)]
pub(super) enum Switch {}

#[derive(Debug, thiserror::Error)]
#[error("must be true or false")]
struct NotASwitch;

impl Reading for Switch {
    type Value<'a> = bool;

    fn read(parameters: &Parameters, name: &str) -> Result<bool, Problem> {
        match Text::read(parameters, name)? {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(refusal(name, text, &NotASwitch)),
        }
    }
}

fn parse<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|rule: T::Err| refusal(name, text, &rule))
}

fn refusal(name: &str, text: &str, rule: &dyn Display) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::parameter(name, format!("{shown:?}: {rule}"))
}

/// The only variable part of a path, as text.
#[derive(Debug)]
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(text)| Self(text)).map_err(|_| Problem::parameter("path", "is not text in UTF-8"))
    }
}
