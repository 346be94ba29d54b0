//! Durations as the command line spells them: `250ms`, `30s`, `5m`, `1h`, `7d`.

use std::{fmt, ops::RangeInclusive, time::Duration};

use humantime::{format_duration, parse_duration};
use thiserror::Error;

/// The unit of a flag. Its durations are whole numbers of this unit, and a plain number counts this unit, as it did when
/// the unit was part of the flag's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Milliseconds,
    Seconds,
}

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadDuration {
    #[error("is not a time like 250ms, 30s, 5m, 1h or 7d")]
    NotADuration,
    #[error("must be a whole number of {0}")]
    TooFine(Unit),
    #[error("must be from {} to {}", spelled(*.least), spelled(*.most))]
    OutOfRange { least: Duration, most: Duration },
}

/// Returns a parser of durations within a range, for clap.
pub(crate) fn durations(
    unit: Unit,
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, BadDuration> + Clone {
    move |text| {
        let duration = match text.parse() {
            Ok(count) => unit.times(count),
            Err(_) => parse_duration(text).map_err(|_| BadDuration::NotADuration)?,
        };
        if !unit.measures(duration) {
            return Err(BadDuration::TooFine(unit));
        }
        if !range.contains(&duration) {
            return Err(BadDuration::OutOfRange { least: *range.start(), most: *range.end() });
        }
        Ok(duration)
    }
}

/// Returns how a duration is written, so that the command line reads the same duration back.
pub(crate) fn spelled(duration: Duration) -> impl fmt::Display {
    format_duration(duration)
}

impl Unit {
    const fn times(self, count: u64) -> Duration {
        match self {
            Self::Milliseconds => Duration::from_millis(count),
            Self::Seconds => Duration::from_secs(count),
        }
    }

    const fn measures(self, duration: Duration) -> bool {
        match self {
            Self::Milliseconds => duration.subsec_nanos().is_multiple_of(1_000_000),
            Self::Seconds => duration.subsec_nanos() == 0,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_seconds(text: &str) -> Result<Duration, BadDuration> {
        durations(Unit::Seconds, Duration::from_secs(1)..=Duration::from_hours(720))(text)
    }

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        for (text, seconds) in [("90s", 90), ("15m", 900), ("1h", 3_600), ("1h 30m", 5_400), ("30d", 2_592_000)] {
            assert_eq!(of_seconds(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "s5", "-1s", "-1", "soon", "99999999999999999999d", "99999999999999999999", "1ч"] {
            assert_eq!(of_seconds(text), Err(BadDuration::NotADuration), "{text}");
        }
    }

    #[test]
    fn a_plain_number_counts_the_unit_that_the_flag_was_named_after() {
        assert_eq!(of_seconds("15"), Ok(Duration::from_secs(15)));
        let of_milliseconds = durations(Unit::Milliseconds, Duration::ZERO..=Duration::MAX);
        assert_eq!(of_milliseconds("15"), Ok(Duration::from_millis(15)));
    }

    #[test]
    fn a_duration_outside_the_range_is_told_the_range() {
        let refusal = of_seconds("31d").unwrap_err().to_string();
        assert_eq!(refusal, "must be from 1s to 30days");
        assert_eq!(of_seconds("0").unwrap_err().to_string(), refusal);
    }

    #[test]
    fn a_duration_finer_than_the_unit_is_refused() {
        assert_eq!(of_seconds("1500ms").unwrap_err().to_string(), "must be a whole number of seconds");
        let of_milliseconds = durations(Unit::Milliseconds, Duration::ZERO..=Duration::MAX);
        assert_eq!(of_milliseconds("5us").unwrap_err(), BadDuration::TooFine(Unit::Milliseconds));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [1, 59, 60, 3_601, 604_800, 2_592_000] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(of_seconds(&spelled(duration).to_string()), Ok(duration));
        }
    }
}
