//! Checks which events and notices each subscriber received.

use std::collections::BTreeSet;

use flowfi_indexer::domain::{EventFilter, EventId};

use crate::{
    chain::ByWhat,
    client::Client,
    log::{Log, Seen},
    world::World,
};

impl World<'_> {
    pub fn compare_clients(&self) -> Result<(), String> {
        self.clients.iter().enumerate().try_for_each(|(number, client)| {
            self.compare_client(client).map_err(|failure| format!("subscriber {number}: {failure}"))
        })
    }

    fn compare_client(&self, client: &Client) -> Result<(), String> {
        let log = client.log.lock().unwrap();
        let start = log.start.ok_or("it never started")?;
        log.events_before.iter().try_for_each(|seen| self.is_of_its_chain(seen))?;
        log.events.iter().try_for_each(|seen| self.is_of_its_chain(seen))?;
        let ids: Vec<EventId> = log.events.iter().map(|seen| seen.id).collect();
        if let Some((before, after)) = ids.iter().zip(ids.iter().skip(1)).find(|(before, after)| before >= after) {
            return Err(format!("{after} came after {before}"));
        }
        self.is_told_of_its_own(&client.plan.filter, &log)?;
        let seen: BTreeSet<EventId> = ids.into_iter().collect();
        for id in self.chain.history.events.keys().copied() {
            let Some(by) = self.chain.matches(&client.plan.filter, id).filter(|_| id > start) else {
                if seen.contains(&id) {
                    return Err(format!("{id} does not match its filter"));
                }
                continue;
            };
            if !seen.contains(&id) {
                self.need_not_have_come(id, by, &log).map_err(|why| {
                    let (events, sessions) = (seen.len(), log.sessions);
                    format!("{id} never arrived, after {start}; {events} events in {sessions} sessions{why}")
                })?;
            }
        }
        Ok(())
    }

    /// Checks that the subscriber was told of changes of no streams but those that it follows, or whose parties it does.
    fn is_told_of_its_own(&self, filter: &EventFilter, log: &Log) -> Result<(), String> {
        let of_any_type = EventFilter { types: Vec::new(), ..filter.clone() };
        let events = || self.chain.history.events.keys().copied();
        let own: BTreeSet<_> = events()
            .filter(|id| self.chain.matches(&of_any_type, *id).is_some())
            .filter_map(|id| self.chain.stream_of(id))
            .collect();
        match log.changed.difference(&own).next() {
            Some(stream_id) => Err(format!("it was told that stream {stream_id} changed, which it does not follow")),
            None => Ok(()),
        }
    }

    /// Checks that an event belongs to the chain that the index had in its epoch.
    fn is_of_its_chain(&self, seen: &Seen) -> Result<(), String> {
        let epoch = i32::try_from(seen.epoch).unwrap();
        let of_past = self.epochs.past_of(epoch).map(|past| &past.history);
        let history = of_past.or_else(|| (epoch == self.epochs.live()).then_some(&self.chain.history));
        if history.is_some_and(|history| history.has(seen.id, &seen.tx_hash)) {
            return Ok(());
        }
        Err(format!("{} is not an event of epoch {epoch}", seen.id))
    }

    /// Checks that an event is missing for a reason. An event that was not there when it should have been sent is not
    /// sent later; a notice reports it.
    fn need_not_have_come(&self, id: EventId, by: ByWhat, log: &Log) -> Result<(), &'static str> {
        let of_touched = self.chain.stream_of(id).is_some_and(|stream_id| self.losses.touched.contains(&stream_id));
        if by == ByWhat::Parties && of_touched {
            return Ok(());
        }
        if !self.losses.is_late(id) {
            return Err("");
        }
        // Ledgers that stay given up need not have come back.
        if self.losses.is_given_up(id) {
            return Ok(());
        }
        let Some(since) = self.losses.late_since(id) else { return Ok(()) };
        let is_told = log.told.iter().any(|told| told.at >= since && (told.from..=told.to).contains(&id));
        if is_told { Ok(()) } else { Err(", and no notice reported that it came late") }
    }
}
