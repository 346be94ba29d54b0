//! A contract that is added to others, or added again. What lies between its cursor and theirs is written late, batch
//! by batch together with its cursor; only then is it followed with the others. Until then it is not part of the feed,
//! because its rows lie behind the feed's position. If the process is killed, it continues from the contract's cursor.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{
    committer::CommitterMessage,
    error::IngestError,
    indexer::{BATCHES_AHEAD, Indexer},
    late::write_catching_up,
};
use crate::{
    domain::{ContractId, Epoch, EventId},
    store::{ChainNotes, LaggingContract, SignsOfLife, StoreError, Writer},
};

impl Indexer {
    /// Brings the contracts that are behind to the position of the others. First they catch up with the others' present
    /// position, while the others are followed. Then the others wait while the ledgers that closed meanwhile are read,
    /// so that this ends.
    pub(super) async fn let_join(
        &self,
        writer: &mut Writer,
        position: EventId,
        stop: &CancellationToken,
    ) -> Result<(), IngestError> {
        let behind = writer.behind().to_vec();
        let (signs, notes) = (writer.signs_of_life(), writer.chain_notes());
        if !writer.standing().is_empty() {
            let others_wait = stop.child_token();
            let follow = self.follow_and_commit(writer, position, &others_wait);
            let past = async {
                self.catch_up(&behind, position, (&signs, &notes), stop).await?;
                others_wait.cancel();
                Ok(())
            };
            tokio::try_join!(follow, past)?;
            writer.refresh().await?;
        }
        let position = writer.position().unwrap_or(position);
        let behind = writer.behind().to_vec();
        self.catch_up(&behind, position, (&signs, &notes), stop).await
    }

    /// Writes everything of each contract up to a position; less, if stopped.
    async fn catch_up(
        &self,
        behind: &[LaggingContract],
        to: EventId,
        (signs, notes): (&SignsOfLife, &ChainNotes),
        stop: &CancellationToken,
    ) -> Result<(), IngestError> {
        for LaggingContract { contract_id, position } in behind {
            let from = position.ok_or(StoreError::Fenced)?;
            info!(contract.id = %contract_id, "reading the past of contract {contract_id} from {from} to {to}");
            let (committer, handed) = mpsc::channel(BATCHES_AHEAD);
            let contract_ids = std::slice::from_ref(contract_id);
            let epoch = self.store.epoch().await?;
            let (follower, walk) = self.follower(contract_ids, from, committer, (signs.clone(), notes.clone())).await?;
            tokio::select! {
                biased;
                written = self.write_all(contract_id, epoch, (from, to), handed, signs) => written?,
                ended = Box::pin(follower.follow(walk, stop)) => ended?,
            }
        }
        Ok(())
    }

    /// Writes batches late until the contract stands at `to`.
    async fn write_all(
        &self,
        contract_id: &ContractId,
        epoch: Epoch,
        (from, to): (EventId, EventId),
        mut handed: mpsc::Receiver<CommitterMessage>,
        signs: &SignsOfLife,
    ) -> Result<(), IngestError> {
        let mut reached = from;
        while reached < to {
            let batch = match handed.recv().await {
                Some(CommitterMessage::Batch(batch)) => batch,
                // Indexes are created once all contracts are level.
                Some(CommitterMessage::ReachedTip) => continue,
                None => break,
            };
            let writing = write_catching_up(&self.store, contract_id, epoch, (reached, to), batch);
            let written = signs.during(Box::pin(writing)).await?;
            self.full_disk.clear();
            reached = written.ok_or(StoreError::Fenced)?;
            debug!(contract.id = %contract_id, "the past of contract {contract_id} is written up to {reached}");
        }
        Ok(())
    }
}
