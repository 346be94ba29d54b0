//! The indexer's life: become the writer, follow the source, commit; after losing the database, continue from the
//! cursor.

use std::time::Duration;

use rand::{SeedableRng, rngs::StdRng};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    args::RecordState,
    desired_state_watch::{DesiredStateWatch, cancel_on_pause},
    error::IngestError,
    indexer::Indexer,
    record_checks::RecordChecks,
    reporter::{Reporter, endpoints_of},
    reset::ResetHandled,
    session_backoff::{reset_after_progress, reset_after_session_of},
};
use crate::{
    backoff::Backoff,
    source::SourceError,
    store::{IndexerState, StoreError, Writer},
};

impl Indexer {
    /// Indexes until stopped. Waits for a database that is away, and for another writer.
    ///
    /// # Errors
    /// An [`IngestError`] that an operator must look at.
    pub async fn run(self, stop: CancellationToken) -> Result<(), IngestError> {
        self.run_until(&stop).await
    }

    /// Does the same beside an API, which a network that started over must not end: indexing stops, and the reports say
    /// so until the process is stopped.
    ///
    /// # Errors
    /// As [`Indexer::run`], except for a network that started over.
    pub async fn run_beside_an_api(self, stop: CancellationToken) -> Result<(), IngestError> {
        match self.run_until(&stop).await {
            Err(reset) if reset.is_reset() => {
                self.stand_still_after(&reset, &stop).await;
                Ok(())
            }
            ended => ended,
        }
    }

    async fn run_until(&self, stop: &CancellationToken) -> Result<(), IngestError> {
        let mut backoff = self.backoff();
        while !stop.is_cancelled() {
            let began = Instant::now();
            let failure = match Box::pin(self.session(stop, &mut backoff)).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            reset_after_session_of(&mut backoff, began.elapsed());
            let (wait, reporter) = match failure {
                IngestError::Store(ref full @ StoreError::DiskFull(_)) => {
                    self.full_disk.note(full.to_string());
                    let said = self.say_between_sessions(IndexerState::DatabaseFull, full.to_string()).await;
                    (backoff.delay(None), Some(said))
                }
                IngestError::Store(ref failure) if may_come_back(failure) => (backoff.delay(None), None),
                IngestError::Store(ref failure) if is_taken_over(failure) => (self.settings.waits.standby, None),
                IngestError::Source(SourceError::Transient { retry_after, .. }) => {
                    let said = self.say_away(failure.to_string()).await;
                    (backoff.delay(retry_after), Some(said))
                }
                ref reset if reset.is_reset() => {
                    let handled = tokio::select! {
                        () = stop.cancelled() => return Ok(()),
                        handled = self.handle_reset(reset) => handled,
                    };
                    match handled {
                        Ok(ResetHandled::BegunAnew) => continue,
                        Ok(ResetHandled::NotConfirmed) => {
                            (backoff.delay(None), Some(self.reporter(&self.settings.contracts).await))
                        }
                        Ok(ResetHandled::Refused) => return Err(failure),
                        // It is noticed again once the database is back.
                        Err(IngestError::Store(away)) if may_come_back(&away) => {
                            warn!("the reset cannot be handled yet: {away}");
                            (backoff.delay(None), None)
                        }
                        Err(failed) => return Err(failed),
                    }
                }
                IngestError::Source(ref failure) if self.waits_for(failure).await => {
                    let said = self.say_away(failure.to_string()).await;
                    (backoff.delay(None), Some(said))
                }
                other => return Err(other),
            };
            warn!(wait_ms = wait.as_millis(), "indexing was interrupted and will continue from the cursor: {failure}");
            tokio::select! {
                () = stop.cancelled() => {}
                () = wait_and_repeat(wait, reporter) => {}
            }
        }
        Ok(())
    }

    /// Returns whether to wait after a failure of the source. Once indexing has begun, nothing that an endpoint says
    /// ends the daemon; before that, another network or a missing first ledger is a configuration mistake.
    async fn waits_for(&self, failure: &SourceError) -> bool {
        let may_be_misconfigured =
            matches!(failure, SourceError::OtherNetwork { .. } | SourceError::BehindRetention { .. });
        !may_be_misconfigured || !matches!(self.store.feed_progress().await, Ok(None))
    }

