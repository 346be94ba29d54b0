//! The field's words as types: ids, amounts, contract events, the stream record and its accrual.
//!
//! Everything here is pure: no clock is read, nothing is fetched, nothing is stored. Wrong states are refused
//! where text or bytes become a type, and never checked again inside.

mod accrual;
mod address;
mod amount;
mod baseline;
mod clock;
mod contract_event;
mod contract_version;
mod contracts;
mod coverage;
mod dispute_status;
mod entry_change;
mod event_effect;
mod event_filter;
mod event_id;
mod event_type;
mod feed_id;
mod harmless_fields;
mod ledger;
mod notice;
mod schedule;
mod stored_event_type;
mod stream_creation;
mod stream_entry;
mod stream_event;
mod stream_record;
mod visibility;

pub use accrual::{ClaimableReason, StreamStatus, UnknownStatus};
pub use address::{Address, ContractId, InvalidAddress};
pub use amount::{Amount, InvalidNumber, StreamId, Total};
pub use baseline::{Baseline, RawBaseline, baselines_in_order};
pub use clock::{Clock, SystemClock};
pub use contract_event::{
    CommittedEvent, ContractEvent, ContractUpgrade, ContractUpgradeEvent, EventKind, QuarantineKind, QuarantinedEvent,
    RawContractEvent,
};
pub use contract_version::ContractVersion;
pub use contracts::{Contracts, InvalidContracts, StreamKey};
pub use coverage::{CoverageSource, CoveredRange, InvalidLedgerRange, LedgerRange, holes};
pub use dispute_status::DisputeStatus;
pub use entry_change::{EntryChangeKind, EntryDurability, EntryLeft, RawEntryChange, StoredEntry, StreamEntryChange};
pub use event_effect::EventEffect;
pub use event_filter::EventFilter;
pub use event_id::{EventId, InvalidEventId};
pub use event_type::{EventType, UnknownEventType};
pub use feed_id::{Epoch, FeedId, ResumeId};
pub use harmless_fields::{HarmlessField, HarmlessFields, InvalidHarmlessField};
pub use ledger::{InvalidLedger, LedgerSequence, NoSuchLedger, UnixTime};
pub use notice::{ChangedStreams, Notice, Reset, ResetReason, Revision};
pub use schedule::{Schedule, Step, UnknownSchedule};
pub use stored_event_type::StoredEventType;
pub use stream_creation::{Creator, StreamCreation};
pub use stream_entry::{FieldDifference, StreamEntry};
pub use stream_event::StreamEvent;
pub use stream_record::{ChainStatus, StreamRecord};
pub use visibility::Visibility;
