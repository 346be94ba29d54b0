//! Numbers that JSON cannot carry: token amounts (i128) and stream ids (u64). Inside they are integers,
//! outside decimal strings.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// An amount of a token in its smallest unit, or a rate of such units a second; the whole range of i128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(pub i128);

/// The number of a stream within its contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// A text that is not a decimal integer of the wanted range.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("not a whole decimal number of the allowed range")]
pub struct InvalidNumber;

/// A sum of amounts or rates, exact at any size: sums of i128 can pass i128, and nothing is calculated with this one any
/// more, so it is kept as its decimal text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Total(String);

impl FromStr for Total {
    type Err = InvalidNumber;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| Self(text.to_owned())).ok_or(InvalidNumber)
    }
}

impl Amount {
    /// No tokens.
    pub const ZERO: Self = Self(0);

    /// Returns the sum, held at the bounds of i128.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Returns the difference, held at the bounds of i128.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

/// Reads a whole number without a plus sign.
pub(super) fn decimal<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, InvalidNumber> {
    if text.starts_with('+') {
        return Err(InvalidNumber);
    }
    text.parse().map_err(|_| InvalidNumber)
}

macro_rules! decimal_text {
    ($name:ident, $inner:ty) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidNumber;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                decimal::<$inner>(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}
decimal_text!(Amount, i128);
decimal_text!(StreamId, u64);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn refuses_signs_spaces_and_overflow() {
        for text in ["", "+1", " 1", "1.0", "1e3", "18446744073709551616", "-1"] {
            assert_eq!(text.parse::<StreamId>(), Err(InvalidNumber), "{text}");
        }
        assert_eq!("170141183460469231731687303715884105728".parse::<Amount>(), Err(InvalidNumber));
    }

    proptest! {
        #[test]
        fn amounts_round_trip_as_json_strings(value: i128) {
            let json = serde_json::to_string(&Amount(value)).unwrap();
            prop_assert_eq!(&json, &format!("\"{value}\""));
            prop_assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), Amount(value));
        }

        #[test]
        fn stream_ids_round_trip_as_text(value: u64) {
            prop_assert_eq!(StreamId(value).to_string().parse(), Ok(StreamId(value)));
        }
    }
}
