//! The name of a saved filter.

use std::{fmt, str::FromStr};

use thiserror::Error;

const LONGEST: usize = 64;

/// What its owner calls a saved filter. It needs no escape in a path or a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FeedName(String);

/// A text is no such name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name has 1 to {LONGEST} of the letters a to z and A to Z, digits, hyphens and underscores")]
pub(super) struct NotAFeedName;

impl FromStr for FeedName {
    type Err = NotAFeedName;

    fn from_str(text: &str) -> Result<Self, NotAFeedName> {
        let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_');
        let fits = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAFeedName) }
    }
}

impl FeedName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_needs_no_escape_and_is_bounded() {
        for name in ["a", "Payroll_2026-q4", "7", &"x".repeat(LONGEST)] {
            assert_eq!(name.parse::<FeedName>().map(|name| name.to_string()), Ok(name.to_owned()));
        }
        for name in ["", ".", "..", "a b", "a/b", "a.b", "é", "a\n", "a,b", &"x".repeat(LONGEST + 1)] {
            assert_eq!(name.parse::<FeedName>(), Err(NotAFeedName), "{name:?}");
        }
    }
}
