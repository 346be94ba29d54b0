//! The settings of the server's connections.

use std::time::Duration;

use super::{Limits, Tls};

/// The settings of connections.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// The time within which the whole head of a request must arrive. An idle connection is closed after it.
    pub head_deadline: Duration,
    /// The time within which sent data must be acknowledged.
    pub write_deadline: Duration,
    /// The limits on connections, in total and per address.
    pub limits: Limits,
    /// What connections are encrypted with; `None` for plain HTTP.
    pub tls: Option<Tls>,
}

impl ServerSettings {
    /// Returns the scheme of URLs that lead here.
    #[must_use]
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Default for ServerSettings {
    /// The default deadlines of the command line, no limits, and plain HTTP.
    fn default() -> Self {
        Self {
            head_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_mins(1),
            limits: Limits::none(),
            tls: None,
        }
    }
}
