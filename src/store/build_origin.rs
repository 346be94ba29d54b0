//! What a reindex is built from, and whether that still holds.

use sqlx::PgConnection;

use super::{
    KnownLedger, StoreError,
    columns::{column_of, epoch, ledger},
};
use crate::domain::Epoch;

/// What a build is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildOrigin {
    pub(super) epoch: Epoch,
    /// A ledger of the chain, if one had been recorded.
    pub(super) known: Option<KnownLedger>,
    /// The code that decodes and folds.
    pub(super) decoder: String,
    /// The last revision that the build has read.
    pub(super) revision: i64,
}

impl BuildOrigin {
    /// Returns what a build that starts now would be built from.
    pub(super) async fn now(connection: &mut PgConnection, decoder: &str) -> Result<Self, StoreError> {
        let row = sqlx::query!(
            r#"select epoch, known_ledger, known_ledger_hash,
                      coalesce((select max(revision) from revisions), 0) as "revision!"
               from network"#
        )
        .fetch_one(connection)
        .await?;
        Ok(Self {
            epoch: epoch(row.epoch)?,
            known: known(row.known_ledger, row.known_ledger_hash)?,
            decoder: decoder.to_owned(),
            revision: row.revision,
        })
    }

    /// Records the origin of a build that starts.
    pub(super) async fn record(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        sqlx::query!(
            "insert into reindex_build (epoch, known_ledger, known_ledger_hash, decoder, revision)
             values ($1, $2, $3, $4, $5)
             on conflict (only_row) do update set
                 epoch = excluded.epoch, known_ledger = excluded.known_ledger,
                 known_ledger_hash = excluded.known_ledger_hash, decoder = excluded.decoder,
                 revision = excluded.revision",
            column_of(self.epoch)?,
            self.known.as_ref().map(|known| i64::from(known.sequence.0)),
            self.known.as_ref().map(|known| &*known.hash),
            self.decoder,
            self.revision,
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Returns whether a build with this origin may continue now. A ledger that was recorded later says nothing about
    /// the chain; an earlier one, or the same one with another hash, belongs to another chain. A build can catch up
    /// with revisions.
    pub(super) fn is_still(&self, now: &Self) -> bool {
        let is_same_chain = match (&self.known, &now.known) {
            (Some(then), Some(now)) if then.sequence == now.sequence => then.hash == now.hash,
            (Some(then), Some(now)) => then.sequence < now.sequence,
            (Some(_), None) => false,
            (None, _) => true,
        };
        self.epoch == now.epoch && self.decoder == now.decoder && is_same_chain
    }
}

/// Returns the origin of the current build; `None` if there is none.
pub(super) async fn recorded(connection: &mut PgConnection) -> Result<Option<BuildOrigin>, StoreError> {
    let row = sqlx::query!("select epoch, known_ledger, known_ledger_hash, decoder, revision from reindex_build")
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(BuildOrigin {
        epoch: epoch(row.epoch)?,
        known: known(row.known_ledger, row.known_ledger_hash)?,
        decoder: row.decoder,
        revision: row.revision,
    }))
}

fn known(sequence: Option<i64>, hash: Option<String>) -> Result<Option<KnownLedger>, StoreError> {
    let known = sequence.zip(hash).map(|(sequence, hash)| Ok(KnownLedger { sequence: ledger(sequence)?, hash }));
    known.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LedgerSequence;

    fn origin(epoch: u32, known: Option<(u32, &str)>, decoder: &str) -> BuildOrigin {
        let known = known.map(|(number, hash)| KnownLedger { sequence: LedgerSequence(number), hash: hash.to_owned() });
        BuildOrigin { epoch: Epoch(epoch), known, decoder: decoder.to_owned(), revision: 0 }
    }

    #[test]
    fn a_build_continues_only_in_its_epoch_on_its_chain_and_with_its_decoder() {
        let then = origin(1, Some((50, "aa")), "one");
        for (now, goes_on) in [
            (origin(1, Some((50, "aa")), "one"), true),
            (origin(1, Some((90, "cc")), "one"), true),
            (origin(1, Some((50, "bb")), "one"), false),
            (origin(1, Some((40, "aa")), "one"), false),
            (origin(1, None, "one"), false),
            (origin(2, Some((50, "aa")), "one"), false),
            (origin(1, Some((50, "aa")), "two"), false),
        ] {
            assert_eq!(then.is_still(&now), goes_on, "{now:?}");
        }
        assert!(origin(0, None, "one").is_still(&origin(0, Some((9, "aa")), "one")));
    }
}
