//! `epochs`: what was archived when the network started over.

use std::process::ExitCode;

use serde_json::json;

use super::{BadConfig, index};
use crate::{
    config::{EpochsArgs, EpochsCommand},
    domain::Epoch,
    store::Store,
};

/// Lists the archived epochs, or drops one.
pub(super) async fn run(args: EpochsArgs) -> anyhow::Result<ExitCode> {
    let store = match &args.command {
        EpochsCommand::List(args) => index::open(args).await?,
        EpochsCommand::Drop(args) => index::open(&args.index).await?,
    };
    match &args.command {
        EpochsCommand::List(args) => list(&store, args.json).await?,
        EpochsCommand::Drop(args) => drop_one(&store, Epoch(args.epoch), args.index.json).await?,
    }
    store.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn list(store: &Store, json: bool) -> anyhow::Result<()> {
    let archived = store.archived_epochs().await?;
    if !json {
        println!("{:>6} {:>14} {:>16}  schema", "epoch", "last ledger", "bytes");
    }
    for found in archived {
        let last = found.last_whole_ledger;
        if json {
            let line =
                json!({"epoch": found.epoch, "schema": found.schema, "lastWholeLedger": last, "bytes": found.bytes});
            println!("{line}");
        } else {
            let last = last.map_or_else(|| "none".to_owned(), |ledger| ledger.to_string());
            println!("{:>6} {last:>14} {:>16}  {}", found.epoch.0, found.bytes, found.schema);
        }
    }
    Ok(())
}

async fn drop_one(store: &Store, epoch: Epoch, json: bool) -> anyhow::Result<()> {
    if !store.drop_archived_epoch(epoch).await? {
        return Err(BadConfig(format!("there is no archived epoch {}; see `epochs list`", epoch.0)).into());
    }
    if json {
        println!("{}", json!({"dropped": epoch}));
    } else {
        println!("epoch {} was dropped", epoch.0);
    }
    Ok(())
}
