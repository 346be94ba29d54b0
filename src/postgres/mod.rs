//! A private PostgreSQL server for trying and testing: finds the machine's own programs, keeps the server as a child
//! process, and stops it with us. A process manager: it runs no SQL.

mod programs;
mod ready;
mod server;

pub use server::{Durability, PrivateServer, PrivateServerError};
