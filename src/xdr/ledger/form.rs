//! How ledgers lie in an input, told by its first words.

use super::LedgerFault;
use crate::domain::LedgerSequence;

/// The bit of a record's head that says that the record is not continued; the others are its length.
pub(super) const WHOLE_RECORD: u32 = 1 << 31;
/// How many bytes tell the form.
pub(super) const HEAD_BYTES: usize = 12;
/// The versions of `LedgerCloseMeta` are 0 to this one.
pub(super) const LAST_LEDGER_VERSION: u32 = 2;

/// How ledgers lie in an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One `LedgerCloseMeta`.
    One,
    /// Records, each with its length before it, as stellar-core writes them.
    Framed,
    /// A `LedgerCloseMetaBatch` (SEP-54), as data lakes hold it.
    Batch { first: LedgerSequence, last: LedgerSequence },
}

impl Form {
    /// Tells the form. A batch begins with its first and last ledger and their count, a `LedgerCloseMeta` with its
    /// version and an arm of 0 or 1: where ledger 1 or 2 could be a version, the count decides.
    pub(super) fn of(head: &[u8]) -> Result<Self, LedgerFault> {
        let word = |number: usize| {
            let bytes = head.get(number * 4..)?.first_chunk()?;
            Some(u32::from_be_bytes(*bytes))
        };
        if head.is_empty() {
            return Err(LedgerFault::Empty);
        }
        let first = word(0).ok_or(LedgerFault::CutShort)?;
        if first & WHOLE_RECORD != 0 {
            return Ok(Self::Framed);
        }
        let (last, count) = word(1).zip(word(2)).ok_or(LedgerFault::CutShort)?;
        if first > 0 && count > 0 && first.checked_add(count - 1) == Some(last) {
            Ok(Self::Batch { first: LedgerSequence(first), last: LedgerSequence(last) })
        } else if first <= LAST_LEDGER_VERSION {
            Ok(Self::One)
        } else {
            Err(LedgerFault::UnknownForm)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(words: [u32; 3]) -> Option<Form> {
        Form::of(words.map(u32::to_be_bytes).as_flattened()).ok()
    }

    fn batch(first: u32, last: u32) -> Form {
        Form::Batch { first: LedgerSequence(first), last: LedgerSequence(last) }
    }

    #[test]
    fn batches_that_begin_with_the_first_ledgers_are_not_taken_for_ledger_versions() {
        assert_eq!(form([1, 1, 1]), Some(batch(1, 1)));
        assert_eq!(form([2, 2, 1]), Some(batch(2, 2)));
        assert_eq!(form([2, 3, 2]), Some(batch(2, 3)));
        assert_eq!(form([64_000, 64_063, 64]), Some(batch(64_000, 64_063)));
    }

    #[test]
    fn ledgers_of_every_version_are_not_taken_for_batches() {
        for version in 0..=2 {
            for words in [[version, 1, 0], [version, 0, 0xab8c_1a17], [version, 0xab8c_1a17, 7]] {
                assert_eq!(form(words), Some(Form::One), "{words:?}");
            }
        }
        assert_eq!(form([0, 0, 1]), Some(Form::One));
    }

    #[test]
    fn a_first_word_with_its_top_bit_set_is_a_record() {
        assert_eq!(form([0x8000_06b8, 2, 0]), Some(Form::Framed));
        assert!(matches!(Form::of(&[0x80, 0, 0, 0]), Ok(Form::Framed)));
    }

    #[test]
    fn what_is_empty_short_or_something_else_is_said_to_be_so() {
        assert!(matches!(Form::of(b""), Err(LedgerFault::Empty)));
        assert!(matches!(Form::of(b"abc"), Err(LedgerFault::CutShort)));
        assert!(matches!(Form::of(&[0, 0, 0, 2, 0, 0, 0, 0]), Err(LedgerFault::CutShort)));
        assert!(matches!(Form::of(b"{\"ledgers\":[]"), Err(LedgerFault::UnknownForm)));
    }
}
