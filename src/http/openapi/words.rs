//! The schemas of the field's words: what an id, an amount or a time looks like in JSON. The words themselves are in
//! `domain`, which knows nothing about documents.

use serde_json::Value;
use utoipa::{
    Number, PartialSchema, ToSchema,
    openapi::{Components, KnownFormat, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type},
};

use crate::{auth, domain, store};

/// An account, as the document shows one.
pub(super) const ADDRESS: &str = "GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR";

/// Returns the schema of a text with a pattern.
fn text(description: &str, pattern: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
        .pattern(Some(pattern))
        .examples([Value::from(example)])
}

/// Returns the schema of an enumeration of texts.
pub(in crate::http) fn one_of(description: &str, texts: impl IntoIterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).enum_values(Some(texts))
}

/// Returns the schema of a whole number within a range.
pub(in crate::http) fn whole(description: &str, from: impl Into<Number>, to: impl Into<Number>) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
        .description(Some(description))
        .minimum(Some(from))
        .maximum(Some(to))
}

/// Returns a reference to a schema, by its name.
pub(in crate::http) fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

macro_rules! words {
    ($($(#[doc = $doc:literal])* $word:ident = $schema:expr;)*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Debug)]
            pub(in crate::http) enum $word {}

            impl PartialSchema for $word {
                fn schema() -> RefOr<Schema> {
                    let build: fn(&str) -> ObjectBuilder = $schema;
                    build(concat!($($doc),*).trim()).into()
                }
            }

            impl ToSchema for $word {}
        )*

        /// Adds the schema of every word.
        pub(in crate::http) fn add_to(components: &mut Components) {
            $(components.schemas.insert($word::name().into_owned(), $word::schema());)*
        }
    };
}

words! {
    /// An address that can hold or receive value, as a strkey (SEP-23): an account `G…`, a contract `C…`, or one of the
    /// forms `M…`, `W…`, `B…`, `L…` that token events may carry.
    Address = |doc| text(doc, "^[BCGLMW][A-Z2-7]{55,68}$", ADDRESS);
    /// The id of a contract, as a strkey.
    ContractId = |doc| text(doc, "^C[A-Z2-7]{55}$", "CAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQC526");
    /// An amount of a token in its smallest unit, or a rate of such units a second: an i128, in decimal.
    Amount = |doc| text(doc, "^-?[0-9]{1,39}$", "997500");
    /// A sum of amounts or rates, in decimal; it can pass i128.
    Total = |doc| text(doc, "^-?[0-9]+$", "2992500");
    /// The number of a stream within its contract: a u64, in decimal.
    StreamId = |doc| text(doc, "^[0-9]{1,20}$", "7");
    /// What names a stream in paths and filters: its number, or its contract and number.
    StreamName = |doc| text(doc, "^(C[A-Z2-7]{55}:)?[0-9]{1,20}$", "7");
    /// The id of an event, or a position in the feed. It sorts as a text in the order of the chain. From the second
    /// epoch of a network on, it ends in a full stop and the epoch.
    EventId = |doc| text(doc, r"^[0-9]{19}-[0-9]{10}(\.[0-9]+)?$", "0002261634098536448-0000000002");
    /// The `id:` of a frame: the id of its event or a position, as far as its receiver was told of everything. Once rows
    /// came late or records changed without an event, it ends in a full stop, the epoch, a full stop and the number of the
    /// last such revision, so that a client that hands it back unchanged is told of the later ones that concern it.
    ResumeId = |doc| {
        text(doc, r"^[0-9]{19}-[0-9]{10}(\.[0-9]+(\.[0-9]+)?)?$", "0002261634098536448-0000000002.0.3")
    };
    /// The hash of a transaction, in hex.
    TransactionHash = |doc| {
        text(doc, "^[0-9a-f]{64}$", "3389e9f0f1a65f19736cacf544c2e825313e8447f569233bb8db39aa607c8889")
    };
    /// The SHA-256 of a contract's code, in hex.
    CodeHash = |doc| text(doc, "^[0-9a-f]{64}$", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    /// The sequence number of a ledger.
    LedgerSequence = |doc| whole(doc, 0, domain::LedgerSequence::LAST.0).examples([Value::from(526_587)]);
    /// A time in Unix seconds; null if it lies beyond the year 9999.
    UnixTime = |doc| {
        let last = usize::try_from(domain::UnixTime::LAST_DATE.0).unwrap_or(usize::MAX);
        whole(doc, 0, last).examples([Value::from(1_771_000_000)])
    };
    /// A moment in UTC (RFC 3339).
    Moment = |doc| {
        let moment = ObjectBuilder::new().schema_type(Type::String).description(Some(doc));
        let moment = moment.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
        moment.examples([Value::from("2026-02-13T16:26:40Z")])
    };
    /// The state of a stream at a time. `ended` is one whose money is all accrued and not yet all withdrawn, `closed` one
    /// whose record the contract deleted.
    StreamStatus = |doc| one_of(doc, domain::StreamStatus::ALL.map(domain::StreamStatus::as_str));
    /// Why it is not known what can be claimed: an event changed something that it does not tell and the chain's entry was
    /// not read yet; the entry has a schedule or a field that this version does not know, or did not decode; the contract
    /// deleted the record.
    ClaimableReason = |doc| one_of(doc, domain::ClaimableReason::ALL.map(domain::ClaimableReason::as_str));
    /// Where a dispute about a stream stands.
    DisputeStatus = |doc| one_of(doc, domain::DisputeStatus::ALL.map(domain::DisputeStatus::as_str));
    /// How a deposit becomes claimable, by its kind.
    ScheduleKind = |doc| one_of(doc, domain::Schedule::KINDS);
    /// Which event of the contract told a creation.
    Creator = |doc| one_of(doc, domain::Creator::ALL.map(domain::Creator::as_str));
    /// The contract's own word for the state of a stream.
    ChainStatus = |doc| one_of(doc, ["active", "paused", "cancelled", "completed"]);
    /// That a record is the contract's own.
    FromChain = |doc| one_of(doc, ["chain"]);
    /// What the indexer is doing: following the tip, catching up with it, filling a hole, waiting at ledgers that no
    /// source has, waiting for a source to answer, or waiting for room on the database's disk.
    IndexerState = |doc| one_of(doc, store::IndexerState::ALL.map(store::IndexerState::as_str));
    /// Whether an endpoint is asked.
    EndpointState = |doc| one_of(doc, ["ready", "waiting", "unusable"]);
    /// The API of an endpoint.
    EndpointInterface = |doc| one_of(doc, ["stellarRpc", "horizon"]);
    /// A form of ids and cursors: a TOID (SEP-35) and an index with a hyphen between them, or a TOID alone.
    IdForm = |doc| one_of(doc, ["toidAndIndex", "toid"]);
    /// Where ledgers were read.
    CoverageSource = |doc| one_of(doc, domain::CoverageSource::ALL.map(domain::CoverageSource::as_str));
    /// What a token or key allows beyond reading one's own streams.
    Scope = |doc| one_of(doc, auth::Scope::ALL.map(auth::Scope::as_str));
    /// The type of an event, which is also its name in the event stream.
    EventType = |doc| one_of(doc, domain::EventType::ALL.iter().map(|event_type| event_type.as_str()));
    /// The type of an event by the word that FlowFi dashboards know.
    EventTypeWord = |doc| one_of(doc, domain::EventType::ALL.iter().map(|event_type| event_type.flowfi_name()));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a word's example.
    fn example<W: PartialSchema>() -> String {
        let RefOr::T(Schema::Object(schema)) = W::schema() else { return String::new() };
        schema.examples.first().and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
    }

    #[test]
    fn every_example_is_a_valid_value() {
        assert!(example::<Address>().parse::<domain::Address>().is_ok());
        assert!(example::<ContractId>().parse::<domain::ContractId>().is_ok());
        assert!(example::<Amount>().parse::<domain::Amount>().is_ok());
        assert!(example::<Total>().parse::<domain::Total>().is_ok());
        assert!(example::<StreamId>().parse::<domain::StreamId>().is_ok());
        assert!(example::<EventId>().parse::<domain::FeedId>().is_ok());
        assert!(example::<ResumeId>().parse::<domain::ResumeId>().is_ok());
    }
}
