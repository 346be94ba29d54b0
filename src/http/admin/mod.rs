//! `/v1/admin/…`: for operators, with tokens that have the scope `admin`. Every action is logged with its subject.

pub(super) mod connections;
pub(super) mod indexer;
pub(super) mod quarantine;
pub(super) mod revoke;
