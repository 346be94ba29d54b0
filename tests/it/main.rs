//! The integration tests: one binary, one file per subject.
#![expect(clippy::unwrap_used, clippy::panic, reason = "an unexpected value fails the test")]

mod another_chain;
mod architecture;
mod attachments;
mod auth;
mod baselines;
mod beside_another_chain;
mod chain_record;
mod completeness;
mod connections;
mod contract_events;
mod contract_histories;
mod contracts;
mod database_away;
mod decode_command;
mod endpoints;
mod entry_changes;
mod entry_checks;
mod explain;
mod fake_horizon;
mod fake_rpc;
#[path = "../filled/mod.rs"]
mod filled;
mod follow_horizon;

mod horizon;
mod ingest;
mod kill;
mod late;
mod ledgers;
mod limits;
mod long_answers;
mod maintenance;
mod migrations;
mod old_spellings;
mod open_connections;
mod openapi;
mod page;
mod pause;
mod pitfalls;
mod poolers;
mod previous;
mod queries;
mod query_indexes;
mod record_checks;
mod reindex;
mod relay;
mod replay;
mod resets;
mod rest;
mod revised;
mod revised_at_random;
mod roles;
mod schedules;
mod second_version;
mod shapes;
#[path = "../silent_line/mod.rs"]
mod silent_line;
mod silent_writes;
mod standing_up;
mod started_over;
mod store;
mod subscribe;
mod verify;
mod whole_ledgers;
mod world;
