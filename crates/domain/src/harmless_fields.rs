//! Unknown fields of the contract's record that an operator has declared harmless.

use std::{collections::BTreeSet, str::FromStr, sync::Arc};

use thiserror::Error;

use super::StreamEntry;

/// A name that a field of the contract's record may have and that we do not know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HarmlessField(String);

/// Why a name is refused as a harmless field.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidHarmlessField {
    /// It has a meaning that must not be left out.
    #[error("{0} is a field that is read, so it cannot be ignored")]
    Known(String),
    /// No contract can have it.
    #[error("{0:?} is not a field name: use 1 to 32 letters, digits or underscores")]
    NotASymbol(String),
}

impl FromStr for HarmlessField {
    type Err = InvalidHarmlessField;

    /// The rule for names is that of a Soroban symbol.
    fn from_str(text: &str) -> Result<Self, InvalidHarmlessField> {
        const LONGEST: usize = 32;
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if text.is_empty() || text.len() > LONGEST || !text.bytes().all(is_allowed) {
            return Err(InvalidHarmlessField::NotASymbol(text.to_owned()));
        }
        if StreamEntry::FIELD_NAMES.contains(&text) {
            return Err(InvalidHarmlessField::Known(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The fields that are ignored where an entry of the chain is read. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HarmlessFields(Arc<BTreeSet<String>>);

impl HarmlessFields {
    /// Returns whether a field of this name is ignored.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns the names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromIterator<HarmlessField> for HarmlessFields {
    fn from_iter<I: IntoIterator<Item = HarmlessField>>(fields: I) -> Self {
        Self(Arc::new(fields.into_iter().map(|HarmlessField(name)| name).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_symbol_that_we_do_not_know_may_be_ignored() {
        let refusal = |text: &str| text.parse::<HarmlessField>().unwrap_err();
        assert_eq!(refusal("cliff_time"), InvalidHarmlessField::Known("cliff_time".to_owned()));
        for text in ["", "a memo", "memo\u{e9}", &"m".repeat(33)] {
            assert_eq!(refusal(text), InvalidHarmlessField::NotASymbol(text.to_owned()));
        }
        let fields: HarmlessFields = ["memo", "Tag_2"].iter().map(|text| text.parse().unwrap()).collect();
        assert!(fields.contains("memo") && fields.contains("Tag_2") && !fields.contains("tag_2"));
    }
}
