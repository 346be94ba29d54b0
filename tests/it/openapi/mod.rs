//! The OpenAPI document against the routes and against real answers.

mod answers;
pub mod described;
mod document;
