//! Opens a subscription: from now on, or after the last event id that the client has.

use std::sync::atomic::Ordering;

use super::{sequence::Feed, subscription::Subscription};
use crate::{
    domain::{EventFilter, EventId, Reset, ResetReason, ResumeId, Revision},
    store::StoreError,
};

/// The last event id that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastEventId {
    /// No id: the client wants what comes from now on.
    None,
    /// The client wants everything after this id.
    Known(ResumeId),
    /// The text is not an id.
    Malformed,
}

/// A new subscription.
#[derive(Debug)]
pub struct Opened {
    /// The events to come.
    pub subscription: Subscription,
    /// Set if the subscription cannot resume from the client's last event id. It then starts now.
    pub reset: Option<Reset>,
}

impl Feed {
    /// Opens a subscription. The subscriber is registered before its replay, so that no event is lost between the
    /// replay and the live events.
    ///
    /// # Errors
    /// The table could not be read, so we do not know whether the subscription can resume from the last event id.
    pub async fn subscribe(&self, filter: EventFilter, last: LastEventId) -> Result<Opened, StoreError> {
        let mut subscription = Subscription::register(self.clone(), filter);
        let refusal = match last {
            LastEventId::None => None,
            LastEventId::Malformed => Some(ResetReason::Malformed),
            LastEventId::Known(last) => self.resume(&mut subscription, last).await?,
        };
        let Some(reason) = refusal else { return Ok(Opened { subscription, reset: None }) };
        let reset = self.reset(reason, subscription.sees_everything()).await?;
        self.counters.resets.fetch_add(1, Ordering::Relaxed);
        Ok(Opened { subscription, reset: Some(reset) })
    }

    /// Resumes a subscription after an id, with a notice of what was revised since that concerns it. Returns the reason if
    /// it cannot resume.
    async fn resume(&self, subscription: &mut Subscription, last: ResumeId) -> Result<Option<ResetReason>, StoreError> {
        if last.position.epoch != subscription.epoch() {
            return Ok(Some(ResetReason::NetworkReset));
        }
        // By whole ledgers: the answers to guessed ids must not tell whoever sees less than everything where in a ledger
        // the newest event lies.
        let position = last.position.event;
        let position = if subscription.sees_everything() { position } else { position.in_whole_ledgers() };
        if let Some(reason) = self.cannot_resume_from(position).await? {
            return Ok(Some(reason));
        }
        let seen = subscription.revision();
        if last.revision > seen && last.revision > self.store.primary().feed_state().await?.revision {
            return Ok(Some(ResetReason::BeyondTip));
        }
        if last.revision >= seen {
            subscription.resume_after(last, None);
            return Ok(None);
        }
        let revisions = self.store.revisions_after(last.revision).await?;
        // Each epoch counts its own revisions: an answer that does not reach what the feed saw belongs to another epoch.
        let Some(newest) = revisions.last().map(|newest| newest.number).filter(|newest| *newest >= seen) else {
            return Ok(Some(ResetReason::NetworkReset));
        };
        let concerning = revisions.iter().filter_map(|revision| revision.concerning(subscription.filter()));
        match concerning.reduce(Revision::joined) {
            Some(missed) => subscription.resume_after(last, Some(Revision { number: newest, ..missed })),
            None => subscription.resume_after(ResumeId { revision: newest, ..last }, None),
        }
        Ok(None)
    }

    /// Returns why a subscription cannot resume after an id, if so. The table covers the range from the oldest first
    /// ledger of any contract to the newest position. This node, or the replica that it reads, may lag behind another one,
    /// so the primary database decides whatever the ring cannot prove.
    async fn cannot_resume_from(&self, last: EventId) -> Result<Option<ResetReason>, StoreError> {
        if self.hub.can_resume(last) {
            return Ok(None);
        }
        Ok(match self.store.primary().feed_progress().await? {
            Some(progress) if last < EventId::end_of_ledger(progress.from_ledger.previous()) => {
                Some(ResetReason::BeforeOldest)
            }
            Some(progress) if last <= progress.position => None,
            _ => Some(ResetReason::BeyondTip),
        })
    }
}
