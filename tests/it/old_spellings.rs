//! What was written for earlier versions of the command line still works: names of flags and variables, and durations
//! as plain numbers.

use std::process::{Command, Output};

use clap::Parser;
use flowfi_indexer::config::Cli;

const CONTRACT: &str = "CCR2RRS64MGIDMQUAWN3JOPTLWOJVDNN7WGCHNGZCVNGYBUXRV5QHFIG";
const WALLET: &str = "wallet.example=GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7";
const SERVE: &[&str] = &["serve", "--contracts", CONTRACT];
const TOKEN: &[&str] = &["token", "--sub", "ops"];

/// A command, an argument in its old spelling, and the same in its new one.
const ARGUMENTS: &[(&[&str], [&str; 2], [&str; 2])] = &[
    (&["coverage"], ["--contract", CONTRACT], ["--contracts", CONTRACT]),
    (SERVE, ["--rpc-url", "http://a,http://b"], ["--rpc-urls", "http://a,http://b"]),
    (SERVE, ["--poll-ms", "250"], ["--poll-interval", "250ms"]),
    (SERVE, ["--check-interval-ms", "60000"], ["--check-interval", "1m"]),
    (SERVE, ["--heartbeat-seconds", "90"], ["--heartbeat", "1m 30s"]),
    (SERVE, ["--head-deadline-seconds", "7"], ["--head-deadline", "7s"]),
    (SERVE, ["--write-deadline-seconds", "600"], ["--write-deadline", "10m"]),
    (SERVE, ["--cors-origin", "https://app.example"], ["--cors-origins", "https://app.example"]),
    (SERVE, ["--trusted-proxy", "10.0.0.0/8"], ["--trusted-proxies", "10.0.0.0/8"]),
    (SERVE, ["--limit-exempt", "10.0.0.1"], ["--limit-exemptions", "10.0.0.1"]),
    (SERVE, ["--token-ttl-seconds", "60"], ["--token-ttl", "1m"]),
    (SERVE, ["--token-max-ttl-seconds", "86400"], ["--token-max-ttl", "1d"]),
    (SERVE, ["--home-domain", "a.example,b.example"], ["--home-domains", "a.example,b.example"]),
    (SERVE, ["--client-domain", WALLET], ["--client-domains", WALLET]),
    (SERVE, ["--challenge-ttl-seconds", "300"], ["--challenge-ttl", "5m"]),
    (&["verify"], ["--patience-seconds", "120"], ["--patience", "2m"]),
    (TOKEN, ["--scope", "admin"], ["--scopes", "admin"]),
    (&["decode", "event", "--value", "AAAA"], ["--topic", "AAAB"], ["--topics", "AAAB"]),
    (&["devnet"], ["--devnet-ledger-interval-ms", "300"], ["--devnet-ledger-interval", "300ms"]),
    (&["devnet"], ["--devnet-ledger-interval-ms", "0"], ["--devnet-ledger-interval", "manual"]),
];

/// A command that reads a variable, the variable's old name, and the flag that it is for.
const VARIABLES: &[(&[&str], &str, &str)] = &[
    (&["serve"], "FLOWFI_CONTRACT", "--contracts"),
    (SERVE, "FLOWFI_RPC_URL", "--rpc-urls"),
    (SERVE, "FLOWFI_POLL_MS", "--poll-interval"),
    (SERVE, "FLOWFI_CHECK_INTERVAL_MS", "--check-interval"),
    (SERVE, "FLOWFI_HEARTBEAT_SECONDS", "--heartbeat"),
    (SERVE, "FLOWFI_HEAD_DEADLINE_SECONDS", "--head-deadline"),
    (SERVE, "FLOWFI_WRITE_DEADLINE_SECONDS", "--write-deadline"),
    (SERVE, "FLOWFI_LIMIT_EXEMPT", "--limit-exemptions"),
    (SERVE, "FLOWFI_TOKEN_TTL_SECONDS", "--token-ttl"),
    (SERVE, "FLOWFI_TOKEN_MAX_TTL_SECONDS", "--token-max-ttl"),
    (SERVE, "FLOWFI_CHALLENGE_TTL_SECONDS", "--challenge-ttl"),
    (&["devnet"], "FLOWFI_DEVNET_LEDGER_INTERVAL_MS", "--devnet-ledger-interval"),
];

fn parsed(command: &[&str], arguments: &[&str]) -> String {
    let line = ["flowfi-indexer"].iter().chain(command).chain(arguments);
    format!("{:?}", Cli::try_parse_from(line).unwrap_or_else(|refusal| panic!("{refusal}")))
}

fn run_with(command: &[&str], variables: &[(&str, &str)]) -> Output {
    let program = env!("CARGO_BIN_EXE_flowfi-indexer");
    Command::new(program).args(command).env_clear().envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn every_old_spelling_of_an_argument_means_what_the_new_one_means() {
    for (command, old, new) in ARGUMENTS {
        assert_eq!(parsed(command, old), parsed(command, new), "{old:?}");
        assert_ne!(parsed(command, new), parsed(command, &[]), "{new:?}");
    }
}

#[test]
fn a_variable_is_read_under_its_old_name() {
    for (command, old, flag) in VARIABLES {
        let refused = run_with(command, &[(old, "not a value")]);
        let line = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(64), "{old}: {line}");
        assert!(line.contains(flag) && line.trim_end().lines().count() == 1, "{old}: {line}");
    }
}

#[test]
fn a_variable_under_its_old_name_is_ignored_where_the_new_one_is_set() {
    let refused = run_with(SERVE, &[("FLOWFI_HEARTBEAT_SECONDS", "not a value"), ("FLOWFI_HEARTBEAT", "15s")]);
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(line.contains("--rpc-urls (FLOWFI_RPC_URLS) or --horizon-url"), "{line}");
}
