//! How long a contract's entries live. An entry that nobody touches for long enough leaves the live state, until a call
//! restores it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{live_entry::Lifetime, storage::EntryKey};
use flowfi_domain::LedgerSequence;

/// How long an entry lives: thirty days of ledgers.
const LIVES_FOR_LEDGERS: u32 = 518_400;

/// The lifetimes of a contract's entries.
#[derive(Debug, Default)]
pub(super) struct Lifetimes {
    by_key: HashMap<EntryKey, Lifetime>,
    by_end: BTreeMap<LedgerSequence, BTreeSet<EntryKey>>,
    archived: BTreeSet<EntryKey>,
    /// Archived by hand since the last close.
    archived_by_hand: BTreeSet<EntryKey>,
}

impl Lifetimes {
    /// Returns how long an entry lives, if it is in the live state.
    pub(super) fn of(&self, key: EntryKey) -> Option<Lifetime> {
        self.by_key.get(&key).copied().filter(|_| !self.archived.contains(&key))
    }

    /// Notes that a ledger touches an entry. Returns its lifetime before, and whether it was archived.
    pub(super) fn touch(
        &mut self,
        key: EntryKey,
        ledger: LedgerSequence,
        is_written: bool,
        is_extended: bool,
    ) -> (Option<Lifetime>, bool) {
        let before = self.by_key.get(&key).copied();
        let was_archived = self.archived.remove(&key) || before.is_some_and(|before| before.live_until < ledger);
        self.archived_by_hand.remove(&key);
        let full = LedgerSequence(ledger.0.saturating_add(LIVES_FOR_LEDGERS));
        let mut lifetime = before.unwrap_or(Lifetime { last_modified: ledger, live_until: ledger, extended: ledger });
        if is_written {
            lifetime.last_modified = ledger;
        }
        // As contracts do, an entry is extended only where half of its time is over.
        let left = lifetime.live_until.0.saturating_sub(ledger.0);
        if was_archived || is_extended || left < LIVES_FOR_LEDGERS / 2 {
            lifetime.live_until = full;
            lifetime.extended = ledger;
        }
        self.set(key, Some(lifetime));
        (before, was_archived)
    }

    /// Forgets an entry that is deleted. Returns its lifetime before, and whether it was archived.
    pub(super) fn end(&mut self, key: EntryKey) -> (Option<Lifetime>, bool) {
        self.archived_by_hand.remove(&key);
        (self.set(key, None), self.archived.remove(&key))
    }

    /// Lets an entry leave the live state before its time.
    pub(super) fn archive(&mut self, key: EntryKey) {
        if self.by_key.contains_key(&key) && self.archived.insert(key) {
            self.archived_by_hand.insert(key);
        }
    }

    /// Lets every entry leave the live state that has outlived its time at the end of a ledger. Returns those that did
    /// since the ledger before.
    pub(super) fn evict(&mut self, ledger: LedgerSequence) -> BTreeSet<EntryKey> {
        let still_live = self.by_end.split_off(&ledger);
        let over = std::mem::replace(&mut self.by_end, still_live).into_values().flatten();
        let mut evicted = std::mem::take(&mut self.archived_by_hand);
        for key in over {
            if self.archived.insert(key) {
                evicted.insert(key);
            }
        }
        evicted
    }

    fn set(&mut self, key: EntryKey, lifetime: Option<Lifetime>) -> Option<Lifetime> {
        let before = match lifetime {
            Some(lifetime) => self.by_key.insert(key, lifetime),
            None => self.by_key.remove(&key),
        };
        let (old_end, new_end) = (before.map(|before| before.live_until), lifetime.map(|lifetime| lifetime.live_until));
        if old_end != new_end {
            if let Some(keys) = old_end.and_then(|end| self.by_end.get_mut(&end)) {
                keys.remove(&key);
            }
            if let Some(end) = new_end {
                self.by_end.entry(end).or_default().insert(key);
            }
        }
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: EntryKey = EntryKey::Instance;

    fn touch(lifetimes: &mut Lifetimes, ledger: u32, is_extended: bool) -> (u32, bool) {
        let (_, was_archived) = lifetimes.touch(KEY, LedgerSequence(ledger), true, is_extended);
        (lifetimes.of(KEY).unwrap().live_until.0, was_archived)
    }

    #[test]
    fn an_entry_lives_on_where_half_of_its_time_is_over_or_a_call_asks_for_it() {
        let mut lifetimes = Lifetimes::default();
        let end = 2 + LIVES_FOR_LEDGERS;
        assert_eq!(touch(&mut lifetimes, 2, false), (end, false));
        assert_eq!(touch(&mut lifetimes, 100, false), (end, false));
        assert_eq!(touch(&mut lifetimes, 100, true), (100 + LIVES_FOR_LEDGERS, false));
        assert_eq!(touch(&mut lifetimes, 300_000, false), (300_000 + LIVES_FOR_LEDGERS, false));
        assert_eq!(lifetimes.of(KEY).unwrap().last_modified, LedgerSequence(300_000));
    }

    #[test]
    fn an_entry_leaves_the_live_state_after_its_last_ledger_and_comes_back_with_the_next_call() {
        let mut lifetimes = Lifetimes::default();
        let (end, _) = touch(&mut lifetimes, 2, false);
        assert!(lifetimes.evict(LedgerSequence(end)).is_empty());
        assert!(lifetimes.of(KEY).is_some());
        assert_eq!(lifetimes.evict(LedgerSequence(end + 1)), BTreeSet::from([KEY]));
        assert!(lifetimes.evict(LedgerSequence(end + 2)).is_empty(), "it leaves once");
        assert_eq!(lifetimes.of(KEY), None);
        assert_eq!(touch(&mut lifetimes, end + 3, false), (end + 3 + LIVES_FOR_LEDGERS, true));
        assert!(lifetimes.evict(LedgerSequence(end + 3)).is_empty());
    }
}
