//! Logging. Log messages never contain a token, a signature, a raw body or a client's full address.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::{EnvFilter, fmt};

const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// Sends logs to standard error: as text on a terminal, otherwise as one JSON object per line. `RUST_LOG` sets the
/// level.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let logs = fmt().with_env_filter(filter).with_writer(stderr);
    if stderr().is_terminal() {
        logs.with_target(false).init();
    } else {
        logs.json().flatten_event(true).init();
    }
}
