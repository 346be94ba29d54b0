//! How many streams a contract says it has created, and what follows for a walk over their numbers.

/// The most numbers that are walked: at 199 a request that takes some hours already. No contract comes near it, so a higher
/// count is not believed, and neither time nor memory is spent on it.
pub(super) const MOST_WALKED: u64 = 10_000_000;

/// How many streams the contract has created, by its own count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CreatedStreams {
    /// It gives no count, so only streams with a record can be looked at.
    #[default]
    NotGiven,
    /// Every number up to this one is looked at.
    Counted(u64),
    /// The count is too high to be walked, so only streams with a record are looked at.
    Implausible(u64),
}

impl CreatedStreams {
    pub(super) const fn of(count: Option<u64>) -> Self {
        match count {
            None => Self::NotGiven,
            Some(count) if count > MOST_WALKED => Self::Implausible(count),
            Some(count) => Self::Counted(count),
        }
    }

    /// Returns the last number of the walk. Streams above it are looked at only where there is a record.
    pub(super) const fn walked_up_to(self) -> u64 {
        match self {
            Self::Counted(count) => count,
            Self::NotGiven | Self::Implausible(_) => 0,
        }
    }

    /// Explains why streams without a record were not looked for; `None` if they were.
    #[must_use]
    pub fn why_not_walked(self) -> Option<String> {
        const CONSEQUENCE: &str = "streams without a record were not looked for";
        match self {
            Self::Counted(_) => None,
            Self::NotGiven => Some(format!("the contract does not say how many streams it has created: {CONSEQUENCE}")),
            Self::Implausible(count) => Some(format!(
                "the contract claims to have created {count} streams, more than the {MOST_WALKED} that can be walked: \
                 {CONSEQUENCE}"
            )),
        }
    }
}
