//! An event as a contract says it: a name, perhaps a stream, and fields with types. Not yet XDR.

use std::borrow::Cow;

use flowfi_domain::{Address, StreamId};

/// An event before it is encoded: topics are the name and, where there is one, the stream's number; the fields are
/// the map in its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedEvent {
    pub(super) name: Cow<'static, str>,
    pub(super) stream_id: Option<StreamId>,
    pub(super) fields: Vec<(Cow<'static, str>, FieldValue)>,
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
}

impl NamedEvent {
    /// Returns an event of the stream contract about one stream; its number is a field too, as the contract does it.
    pub(super) fn of_stream<const N: usize>(
        name: &'static str,
        stream_id: StreamId,
        fields: [(&'static str, FieldValue); N],
    ) -> Self {
        let mut event = Self::of_protocol(name, fields);
        event.stream_id = Some(stream_id);
        event.fields.push((Cow::Borrowed("stream_id"), FieldValue::U64(stream_id.0)));
        event
    }

    /// Returns an event of the stream contract about the protocol itself.
    pub(super) fn of_protocol<const N: usize>(name: &'static str, fields: [(&'static str, FieldValue); N]) -> Self {
        let fields = fields.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect();
        Self { name: Cow::Borrowed(name), stream_id: None, fields }
    }
}
