//! `devnet`: runs only the local network, to test and benchmark everything else.

use std::{process::ExitCode, sync::Arc};

use super::listen;
use crate::{
    config::DevnetCommandArgs,
    devnet::Devnet,
    domain::SystemClock,
    http::{self, ServerSettings},
    lifecycle::Lifecycle,
};

/// Runs the local network until stopped.
pub(super) async fn run(args: DevnetCommandArgs) -> anyhow::Result<ExitCode> {
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;
    let devnet = Devnet::open(&args.devnet, args.journal.as_deref(), Arc::new(SystemClock))?;
    let mut lifecycle = Lifecycle::new();
    let soft_stop = lifecycle.soft_stop();
    let router = http::with_checked_host(devnet.router());
    println!("Stellar RPC  http://{address}/devnet/rpc");
    println!("contract     {}", devnet.contract_id());
    println!("passphrase   {}", devnet.passphrase());
    let stop = soft_stop.clone();
    lifecycle.spawn("devnet", async move { Ok(devnet.run(stop).await?) });
    lifecycle
        .spawn("http", async move { Ok(http::serve(listener, router, ServerSettings::default(), soft_stop).await?) });
    Ok(lifecycle.run_until_stopped().await?)
}
