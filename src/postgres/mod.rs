//! A private PostgreSQL server for trials and tests: finds the machine's own programs, keeps the server as a child
//! process, and stops it with us. It manages a process and runs no SQL.

mod args;
mod programs;
mod ready;
mod server;

pub use args::ProgramsArgs;
pub use server::{Durability, PrivateServer, PrivateServerError};