    /// Runs one session as the writer. Whatever is lost with it is read again from the cursors.
    async fn session(&self, stop: &CancellationToken, backoff: &mut Backoff) -> Result<(), IngestError> {
        let mut writer = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            begun = self.begin() => begun?,
        };
        let begun_at = writer.position();
        let (works, is_working) = watch::channel(false);
        self.note_versions().await?;
        let checks = self.record_checks().await?;
        let ended = tokio::select! {
            ended = self.work(&mut writer, &works, stop) => ended,
            never = Box::pin(checks.run(is_working)) => match never {},
        };
        reset_after_progress(backoff, begun_at, writer.position());
        ended?;
        writer.release().await?;
        Ok(())
    }

    /// Indexes as the writer until stopped. Reports through `works` whether it is working or paused.
    async fn work(
        &self,
        writer: &mut Writer,
        works: &watch::Sender<bool>,
        stop: &CancellationToken,
    ) -> Result<(), IngestError> {
        let mut desired_state = DesiredStateWatch::new(self.store.clone(), self.poll());
        let signs = writer.signs_of_life();
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = signs.during(self.wait_while_paused(&mut desired_state, works)) => {}
            }
            let all_stand = writer.behind().is_empty();
            let position = writer.position().ok_or(StoreError::Fenced)?;
            info!(position = %position, "indexing {} contracts after {position}", writer.standing().len());
            let stop_or_pause = stop.child_token();
            let work = async {
                if all_stand {
                    self.follow_and_commit(writer, position, &stop_or_pause).await
                } else {
                    Box::pin(self.let_join(writer, position, &stop_or_pause)).await
                }
            };
            let ended = tokio::select! {
                ended = work => ended,
                never = cancel_on_pause(&mut desired_state, &stop_or_pause) => match never {},
            };
            match ended {
                Ok(()) if stop.is_cancelled() || (all_stand && !stop_or_pause.is_cancelled()) => break,
                Ok(()) => {}
                Err(IngestError::Store(StoreError::Revised)) => debug!("late rows were written; continuing after them"),
                Err(failure) => return Err(failure),
            }
            writer.refresh().await?;
            self.take_up_network().await?;
        }
        Ok(())
    }

    /// Returns the checks that run beside the work, for the indexed epoch.
    async fn record_checks(&self) -> Result<RecordChecks<'_>, IngestError> {
        let epoch = self.store.network().await?.map(|network| network.epoch);
        Ok(RecordChecks {
            store: &self.store,
            source: &self.source,
            whole_ledgers: &self.whole_ledgers,
            contract_ids: &self.settings.contracts,
            epoch: epoch.unwrap_or_default(),
            interval: self.settings.pace.check_interval,
            again_after: self.settings.waits.comparison,
            page_limit: self.settings.pace.page_limit,
            rng: StdRng::seed_from_u64(self.settings.seed),
            corrects: self.settings.pace.records.state != RecordState::Events,
            committed: &self.committed_at_tip,
        })
    }

    /// Reports that the indexer is paused, until it is resumed. Keeps the lock, so that no other process continues
    /// instead.
    async fn wait_while_paused(&self, desired_state: &mut DesiredStateWatch, works: &watch::Sender<bool>) {
        let mut reporter = None;
        while let Some(pause) = desired_state.pause().await {
            works.send_replace(false);
            let detail = format!("paused by {}", pause.by);
            if reporter.is_none() {
                info!(since = %pause.since, "{detail}");
            }
            let reporter = match &mut reporter {
                Some(reporter) => reporter,
                none => none.insert(self.reporter(&self.settings.contracts).await),
            };
            let endpoints = endpoints_of(&self.source, &self.whole_ledgers);
            reporter.say(IndexerState::Paused, Some(detail), None, endpoints).await;
            desired_state.may_have_changed().await;
        }
        if reporter.is_some() {
            info!("continuing after a pause");
        }
        works.send_replace(true);
    }
}

/// Waits until the next session. What was reported is repeated meanwhile, since a report is soon too old to be believed.
async fn wait_and_repeat(wait: Duration, reporter: Option<Reporter>) {
    match reporter {
        Some(mut reporter) => reporter.between_sessions(sleep(wait)).await,
        None => sleep(wait).await,
    }
}

/// Returns whether the lock was lost to another indexer, which may have begun another epoch by now.
const fn is_taken_over(failure: &StoreError) -> bool {
    matches!(failure, StoreError::Fenced | StoreError::OtherEpoch { .. })
}

/// Returns whether to wait for the database. It let us in when the process started, so a refused login passes, too.
fn may_come_back(failure: &StoreError) -> bool {
    failure.is_unavailable() || failure.is_refused_entry()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Epoch;

    #[test]
    fn an_indexer_that_lost_the_lock_stands_by_even_if_the_other_began_another_epoch() {
        assert!(is_taken_over(&StoreError::Fenced));
        assert!(is_taken_over(&StoreError::OtherEpoch { read_in: Epoch(0), now: Epoch(1) }));
        assert!(!is_taken_over(&StoreError::Corrupt("a row".to_owned())));
    }
}
