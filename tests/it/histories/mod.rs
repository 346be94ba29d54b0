//! The random histories of the real contract: what was recorded, the chain that they are repeated on, and what the API must
//! show of them.

pub mod calls;
pub mod chain;
pub mod shown;
