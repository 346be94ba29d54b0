//! Times as answers carry them.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::UnixTime;

/// Returns a Unix time as a number, none where it is later than dates go.
pub(super) fn dated_time(time: UnixTime) -> Option<u64> {
    dated(i128::from(time.0))
}

/// The same for a time that can pass 2^64.
pub(super) fn dated(seconds: i128) -> Option<u64> {
    u64::try_from(seconds).ok().filter(|seconds| *seconds <= UnixTime::LAST_DATE.0)
}

pub(super) fn date_text(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
