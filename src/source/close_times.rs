//! The times at which ledgers closed, as servers write them. The chain counts them in seconds since 1970. A server may
//! send anything else, such as the year 1 for a time that it does not have; the database cannot hold every time that a
//! text can name.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, de};

fn is_of_a_ledger(time: &DateTime<Utc>) -> bool {
    *time >= DateTime::UNIX_EPOCH
}

/// Reads a time that every ledger has.
pub(super) fn closed_at<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let time = DateTime::<Utc>::deserialize(deserializer)?;
    if is_of_a_ledger(&time) { Ok(time) } else { Err(de::Error::custom("no ledger closed before 1970")) }
}

/// Reads a time that may be missing.
pub(super) fn closed_at_if_known<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    Ok(Option::<DateTime<Utc>>::deserialize(deserializer)?.filter(is_of_a_ledger))
}

/// Reads the same in seconds, as a number or as a string: servers differ.
pub(super) fn unix_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(i64),
        Text(String),
    }
    let seconds = match Option::<Seconds>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Seconds::Number(seconds)) => seconds,
        Some(Seconds::Text(text)) => text.parse().map_err(de::Error::custom)?,
    };
    let time = DateTime::from_timestamp(seconds, 0).ok_or_else(|| de::Error::custom("a time out of range"))?;
    Ok(Some(time).filter(is_of_a_ledger))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seconds(time: Value) -> Result<Option<i64>, serde_json::Error> {
        unix_time(time).map(|time| time.map(|time| time.timestamp()))
    }

    #[test]
    fn a_time_before_1970_is_none_and_no_event_has_one() {
        assert_eq!(seconds(json!(1_700_000_000)).unwrap(), Some(1_700_000_000));
        assert_eq!(seconds(json!("0")).unwrap(), Some(0));
        assert_eq!(seconds(json!(null)).unwrap(), None);
        // An unset time of Go, and one that PostgreSQL cannot hold.
        assert_eq!(seconds(json!("-62135596800")).unwrap(), None);
        assert_eq!(seconds(json!(-300_000_000_000_i64)).unwrap(), None);
        for before in ["0001-01-01T00:00:00Z", "-7000-01-01T00:00:00Z", "1969-12-31T23:59:59Z"] {
            assert_eq!(closed_at_if_known(json!(before)).unwrap(), None, "{before}");
            assert!(closed_at(json!(before)).is_err(), "{before}");
        }
        assert!(closed_at(json!("1970-01-01T00:00:00Z")).is_ok());
    }
}
