//! An event after decoding, on its way into a batch.

use crate::{
    domain::{ContractEvent, ContractUpgradeEvent, QuarantineKind, QuarantinedEvent, RawContractEvent},
    xdr::{Decoded, decode_event},
};

/// A raw event after decoding.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// It decoded.
    Event(ContractEvent),
    /// The contract's code was replaced.
    Upgrade(ContractUpgradeEvent),
    /// It must be kept undecoded.
    Quarantined(QuarantinedEvent),
}

impl Incoming {
    /// Decodes one raw event. Never fails: an event that does not decode is quarantined, with the reason.
    #[must_use]
    pub fn decode(raw: RawContractEvent) -> Self {
        let (kind, name, stream_id, reason) = match decode_event(&raw) {
            Decoded::Event(event) => return Self::Event(ContractEvent { raw, event }),
            Decoded::Upgrade(upgrade) => return Self::Upgrade(ContractUpgradeEvent { raw, upgrade }),
            Decoded::Unknown { name, stream_id } => {
                (QuarantineKind::Unknown, name, stream_id, "this version does not know the event's name".to_owned())
            }
            Decoded::Refused { name, stream_id, refusal } => {
                (QuarantineKind::Refused, name, stream_id, refusal.to_string())
            }
        };
        Self::Quarantined(QuarantinedEvent { raw, kind, name, stream_id, reason })
    }

    pub(super) const fn raw(&self) -> &RawContractEvent {
        match self {
            Self::Event(event) => &event.raw,
            Self::Upgrade(event) => &event.raw,
            Self::Quarantined(event) => &event.raw,
        }
    }
}
