//! A data lake in a folder, like the lakes of the network's exporters (SEP-54): each ledger is an object of compressed
//! XDR with a name derived from its number, and `.config.json` describes the layout.
//!
//! The folder of a running network holds every ledger since its last start, including those that its nodes have
//! dropped. A reset empties it: the same path then serves the new network. Files with other names are not touched.

use std::{
    fs,
    io::{self, Cursor},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;
use stellar_xdr::LedgerCloseMetaBatch;
use thiserror::Error;

use super::{
    accounts,
    chain::{Chain, FIRST_LEDGER, Ledger},
    close_meta, encode,
};
use flowfi_domain::LedgerSequence;

const CONFIG: &str = ".config.json";
const COMPRESSION_LEVEL: i32 = 3;
/// The number in public lakes.
const BATCHES_PER_PARTITION: u32 = 64_000;

/// Why a lake cannot be written.
#[derive(Debug, Error)]
pub enum LakeError {
    /// The file system reports an error.
    #[error("the devnet's lake, {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// The folder holds a lake that this network must not empty.
    #[error(
        "the devnet's lake: {folder} holds a lake of another network or with another layout; choose an empty folder"
    )]
    NotOurs {
        /// The folder.
        folder: PathBuf,
    },
}

/// A lake that can be written to.
#[derive(Debug)]
pub(super) struct Lake {
    folder: PathBuf,
    config: Config,
}

/// The contents of `.config.json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    network_passphrase: &'static str,
    version: &'static str,
    compression: &'static str,
    ledgers_per_batch: u32,
    batches_per_partition: u32,
}

impl Lake {
    /// Creates or continues the lake of a running network, in which each ledger has its own object.
    pub(super) fn of_single_ledgers(folder: &Path) -> Result<Self, LakeError> {
        Self::open(folder, 1, BATCHES_PER_PARTITION)
    }

    /// Creates or continues a lake with this layout. The configuration is written before any object. A folder with
    /// another lake is not touched.
    pub(super) fn open(folder: &Path, ledgers_per_batch: u32, batches_per_partition: u32) -> Result<Self, LakeError> {
        let config = Config {
            network_passphrase: accounts::PASSPHRASE,
            version: "1.0",
            compression: "zstd",
            ledgers_per_batch: ledgers_per_batch.max(1),
            batches_per_partition: batches_per_partition.max(1),
        };
        let lake = Self { folder: folder.to_owned(), config };
        let text = serde_json::to_vec(&lake.config).expect("a configuration always serializes");
        match fs::read(folder.join(CONFIG)) {
            Ok(found) if found == text => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && lake.objects()?.is_empty() => {
                lake.put(CONFIG, &text)?;
            }
            _ => return Err(LakeError::NotOurs { folder: folder.to_owned() }),
        }
        Ok(lake)
    }

    /// Makes the folder hold the ledgers of this chain and no others. If the oldest ledger is not as it should be, the
    /// folder is emptied; then everything that is missing is written.
    pub(super) fn follow(&self, chain: &Chain) -> Result<(), LakeError> {
        let Some(oldest) = chain.oldest() else { return Ok(()) };
        let written = fs::read(self.folder.join(self.key(oldest.sequence))).ok();
        if written.is_none_or(|written| written != object(&[Arc::clone(oldest)])) {
            self.empty()?;
        }
        for ledger in chain.ledgers() {
            if !self.folder.join(self.key(ledger.sequence)).exists() {
                self.write(&[Arc::clone(ledger)])?;
            }
        }
        Ok(())
    }

    /// Writes these ledgers as one batch.
    pub(super) fn write(&self, batch: &[Arc<Ledger>]) -> Result<(), LakeError> {
        let Some(first) = batch.first() else { return Ok(()) };
        self.put(&self.key(first.sequence), &object(batch))
    }

    /// Returns the batches that lie completely in the range. The very first batch starts with the first ledger.
    pub(super) fn batches(&self, range: &RangeInclusive<LedgerSequence>) -> Vec<RangeInclusive<LedgerSequence>> {
        let size = self.config.ledgers_per_batch;
        let numbers = (range.start().0 / size..=range.end().0 / size).map(|number| number * size);
        let batches = numbers.map(|start| LedgerSequence(start).max(FIRST_LEDGER)..=last_of(start, size));
        batches.filter(|batch| range.contains(batch.start()) && range.contains(batch.end())).collect()
    }

