//! How many files this process may have open: each connection is one.

use tracing::warn;

use crate::http::LimitArgs;

/// Files besides event streams: connections for requests, those to the database, log and time zone data.
const OTHERS: u64 = 1_200;

/// Raises the soft limit of open files to the hard one, and warns if that is too low for the event streams that are
/// allowed. The soft limit is 1,024 nearly everywhere, for the sake of programs that use `select`.
pub(super) fn raise_limit(limits: &LimitArgs) {
    let allowed = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(allowed) => allowed,
        Err(failure) => return warn!("the limit of open files cannot be raised: {failure}"),
    };
    let wanted = u64::from(limits.max_connections).saturating_add(OTHERS);
    if allowed < wanted {
        let streams = limits.max_connections;
        warn!(
            "this process may have {allowed} files open, but --max-connections {streams} needs {wanted}: raise the hard \
             limit (LimitNOFILE= in a systemd unit, `ulimit -Hn` in a shell), or allow fewer event streams"
        );
    }
}
