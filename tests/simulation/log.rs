//! What a subscriber received, and what it concludes.

use std::collections::BTreeSet;

use tokio::time::Instant;

use flowfi_indexer::domain::{EventId, StreamId};

use crate::frames::{Frame, Says, SeenId};

/// An event that a subscriber received.
#[derive(Clone, Debug)]
pub struct Seen {
    pub epoch: u32,
    pub id: EventId,
    pub tx_hash: String,
}

/// A range that a subscriber was told was revised.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub from: EventId,
    pub to: EventId,
    pub at: Instant,
}

/// Everything that a subscriber received.
#[derive(Default)]
pub struct Log {
    /// The position that it started after, in its current epoch.
    pub start: Option<EventId>,
    /// Its current epoch; `None` between a reset and the first id.
    pub epoch: Option<u32>,
    /// The id that it resumes from.
    pub last: Option<SeenId>,
    /// The events of its current epoch.
    pub events: Vec<Seen>,
    /// The events of earlier epochs.
    pub events_before: Vec<Seen>,
    pub told: Vec<Told>,
    /// The streams that it was told changed without an event, in its current epoch.
    pub changed: BTreeSet<StreamId>,
    pub sessions: u32,
    /// Why it had to start over the first time.
    pub reset: Option<String>,
    pub failure: Option<String>,
}

/// One connection of a subscriber.
#[derive(Default)]
pub struct Session {
    opening: Option<Opening>,
}

/// Set between the first frame and the next one.
struct Opening {
    /// Where the subscription starts.
    at: Option<SeenId>,
    /// The epoch of the id that was sent back.
    resumed: Option<u32>,
}

impl Log {
    pub fn beginning_after(from: Option<SeenId>) -> Self {
        let (start, epoch) = (from.as_ref().map(|from| from.event), from.as_ref().map(|from| from.epoch));
        Self { start, epoch, last: from, ..Self::default() }
    }

    /// Handles a frame as an `EventSource` does: every id becomes the one to resume from.
    pub fn take(&mut self, session: &mut Session, frame: Frame) -> Result<(), String> {
        let opening = session.opening.take();
        let Frame { id, says } = frame;
        match says {
            Says::Connected => {
                session.opening = Some(Opening { at: id.clone(), resumed: self.last.as_ref().map(|last| last.epoch) });
                if self.last.is_none() {
                    self.start = Some(id.as_ref().map_or(EventId::ZERO, |id| id.event));
                    self.epoch = id.as_ref().map(|id| id.epoch);
                }
            }
            Says::Reset { reason } => self.start_over(&reason, opening, id.clone())?,
            Says::Revised { from, to } => {
                let at = Instant::now();
                self.told.push(Told { from: from.event, to: to.event, at });
            }
            Says::Changed { streams } => self.changed.extend(streams),
            Says::Event { tx_hash } => {
                let id = id.as_ref().ok_or("an event without an id")?;
                self.go_on_in(id)?;
                self.events.push(Seen { epoch: id.epoch, id: id.event, tx_hash });
            }
            Says::Nothing => id.as_ref().map_or(Ok(()), |id| self.go_on_in(id))?,
        }
        self.last = id.or(self.last.take());
        Ok(())
    }

    /// Returns whether this event was the last that it received, or whether a reset told it to start after the event.
    pub fn is_through(&self, event: EventId) -> bool {
        self.events.last().is_some_and(|last| last.id == event)
            || self.reset.is_some() && self.start.is_some_and(|start| start >= event)
    }

    /// Describes where the subscriber is.
    pub fn summary(&self) -> String {
        let last = |events: &[Seen]| events.last().map_or("none".to_owned(), |seen| seen.id.to_string());
        format!(
            "{} sessions, started after {:?}, reset {:?}, resumes from {:?}, epoch {:?}, {} events up to {}",
            self.sessions,
            self.start.map(|start| start.to_string()),
            self.reset,
            self.last.as_ref().map(ToString::to_string),
            self.epoch,
            self.events.len(),
            last(&self.events)
        )
    }

    /// Checks that an id has the same epoch as the one before, unless a reset came in between.
    fn go_on_in(&mut self, id: &SeenId) -> Result<(), String> {
        match self.epoch.replace(id.epoch) {
            Some(epoch) if epoch != id.epoch => Err(format!("{id} came in epoch {epoch}, without a reset")),
            _ => Ok(()),
        }
    }

    /// Forgets the previous chain. A subscription that could not resume starts at the id that comes with the reset, or
    /// with `connected` otherwise; an open one receives everything of the new epoch.
    fn start_over(&mut self, reason: &str, opening: Option<Opening>, id: Option<SeenId>) -> Result<(), String> {
        if !matches!(reason, "networkReset" | "beyondTip") {
            return Err(format!("a subscription after {:?} was reset: {reason}", self.last));
        }
        self.reset.get_or_insert_with(|| format!("after {:?}: {reason}", self.last));
        self.events_before.append(&mut self.events);
        self.told.clear();
        self.changed.clear();
        // A subscriber that sent no id is never reset at the opening: the network started over right after it.
        let connected = opening.and_then(|Opening { at, resumed }| {
            id.or(at).filter(|at| resumed.is_some_and(|resumed| at.epoch != resumed))
        });
        self.start = Some(connected.as_ref().map_or(EventId::ZERO, |at| at.event));
        self.epoch = connected.map(|at| at.epoch);
        Ok(())
    }
}
