//! Where a ledger is in a lake (SEP-54): the contents of `.config.json`, and the keys of objects.

use serde::Deserialize;

use crate::domain::LedgerSequence;

/// The layout of a lake, from its `.config.json`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::source) struct Layout {
    pub(super) network_passphrase: String,
    version: String,
    compression: String,
    ledgers_per_batch: u32,
    batches_per_partition: u32,
}

impl Layout {
    /// Returns why this version cannot read the lake, if it cannot.
    pub(super) fn fault(&self) -> Option<String> {
        let partition = self.ledgers_per_batch.checked_mul(self.batches_per_partition);
        if !self.version.starts_with("1.") {
            Some(format!("its version is {}, not 1", self.version))
        } else if self.compression != "zstd" {
            Some(format!("its compression is {}, not zstd", self.compression))
        } else if partition.is_none_or(|ledgers| ledgers == 0) {
            Some("its batches and partitions have no size".to_owned())
        } else {
            None
        }
    }

    /// Returns the key of the object that holds the ledger, without its suffix.
    pub(super) fn key(&self, ledger: LedgerSequence) -> String {
        let batch = span(ledger, self.ledgers_per_batch);
        let name = part(batch, self.ledgers_per_batch == 1);
        if self.batches_per_partition == 1 {
            return name;
        }
        let partition = span(ledger, self.ledgers_per_batch * self.batches_per_partition);
        format!("{}/{name}", part(partition, false))
    }

    /// Returns the last ledger in the object that holds this one.
    pub(super) fn last_of_object(&self, ledger: LedgerSequence) -> LedgerSequence {
        LedgerSequence(span(ledger, self.ledgers_per_batch).1)
    }
}

/// Returns the first and the last ledger of the span of this size that holds the ledger.
fn span(ledger: LedgerSequence, size: u32) -> (u32, u32) {
    let first = ledger.0 / size * size;
    (first, first.saturating_add(size - 1))
}

/// A span in a key: the inverted number, so that listings show the newest first, followed by the span.
fn part((first, last): (u32, u32), of_one: bool) -> String {
    let counted_down = u32::MAX - first;
    if of_one { format!("{counted_down:08X}--{first}") } else { format!("{counted_down:08X}--{first}-{last}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(ledgers_per_batch: u32, batches_per_partition: u32) -> Layout {
        let (version, compression) = ("1.0".to_owned(), "zstd".to_owned());
        Layout { network_passphrase: String::new(), version, compression, ledgers_per_batch, batches_per_partition }
    }

    fn key(ledgers_per_batch: u32, batches_per_partition: u32, ledger: u32) -> String {
        layout(ledgers_per_batch, batches_per_partition).key(LedgerSequence(ledger))
    }

    #[test]
    fn keys_are_those_of_the_public_lakes() {
        assert_eq!(key(1, 64_000, 64_000), "FFFF05FF--64000-127999/FFFF05FF--64000");
        assert_eq!(key(2, 8, 2), "FFFFFFFF--0-15/FFFFFFFD--2-3");
        assert_eq!(key(2, 8, 3), "FFFFFFFF--0-15/FFFFFFFD--2-3");
        assert_eq!(key(1, 64_000, 310_079), "FFFC17FF--256000-319999/FFFB44C0--310079");
        assert_eq!(key(64, 1, 130), "FFFFFF7F--128-191");
        assert_eq!(key(1, 1, 2), "FFFFFFFD--2");
    }

    #[test]
    fn a_lake_that_this_version_cannot_read_is_recognized_by_its_layout() {
        assert_eq!(layout(1, 64_000).fault(), None);
        assert!(layout(0, 64_000).fault().is_some());
        assert!(layout(1 << 16, 1 << 16).fault().is_some());
        assert!(Layout { version: "2.0".into(), ..layout(1, 1) }.fault().is_some());
        assert!(Layout { compression: "none".into(), ..layout(1, 1) }.fault().is_some());
    }
}
