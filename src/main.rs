//! The command-line entry.

use std::process::ExitCode;

use flowfi_indexer::{app, config::Cli};

/// `EX_USAGE` of sysexits(3): the command line or the environment is wrong.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(refused) if refused.is_answer => {
            print!("{}", refused.message);
            return ExitCode::SUCCESS;
        }
        Err(refused) => {
            eprint!("{}", refused.message);
            return ExitCode::from(USAGE);
        }
    };
    match app::run(cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure:#}");
            if failure.is::<app::BadConfig>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}
