//! Which streams and events somebody may see.

use super::Address;

/// What somebody may see of the index. There is no default: whoever reads says for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// All of it.
    Everything,
    /// Streams with this address as sender or recipient, and their events.
    Party(Address),
    /// No stream and no event.
    Nothing,
}

impl Visibility {
    /// Returns whether something with these parties may be seen. What has no parties belongs to nobody.
    #[must_use]
    pub fn shows<'a>(&self, parties: impl IntoIterator<Item = &'a Address>) -> bool {
        match self {
            Self::Everything => true,
            Self::Party(address) => parties.into_iter().any(|party| party == address),
            Self::Nothing => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ContractId;

    #[test]
    fn a_party_sees_what_it_sends_and_receives_and_nothing_else() {
        let address = |byte: u8| Address::from(ContractId::from_bytes([byte; 32]));
        let (me, other) = (address(1), address(2));
        let mine = Visibility::Party(me.clone());
        assert!(mine.shows([&me, &other]) && mine.shows([&other, &me]));
        assert!(!mine.shows([&other, &other]) && !mine.shows([]));
        assert!(Visibility::Everything.shows([]) && !Visibility::Nothing.shows([&me, &me]));
    }
}
