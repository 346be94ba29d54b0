//! Which version of the contract emitted an event: some rules differ.

/// The contract's rules as far as they are told apart. It writes its version itself, under `ContractVersion`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContractVersion {
    /// Records of 12 fields, all linear. It stores no version.
    #[default]
    First,
    /// Version 2 and later: records of up to 17 fields, with schedules that not every creation tells.
    Second,
}

impl ContractVersion {
    /// Returns the version that the contract's own number stands for, as in `ContractVersion` of its storage.
    #[must_use]
    pub const fn of_number(number: u32) -> Self {
        if number >= 2 { Self::Second } else { Self::First }
    }
}
