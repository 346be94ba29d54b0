//! The integration tests: one binary, a file a subject.

mod architecture;
mod contract_events;
mod contract_histories;
