//! `/v1/admin/…`: for those who run the service, by tokens with the scope `admin`. Every act is in the log with its
//! subject.

pub(super) mod connections;
pub(super) mod indexer;
pub(super) mod quarantine;
pub(super) mod revoke;
