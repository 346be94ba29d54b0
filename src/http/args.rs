//! The gateway's command-line arguments.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::{BadTls, LimitArgs, Origin, Tls};
use crate::duration::{Unit, durations};

/// Where to listen and how to keep connections.
#[derive(Args, Clone, Debug)]
pub struct HttpArgs {
    /// The address to listen on.
    #[arg(long, env = "FLOWFI_LISTEN", value_name = "IP:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Let several processes of one user listen on the address (`SO_REUSEPORT`). The kernel spreads new connections over
    /// them, so that several gateways on one machine need no load balancer.
    #[arg(long, env = "FLOWFI_REUSE_PORT")]
    pub reuse_port: bool,

    /// The time between two heartbeat comments on an event stream. Proxies cut connections that are silent for 30 to
    /// 100 seconds.
    #[arg(
        long,
        alias = "heartbeat-seconds",
        env = "FLOWFI_HEARTBEAT",
        value_name = "TIME",
        default_value = "15s",
        value_parser = durations(Unit::Seconds, Duration::from_secs(1)..=Duration::from_mins(5))
    )]
    pub heartbeat: Duration,

    /// Origins whose web pages may read the answers, like `https://app.example`; * for every one.
    #[arg(long, alias = "cors-origin", env = "FLOWFI_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origins: Vec<Origin>,

    /// How many ledgers the index may be behind the chain's tip and still be called ready.
    #[arg(long, env = "FLOWFI_MAX_LAG_LEDGERS", value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_lag_ledgers: u32,

    /// The time within which the head of a request must arrive whole. A connection that is idle between two requests is
    /// closed after the same time.
    #[arg(
        long,
        alias = "head-deadline-seconds",
        env = "FLOWFI_HEAD_DEADLINE",
        value_name = "TIME",
        default_value = "10s",
        value_parser = durations(Unit::Seconds, Duration::from_secs(1)..=Duration::from_mins(5))
    )]
    pub head_deadline: Duration,

    /// How long a client may leave what was sent to it unacknowledged before its connection is closed. A client that is
    /// behind and takes less than 30 KiB of an answer in the same time is cut off too; event streams are exempt.
    #[arg(
        long,
        alias = "write-deadline-seconds",
        env = "FLOWFI_WRITE_DEADLINE",
        value_name = "TIME",
        default_value = "1m",
        value_parser = durations(Unit::Seconds, Duration::from_secs(1)..=Duration::from_hours(1))
    )]
    pub write_deadline: Duration,

    /// How many of the newest events to keep in memory for clients that resume.
    #[arg(long, env = "FLOWFI_RING_EVENTS", value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub ring_events: u32,

    /// How much clients may ask for.
    #[command(flatten)]
    pub limits: LimitArgs,
}

/// How to speak TLS.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "TLS")]
pub struct TlsArgs {
    /// A file with the certificate (PEM) that clients are shown, followed by those it rests on. With it, the daemon speaks
    /// TLS only: 1.2 or 1.3, and over it HTTP/2 or HTTP/1.1, as the client likes. New files are read within half a minute.
    #[arg(long, env = "FLOWFI_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// A file with the private key (PEM, not encrypted) of that certificate.
    #[arg(long, env = "FLOWFI_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl TlsArgs {
    /// Reads the files; `None` without TLS.
    ///
    /// # Errors
    /// They hold no certificate and key that can be used.
    pub fn load(&self) -> Result<Option<Tls>, BadTls> {
        let files = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        files.map(|(cert_file, key_file)| Tls::load(cert_file, key_file)).transpose()
    }
}
