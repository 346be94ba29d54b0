//! Environment variables under their former names, which keep working.

use std::env;

use clap::{Arg, Command};

/// Each variable's name with its former one. The former names of flags are their aliases, where they are declared.
const RENAMED: &[(&str, &str)] = &[
    ("FLOWFI_CONTRACTS", "FLOWFI_CONTRACT"),
    ("FLOWFI_RPC_URLS", "FLOWFI_RPC_URL"),
    ("FLOWFI_LIMIT_EXEMPTIONS", "FLOWFI_LIMIT_EXEMPT"),
    ("FLOWFI_POLL_INTERVAL", "FLOWFI_POLL_MS"),
    ("FLOWFI_CHECK_INTERVAL", "FLOWFI_CHECK_INTERVAL_MS"),
    ("FLOWFI_HEARTBEAT", "FLOWFI_HEARTBEAT_SECONDS"),
    ("FLOWFI_HEAD_DEADLINE", "FLOWFI_HEAD_DEADLINE_SECONDS"),
    ("FLOWFI_WRITE_DEADLINE", "FLOWFI_WRITE_DEADLINE_SECONDS"),
    ("FLOWFI_TOKEN_TTL", "FLOWFI_TOKEN_TTL_SECONDS"),
    ("FLOWFI_TOKEN_MAX_TTL", "FLOWFI_TOKEN_MAX_TTL_SECONDS"),
    ("FLOWFI_CHALLENGE_TTL", "FLOWFI_CHALLENGE_TTL_SECONDS"),
    ("FLOWFI_DEVNET_LEDGER_INTERVAL", "FLOWFI_DEVNET_LEDGER_INTERVAL_MS"),
];

/// Lets the flags of a command, and of the commands below it, take their values from the variables' former names where
/// only those are set.
pub(super) fn with_old_variables(command: Command) -> Command {
    command.mut_args(with_old_variable).mut_subcommands(with_old_variables)
}

fn with_old_variable(arg: Arg) -> Arg {
    let renamed = RENAMED.iter().find(|(name, _)| arg.get_env().is_some_and(|variable| variable == *name));
    match renamed {
        Some((name, former)) if env::var_os(name).is_none() && env::var_os(former).is_some() => arg.env(former),
        _ => arg,
    }
}
