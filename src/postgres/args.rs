//! The private server's part of the command line.

use std::path::PathBuf;

use clap::Args;

/// Where PostgreSQL is installed.
#[derive(Args, Clone, Debug)]
pub struct ProgramsArgs {
    /// The folder of PostgreSQL's programs, if they are not found automatically.
    #[arg(long, env = "FLOWFI_PG_BIN", value_name = "FOLDER")]
    pub pg_bin: Option<PathBuf>,
}
