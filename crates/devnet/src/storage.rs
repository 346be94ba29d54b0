//! The stream contract's entries in the ledger, and the log of their changes: a call that is refused is undone by it,
//! and a transaction that succeeds is told by it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{instance::Instance, stream::Stream};
use flowfi_domain::StreamId;

/// The contract's entries.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    instance: Arc<Instance>,
    streams: BTreeMap<StreamId, Arc<Stream>>,
    active: BTreeSet<StreamId>,
    /// What the writes since the last commit replaced, in their order.
    log: Vec<Replaced>,
}

/// Which of the contract's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum EntryKey {
    Instance,
    Stream(StreamId),
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Instance(Arc<Instance>),
    Stream(Arc<Stream>),
}

/// What a transaction did to one entry.
#[derive(Debug)]
pub(super) struct StorageChange {
    pub(super) key: EntryKey,
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
    /// Whether the entry itself was written, be it with what it held before.
    pub(super) is_written: bool,
    /// Whether the call asked for the entry to live longer.
    pub(super) is_extended: bool,
}

#[derive(Clone, Debug)]
enum Replaced {
    Instance(Arc<Instance>),
    Stream(StreamId, Option<Arc<Stream>>),
    /// Only the time that the entry lives for.
    Lifetime(StreamId, Option<Arc<Stream>>),
}

impl Storage {
    /// Returns the storage of a contract without streams.
    pub(super) fn new(instance: Instance) -> Self {
        Self { instance: Arc::new(instance), streams: BTreeMap::new(), active: BTreeSet::new(), log: Vec::new() }
    }

    /// Returns what the contract keeps in its instance.
    pub(super) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// The same, to be changed.
    pub(super) fn instance_mut(&mut self) -> &mut Instance {
        self.log.push(Replaced::Instance(Arc::clone(&self.instance)));
        Arc::make_mut(&mut self.instance)
    }

    /// Returns the stream of this number, if it is stored.
    pub(super) fn stream(&self, id: StreamId) -> Option<&Arc<Stream>> {
        self.streams.get(&id)
    }

    /// Returns the streams that are stored, by number.
    pub(super) fn streams(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        self.streams.iter().map(|(id, stream)| (*id, stream.as_ref()))
    }

    /// Returns the streams that are active, by number.
    pub(super) fn active_streams(&self) -> impl Iterator<Item = (StreamId, &Stream)> {
        self.active.iter().filter_map(|id| Some((*id, self.streams.get(id)?.as_ref())))
    }

    /// Stores a stream as the present code writes it.
    pub(super) fn put(&mut self, id: StreamId, mut stream: Stream) {
        stream.written_by = self.instance.code;
        let replaced = self.set(id, Some(Arc::new(stream)));
        self.log.push(Replaced::Stream(id, replaced));
    }

    /// Deletes a stream.
    pub(super) fn remove(&mut self, id: StreamId) {
        let replaced = self.set(id, None);
        self.log.push(Replaced::Stream(id, replaced));
    }

    /// Lets a stream's entry live on.
    pub(super) fn extend(&mut self, id: StreamId) {
        self.log.push(Replaced::Lifetime(id, self.stream(id).cloned()));
    }

    /// Returns how many writes there were since the last commit.
    pub(super) const fn writes(&self) -> usize {
        self.log.len()
    }

    /// Undoes every write after the first `writes`.
    pub(super) fn roll_back_to(&mut self, writes: usize) {
        while self.log.len() > writes {
            match self.log.pop() {
                Some(Replaced::Instance(before)) => self.instance = before,
                Some(Replaced::Stream(id, before)) => drop(self.set(id, before)),
                Some(Replaced::Lifetime(..)) | None => {}
            }
        }
    }

    /// Makes the writes final, and returns what they did to each entry that outlived them, by key.
    pub(super) fn commit(&mut self) -> Vec<StorageChange> {
        let mut changes: BTreeMap<EntryKey, StorageChange> = BTreeMap::new();
        for replaced in std::mem::take(&mut self.log) {
            let (key, before, is_written) = match replaced {
                Replaced::Instance(before) => (EntryKey::Instance, Some(Entry::Instance(before)), true),
                Replaced::Stream(id, before) => (EntryKey::Stream(id), before.map(Entry::Stream), true),
                Replaced::Lifetime(id, before) => (EntryKey::Stream(id), before.map(Entry::Stream), false),
            };
            let after = self.entry(key);
            let first = StorageChange { key, before, after, is_written: false, is_extended: false };
            let change = changes.entry(key).or_insert(first);
            change.is_written |= is_written;
            change.is_extended |= !is_written;
        }
        changes.into_values().filter(|change| change.before.is_some() || change.after.is_some()).collect()
    }

    /// Returns an entry as it is now.
    pub(super) fn entry(&self, key: EntryKey) -> Option<Entry> {
        match key {
            EntryKey::Instance => Some(Entry::Instance(Arc::clone(&self.instance))),
            EntryKey::Stream(id) => self.streams.get(&id).map(|stream| Entry::Stream(Arc::clone(stream))),
        }
    }

    fn set(&mut self, id: StreamId, stream: Option<Arc<Stream>>) -> Option<Arc<Stream>> {
        if stream.as_ref().is_some_and(|stream| stream.is_active) {
            self.active.insert(id);
        } else {
            self.active.remove(&id);
        }
        match stream {
            Some(stream) => self.streams.insert(id, stream),
            None => self.streams.remove(&id),
        }
    }
}
