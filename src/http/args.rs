//! The gateway's command-line arguments.

use std::net::SocketAddr;

use clap::Args;

use super::{LimitArgs, Origin};

/// Where to listen and how to keep connections.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// The address to listen on.
    #[arg(long, env = "FLOWFI_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Seconds between two heartbeat comments on an event stream. Proxies cut connections that are silent for 30 to
    /// 100 seconds.
    #[arg(long, env = "FLOWFI_HEARTBEAT_SECONDS", value_name = "S", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub heartbeat_seconds: u64,

    /// Origins whose web pages may read the answers, like `https://app.example`; * for every one.
    #[arg(long = "cors-origin", env = "FLOWFI_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,

    /// How many ledgers the index may be behind the chain's tip and still be called ready.
    #[arg(long, env = "FLOWFI_MAX_LAG_LEDGERS", value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_lag_ledgers: u32,

    /// Seconds within which the head of a request must be there whole; a connection that is idle between two requests is
    /// closed after as many.
    #[arg(long, env = "FLOWFI_HEAD_DEADLINE_SECONDS", value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub head_deadline_seconds: u64,

    /// Seconds that a client may leave what was sent to it unacknowledged before its connection is closed. A client that
    /// is behind and takes less than 30 KiB of an answer in as many seconds is cut off too; event streams are exempt.
    #[arg(long, env = "FLOWFI_WRITE_DEADLINE_SECONDS", value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub write_deadline_seconds: u64,

    /// How many of the newest events to keep in memory for clients that resume.
    #[arg(long, env = "FLOWFI_RING_EVENTS", value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub ring_events: u32,

    /// How much clients may ask for.
    #[command(flatten)]
    pub limits: LimitArgs,
}