    /// Returns the name of the object that holds a ledger. Names start with an inverted number, so that a listing by
    /// name begins with the newest.
    fn key(&self, sequence: LedgerSequence) -> String {
        let size = self.config.ledgers_per_batch;
        let batch = named(sequence.0 / size * size, size, true);
        let partition_size = size.saturating_mul(self.config.batches_per_partition);
        if self.config.batches_per_partition == 1 {
            return format!("{batch}.xdr.zst");
        }
        let partition = named(sequence.0 / partition_size * partition_size, partition_size, false);
        format!("{partition}/{batch}.xdr.zst")
    }

    /// Writes a file completely or not at all: under a name that readers ignore, which is then renamed.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), LakeError> {
        let path = self.folder.join(name);
        let unfinished = path.with_extension("unfinished");
        let folder = path.parent().unwrap_or(&self.folder);
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&unfinished, bytes));
        written.and_then(|()| fs::rename(&unfinished, &path)).map_err(|source| LakeError::Io { path, source })
    }

    fn empty(&self) -> Result<(), LakeError> {
        for path in self.objects()? {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.map_err(|source| LakeError::Io { path, source })?;
        }
        Ok(())
    }

    /// Returns the partitions and objects at the top of the folder.
    fn objects(&self) -> Result<Vec<PathBuf>, LakeError> {
        let io_error = |source| LakeError::Io { path: self.folder.clone(), source };
        let mut objects = Vec::new();
        fs::create_dir_all(&self.folder).map_err(io_error)?;
        for entry in fs::read_dir(&self.folder).map_err(io_error)? {
            let entry = entry.map_err(io_error)?;
            if is_of_a_lake(&entry.file_name().to_string_lossy()) {
                objects.push(entry.path());
            }
        }
        Ok(objects)
    }
}

fn last_of(start: u32, size: u32) -> LedgerSequence {
    LedgerSequence(start.saturating_add(size - 1))
}

fn named(start: u32, size: u32, is_batch: bool) -> String {
    let countdown = u32::MAX - start;
    if is_batch && size == 1 {
        return format!("{countdown:08X}--{start}");
    }
    format!("{countdown:08X}--{start}-{}", last_of(start, size))
}

/// Partitions and objects have names that begin with eight hexadecimal digits and two dashes.
fn is_of_a_lake(name: &str) -> bool {
    name.split_once("--").is_some_and(|(countdown, _)| {
        countdown.len() == 8 && countdown.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F'))
    })
}

fn object(ledgers: &[Arc<Ledger>]) -> Vec<u8> {
    let sequence = |ledger: Option<&Arc<Ledger>>| ledger.map_or(0, |ledger| ledger.sequence.0);
    let meta = |ledger: &Arc<Ledger>| close_meta::close_meta(ledger, close_meta::header_entry(ledger.header()));
    let metas: Vec<_> = ledgers.iter().map(meta).collect();
    let batch = LedgerCloseMetaBatch {
        start_sequence: sequence(ledgers.first()),
        end_sequence: sequence(ledgers.last()),
        ledger_close_metas: metas.try_into().expect("a list holds up to 2^32 ledgers"),
    };
    zstd::encode_all(Cursor::new(encode::to_xdr(&batch)), COMPRESSION_LEVEL)
        .expect("compressing in memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(sequence: u32, ledgers_per_batch: u32, batches_per_partition: u32) -> String {
        let folder = tempdir(&format!("keys-{sequence}"));
        let lake = Lake::open(&folder, ledgers_per_batch, batches_per_partition).unwrap();
        let key = lake.key(LedgerSequence(sequence));
        fs::remove_dir_all(folder).unwrap();
        key
    }

    fn tempdir(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("flowfi-lake-{}-{name}", std::process::id()))
    }

    #[test]
    fn names_are_those_of_public_lakes() {
        assert_eq!(key(64_000, 1, 64_000), "FFFF05FF--64000-127999/FFFF05FF--64000.xdr.zst");
        assert_eq!(key(2, 2, 8), "FFFFFFFF--0-15/FFFFFFFD--2-3.xdr.zst");
        assert_eq!(key(310_079, 1, 64_000), "FFFC17FF--256000-319999/FFFB44C0--310079.xdr.zst");
        assert_eq!(key(7, 1, 1), "FFFFFFF8--7.xdr.zst");
    }

    #[test]
    fn only_files_with_names_of_a_lake_are_removed() {
        assert!(is_of_a_lake("FFFC17FF--256000-319999") && is_of_a_lake("FFFFFFF8--7.xdr.zst"));
        assert!(!is_of_a_lake(".config.json") && !is_of_a_lake("notes--1") && !is_of_a_lake("ffffffff--0-15"));
    }
}
