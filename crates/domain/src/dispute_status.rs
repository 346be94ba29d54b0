//! Where a dispute about a stream stands.

use serde::{Serialize, Serializer};

/// Where a dispute about a stream stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DisputeStatus {
    /// Nobody asked for one.
    #[default]
    None,
    /// The sender asked for one.
    Requested,
    /// The arbiter decided.
    Resolved {
        /// Whether the stream was to end.
        approved: bool,
    },
    /// A newer version of this program stored a word that this one does not know.
    Unknown,
}

impl DisputeStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Requested,
        Self::Resolved { approved: true },
        Self::Resolved { approved: false },
        Self::Unknown,
    ];

    /// Returns the word on the wire and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Resolved { approved: true } => "approved",
            Self::Resolved { approved: false } => "rejected",
            Self::Unknown => "unknown",
        }
    }

    /// Returns the status that the word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl Serialize for DisputeStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
