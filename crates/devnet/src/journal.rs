//! The file from which the network continues after a restart: one JSON line for each start and each closed ledger. It
//! holds the inputs, never the results. A line is written before its ledger becomes visible, so everything that was
//! visible is on disk.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{input::Input, refused::Refused, start::Start};
use flowfi_domain::{LedgerSequence, UnixTime};

/// One line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Line {
    /// The network starts from scratch.
    Start(Start),
    /// A ledger closes.
    Ledger(LedgerLine),
}

/// The inputs of a ledger that were carried out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LedgerLine {
    pub(super) sequence: LedgerSequence,
    pub(super) closed_at: UnixTime,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) inputs: Vec<Input>,
}

/// Why a journal cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system reports an error.
    #[error("the devnet's journal {path}: {source}")]
    Io {
        /// The journal.
        path: PathBuf,
        /// The file system's error.
        source: io::Error,
    },
    /// Another process is using the journal.
    #[error("the devnet's journal {path} is in use by another process")]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A line before the end is damaged, or contradicts the lines before it.
    #[error("the devnet's journal {path}, line {line}: {reason}; remove the file to start over")]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        reason: BadLine,
    },
}

/// What is wrong with a line.
#[derive(Debug, Error)]
pub enum BadLine {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] serde_json::Error),
    /// The network has not started yet.
    #[error("a ledger before the network's start")]
    BeforeStart,
    /// It is not the line of the next ledger.
    #[error("ledger {ledger} does not follow ledger {latest}")]
    NotNext {
        /// The line's ledger.
        ledger: LedgerSequence,
        /// The ledger of the line before.
        latest: LedgerSequence,
    },
    /// One of its inputs could not be carried out again.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// An open journal, at its end.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens or creates the file and hands each of its lines to `replay`, which says what is wrong with one. A last
    /// line that was not written to its end is dropped: its ledger was never seen.
    pub(super) fn open(path: &Path, mut replay: impl FnMut(Line) -> Result<(), BadLine>) -> Result<Self, JournalError> {
        let io_error = |source| JournalError::Io { path: path.to_owned(), source };
        // The folder may belong to another account: a symbolic link in it must not redirect root to another file.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(io_error)?;
        file.try_lock().map_err(|_| JournalError::InUse { path: path.to_owned() })?;
        let mut reader = BufReader::new(file);
        let (mut whole_bytes, mut number, mut text) = (0_u64, 0_u64, Vec::new());
        loop {
            text.clear();
            reader.read_until(b'\n', &mut text).map_err(io_error)?;
            if text.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            whole_bytes = whole_bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
            let line = serde_json::from_slice(&text).map_err(BadLine::from);
            line.and_then(&mut replay).map_err(|reason| JournalError::Corrupt {
                path: path.to_owned(),
                line: number,
                reason,
            })?;
        }
        let mut file = reader.into_inner();
        file.set_len(whole_bytes).map_err(io_error)?;
        file.seek(SeekFrom::Start(whole_bytes)).map_err(io_error)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Adds a line.
    pub(super) fn append(&mut self, line: &Line) -> Result<(), JournalError> {
        let mut text = serde_json::to_string(line).expect("a line always serializes");
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|source| JournalError::Io { path: self.path.clone(), source })
    }
}
