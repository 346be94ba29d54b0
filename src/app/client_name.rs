//! The name under which this process appears in `pg_stat_activity`, so that whoever waits for it can find it.

use std::{env, fs, process};

/// Returns the program, its command, the process and the host, as in `flowfi-indexer reindex 4711@ops-1`. The server cuts
/// it off after 63 bytes.
pub(super) fn client_name() -> String {
    let command = env::args_os().nth(1).unwrap_or_default();
    let command = command.to_string_lossy();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("flowfi-indexer {command} {}@{}", process::id(), host.trim())
}
