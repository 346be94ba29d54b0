//! `postgres -- COMMAND`: runs a command with its own temporary database, for tests and benchmarks.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use rand::Rng;
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};

use super::random_generator;
use crate::{
    config::PostgresArgs,
    postgres::{Durability, PrivateServer},
};

/// Runs the command, and ends with its exit code.
pub(super) async fn run(args: PostgresArgs) -> anyhow::Result<ExitCode> {
    let folder = Scratch::new()?;
    let durability = if args.durable { Durability::Fsync } else { Durability::None };
    let server = PrivateServer::start(&folder.0, args.programs.pg_bin.as_deref(), durability).await?;
    let (program, arguments) = args.command.split_first().context("no command")?;
    // A Ctrl-C also reaches the command: it ends, and we clean up. A termination signal is ours to pass on.
    let _interrupts = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut child = Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", server.url())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", Path::new(program).display()))?;
    let status = tokio::select! {
        status = child.wait() => status?,
        _ = terminate.recv() => {
            child.start_kill()?;
            child.wait().await?
        }
    };
    server.stop();
    drop(folder);
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// A folder that is removed at the end. It is not below our home, which the server's account may not be able to enter.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let number: u64 = random_generator().random();
        let folder = env::temp_dir().join(format!("flowfi-postgres-{number:016x}"));
        fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whatever cannot be removed is left in the system's temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
