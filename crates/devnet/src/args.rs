//! The devnet's settings.

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args};

use super::{code::ContractCode, ledger_interval::LedgerInterval};

const LEDGER_INTERVAL: LedgerInterval = LedgerInterval::Every(Duration::from_secs(1));
const CONTRACTS: u8 = 1;
/// The contract that a network starts with, unless told otherwise.
const CONTRACT_CODE: ContractCode = ContractCode::B;
const FEE_BPS: u32 = 25;
const SEED: u64 = 1;
const RETENTION_LEDGERS: u32 = 120_960;

/// The local network.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Local network")]
pub struct DevnetArgs {
    /// The time between two ledgers; `manual` closes none unless told to
    #[arg(
        long = "devnet-ledger-interval",
        alias = "devnet-ledger-interval-ms",
        env = "FLOWFI_DEVNET_LEDGER_INTERVAL",
        value_name = "TIME",
        default_value_t = LEDGER_INTERVAL
    )]
    pub ledger_interval: LedgerInterval,
    /// How many stream contracts there are, each with streams of its own, on a network that starts anew
    #[arg(
        long = "devnet-contracts",
        env = "FLOWFI_DEVNET_CONTRACTS",
        value_name = "COUNT",
        default_value_t = CONTRACTS,
        value_parser = clap::value_parser!(u8).range(1..=25)
    )]
    pub contracts: u8,
    /// Which state of FlowFi's contract runs on a network that starts anew: a, the older one, or b, the newer one
    #[arg(
        long = "devnet-contract-code",
        env = "FLOWFI_DEVNET_CONTRACT_CODE",
        value_name = "CODE",
        default_value = CONTRACT_CODE.as_str()
    )]
    pub contract_code: ContractCode,
    /// The contracts' fee in hundredths of a percent, for a network that starts anew
    #[arg(
        long = "devnet-fee-bps",
        env = "FLOWFI_DEVNET_FEE_BPS",
        value_name = "BPS",
        default_value_t = FEE_BPS,
        value_parser = clap::value_parser!(u32).range(..=1_000)
    )]
    pub fee_bps: u32,
    /// Whether sample streams are created and move by themselves
    #[arg(
        long = "devnet-scenario",
        env = "FLOWFI_DEVNET_SCENARIO",
        value_name = "BOOL",
        default_value_t = true,
        action = ArgAction::Set
    )]
    pub scenario: bool,
    /// How many events a network that starts anew has in its past
    #[arg(
        long = "devnet-history-events",
        env = "FLOWFI_DEVNET_HISTORY_EVENTS",
        value_name = "COUNT",
        default_value_t = 0
    )]
    pub history_events: u64,
    /// What the past and the sample streams are generated from
    #[arg(long = "devnet-seed", env = "FLOWFI_DEVNET_SEED", value_name = "SEED", default_value_t = SEED)]
    pub seed: u64,
    /// How many ledgers are kept
    #[arg(
        long = "devnet-retention-ledgers",
        env = "FLOWFI_DEVNET_RETENTION_LEDGERS",
        value_name = "COUNT",
        default_value_t = RETENTION_LEDGERS,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub retention_ledgers: u32,
    /// A folder that every closed ledger is written to, as a ledger data lake; a reset empties it
    #[arg(long = "devnet-lake-dir", env = "FLOWFI_DEVNET_LAKE_DIR", value_name = "FOLDER")]
    pub lake_dir: Option<PathBuf>,
}

impl Default for DevnetArgs {
    fn default() -> Self {
        Self {
            ledger_interval: LEDGER_INTERVAL,
            contracts: CONTRACTS,
            contract_code: CONTRACT_CODE,
            fee_bps: FEE_BPS,
            scenario: true,
            history_events: 0,
            seed: SEED,
            retention_ledgers: RETENTION_LEDGERS,
            lake_dir: None,
        }
    }
}

impl DevnetArgs {
    /// Returns settings for tests: ledgers close only when told to, and nothing moves by itself.
    #[must_use]
    pub fn by_hand() -> Self {
        let contract_code = ContractCode::A;
        Self { ledger_interval: LedgerInterval::Manual, scenario: false, contract_code, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        devnet: DevnetArgs,
    }

    #[test]
    fn defaults_are_those_of_the_command_line() {
        assert_eq!(Command::parse_from(["dev"]).devnet, DevnetArgs::default());
    }

    #[test]
    fn fee_is_at_most_a_tenth() {
        assert!(Command::try_parse_from(["dev", "--devnet-fee-bps", "1001"]).is_err());
        assert!(Command::try_parse_from(["dev", "--devnet-fee-bps", "1000"]).is_ok());
    }
}
