//! An event as a contract emits it: a name, perhaps a stream, and typed fields. It is not yet XDR.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use flowfi_domain::{Address, StreamId};

/// Whether an event was emitted by a contract's code or by the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the words of the network")]
pub enum EventKind {
    #[default]
    Contract,
    System,
}

/// An event before it is encoded: topics are the name and what it is about; the fields are the map in its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedEvent {
    pub(super) name: Cow<'static, str>,
    /// The second topic; an event about the protocol has none.
    pub(super) subject: Option<Subject>,
    pub(super) fields: Vec<(Cow<'static, str>, FieldValue)>,
}

/// What the second topic of an event holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Stream(StreamId),
    Word(Cow<'static, str>),
}

/// One value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FieldValue {
    I128(i128),
    U64(u64),
    U32(u32),
    Bool(bool),
    Address(Address),
    Symbol(String),
    Text(String),
    Bytes(Vec<u8>),
    Void,
}

impl From<Option<Address>> for FieldValue {
    fn from(address: Option<Address>) -> Self {
        address.map_or(Self::Void, Self::Address)
    }
}

impl NamedEvent {
    /// Returns an event of the stream contract about one stream; its number is a field too, as the contract does it.
    pub(super) fn of_stream<const N: usize>(
        name: &'static str,
        stream_id: StreamId,
        fields: [(&'static str, FieldValue); N],
    ) -> Self {
        let mut event = Self::of_protocol(name, fields);
        event.subject = Some(Subject::Stream(stream_id));
        event.fields.push((Cow::Borrowed("stream_id"), FieldValue::U64(stream_id.0)));
        event
    }

    /// Returns an event of the stream contract about the protocol itself.
    pub(super) fn of_protocol<const N: usize>(name: &'static str, fields: [(&'static str, FieldValue); N]) -> Self {
        let fields = fields.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect();
        Self { name: Cow::Borrowed(name), subject: None, fields }
    }

    /// Returns the event with a second word as its second topic.
    pub(super) fn with_word(self, word: &'static str) -> Self {
        Self { subject: Some(Subject::Word(Cow::Borrowed(word))), ..self }
    }
}
