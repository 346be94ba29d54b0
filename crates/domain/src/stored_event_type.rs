//! The type of a stored event, whatever version stored it.

use std::{collections::BTreeSet, fmt, sync::Mutex};

use serde::{Serialize, Serializer};

use super::EventType;

/// The type of a stored event. During an upgrade a newer version may store types that this one has no word for: they are
/// handed on as they are, so that nobody misses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredEventType {
    /// A type that this version knows.
    Known(EventType),
    /// The name of one that it does not.
    Newer(&'static str),
}

impl StoredEventType {
    /// Returns the type of this name. Names that are not known are kept for good: there are only as many as newer
    /// versions have.
    #[must_use]
    pub fn of(name: &str) -> Self {
        static NEWER: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        if let Ok(known) = name.parse() {
            return Self::Known(known);
        }
        let mut newer = NEWER.lock().expect("nothing panics while it holds the names");
        let kept = newer.get(name).copied();
        Self::Newer(kept.unwrap_or_else(|| {
            let kept: &'static str = Box::leak(name.into());
            newer.insert(kept);
            kept
        }))
    }

    /// Returns the type, if this version knows it.
    #[must_use]
    pub const fn known(self) -> Option<EventType> {
        match self {
            Self::Known(known) => Some(known),
            Self::Newer(_) => None,
        }
    }

    /// Returns the name on the wire and in the database, `stream.created` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Newer(name) => name,
        }
    }

    /// Returns the short name a FlowFi dashboard reads as `eventType`; for a type that is not known, its name.
    #[must_use]
    pub const fn flowfi_name(self) -> &'static str {
        match self {
            Self::Known(known) => known.flowfi_name(),
            Self::Newer(name) => name,
        }
    }
}

impl fmt::Display for StoredEventType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for StoredEventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_not_known_keeps_its_name_once() {
        assert_eq!(StoredEventType::of("stream.created"), StoredEventType::Known(EventType::StreamCreated));
        let [first, second] = ["stream.dreamed_of", "stream.dreamed_of"].map(StoredEventType::of);
        assert_eq!((first, first.known(), first.to_string().as_str()), (second, None, "stream.dreamed_of"));
        assert!(std::ptr::eq(first.as_str(), second.as_str()));
    }
}
