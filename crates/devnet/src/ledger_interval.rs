//! When the local network closes its ledgers.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

const MANUAL: &str = "manual";

/// When ledgers close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerInterval {
    /// One after each time of this length, which is not zero.
    Every(Duration),
    /// Only when told to.
    Manual,
}

/// A text is not an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("is neither a time like 300ms, 1s or 5s nor the word manual")]
pub struct InvalidLedgerInterval;

impl FromStr for LedgerInterval {
    type Err = InvalidLedgerInterval;

    /// A plain number counts milliseconds, and 0 means `manual`, as when the flag was named after its unit.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == MANUAL {
            return Ok(Self::Manual);
        }
        let interval = match text.parse() {
            Ok(milliseconds) => Duration::from_millis(milliseconds),
            Err(_) => humantime::parse_duration(text).map_err(|_| InvalidLedgerInterval)?,
        };
        Ok(if interval.is_zero() { Self::Manual } else { Self::Every(interval) })
    }
}

impl fmt::Display for LedgerInterval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => humantime::format_duration(*interval).fmt(formatter),
            Self::Manual => formatter.write_str(MANUAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_a_time_or_the_word_manual_and_is_read_back_as_it_is_written() {
        let every = |milliseconds| LedgerInterval::Every(Duration::from_millis(milliseconds));
        for (text, interval) in [("300ms", every(300)), ("5s", every(5_000)), ("manual", LedgerInterval::Manual)] {
            assert_eq!(text.parse(), Ok(interval), "{text}");
            assert_eq!(interval.to_string(), text);
        }
        for text in ["", "soon", "-1", "5 apples"] {
            assert_eq!(text.parse::<LedgerInterval>(), Err(InvalidLedgerInterval), "{text}");
        }
    }

    #[test]
    fn a_plain_number_counts_milliseconds_and_zero_means_manual() {
        assert_eq!("300".parse(), Ok(LedgerInterval::Every(Duration::from_millis(300))));
        assert_eq!("0".parse(), Ok(LedgerInterval::Manual));
        assert_eq!("0s".parse(), Ok(LedgerInterval::Manual));
    }
}
