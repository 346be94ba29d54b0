//! The measured processes, and the kernel's figures about them.

use std::{env, ffi::OsStr, fs, path::PathBuf, process::Stdio, time::Duration};

use flowfi_indexer::domain::ContractId;
use sqlx::{ConnectOptions, Connection, PgConnection, PgPool, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};

/// The kernel counts processor time in hundredths of a second (`getconf CLK_TCK`).
const TICKS_A_SECOND: u32 = 100;

/// A network to index.
pub struct Network {
    pub rpc_url: String,
    pub contract: String,
    pub passphrase: String,
}

/// A child process that ends with us.
pub struct Process {
    child: Child,
    /// Kept open, so that the process can keep writing.
    _output: Output,
}

enum Output {
    Stdout(#[expect(dead_code, reason = "only kept open")] Lines<BufReader<ChildStdout>>),
    Stderr(#[expect(dead_code, reason = "only kept open")] Lines<BufReader<ChildStderr>>),
}

/// The resources that a process has used.
pub struct Usage {
    pub cpu: Duration,
    pub memory_mib: u64,
    pub peak_memory_mib: u64,
}

impl Process {
    /// Starts the local network with a history of `events` events. It runs the older contract, whose events tell everything,
    /// so that this measures the events alone.
    pub async fn devnet(events: u64) -> (Self, Network) {
        let mut child = program()
            .args(["devnet", "--listen", "127.0.0.1:0", "--devnet-ledger-interval", "manual"])
            .args(["--devnet-scenario", "false", "--devnet-contract-code", "a"])
            .args(["--devnet-history-events", &events.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut values = Vec::new();
        for name in ["Stellar RPC", "contract", "passphrase"] {
            let line = lines.next_line().await.unwrap().expect("the local network describes itself");
            values.push(line.strip_prefix(name).expect("in this order").trim().to_owned());
        }
        let [rpc_url, contract, passphrase] = values.try_into().expect("three lines");
        (Self { child, _output: Output::Stdout(lines) }, Network { rpc_url, contract, passphrase })
    }

    /// Starts the daemon on a database. Returns it with its base URL.
    pub async fn daemon(network: &Network, database: &PgPool) -> (Self, String) {
        let mut command = serve(&network.contract, &network.passphrase, database);
        Self::listening(command.args(["--auth", "off", "--rpc-urls", &network.rpc_url])).await
    }

    /// Starts only a gateway on a database, with additional arguments. Returns it with its base URL.
    pub async fn gateway<S: AsRef<OsStr>>(contract: &ContractId, database: &PgPool, args: &[S]) -> (Self, String) {
        let mut command = serve(contract.as_str(), "a network of the benchmark", database);
        Self::listening(command.args(["--role", "gateway"]).args(args)).await
    }

    async fn listening(command: &mut Command) -> (Self, String) {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        loop {
            let line = lines.next_line().await.unwrap();
            assert!(line.is_some(), "it ended:\n{said}");
            let line = line.unwrap_or_default();
            said = said + &line + "\n";
            if let Some((_, rest)) = line.split_once("listening on ") {
                let base = rest.split([';', ',', ' ', '"']).next().unwrap().to_owned();
                return (Self { child, _output: Output::Stderr(lines) }, base);
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Reads `/proc`.
    pub fn usage(&self) -> Usage {
        let process = PathBuf::from(format!("/proc/{}", self.id()));
        let stat = fs::read_to_string(process.join("stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u32 = fields[11].parse::<u32>().unwrap() + fields[12].parse::<u32>().unwrap();
        let status = fs::read_to_string(process.join("status")).unwrap();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
        };
        let cpu = Duration::from_secs(1) * ticks / TICKS_A_SECOND;
        Usage { cpu, memory_mib: mib("VmRSS:"), peak_memory_mib: mib("VmHWM:") }
    }

    pub async fn end(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowfi-indexer"));
    command.kill_on_drop(true);
    command
}

fn serve(contract: &str, passphrase: &str, database: &PgPool) -> Command {
    let mut command = program();
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(["--contracts", contract, "--network-passphrase", passphrase])
        .env("DATABASE_URL", database.connect_options().to_url_lossy().as_str())
        .env("RUST_LOG", "info");
    command
}

/// Creates an empty database with this name.
pub async fn database(name: &str) -> PgPool {
    let url = env::var("DATABASE_URL").expect("DATABASE_URL is set: run `make bench`");
    let options: PgConnectOptions = url.parse().unwrap();
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    for statement in [format!("drop database if exists {name}"), format!("create database {name}")] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    PgPool::connect_with(options.database(name)).await.unwrap()
}
