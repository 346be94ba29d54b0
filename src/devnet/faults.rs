//! What can go wrong with a real server, on request: each fault applies to the next requests, as often as asked for
//! or until cleared.

use serde::Deserialize;

/// Something that goes wrong with Stellar RPC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// An HTTP status with a page of HTML, as a load balancer answers.
    Status {
        /// The status.
        status: u16,
        /// The header `Retry-After`, if it is to be sent.
        #[serde(default)]
        retry_after_seconds: Option<u32>,
    },
    /// A JSON-RPC error.
    RpcError {
        /// Its code, such as -32001 or -32603.
        code: i32,
        /// Its text; by default the server's own for the code.
        #[serde(default)]
        message: Option<String>,
    },
    /// The right answer, broken off in the middle.
    CutBody,
    /// Pages of `getEvents` without events, although there are some: the cursor moves on by so many ledgers, with 0
    /// not at all.
    EmptyPages {
        /// How many ledgers the page claims to have looked at.
        ledgers: u32,
    },
    /// The node is behind by so many ledgers.
    NodeBehind {
        /// How many.
        ledgers: u32,
    },
    /// The node has dropped all but so many ledgers.
    Retention {
        /// How many it has left.
        ledgers: u32,
    },
    /// Pages of `getEvents` have at most so many events; more must not be asked for.
    PageLimit {
        /// How many.
        limit: u32,
    },
    /// The network starts over at once: the first ledger again, later close times, nothing of what was before.
    Reset,
    /// The answer takes its time.
    Delay {
        /// How long.
        delay_ms: u64,
    },
}

impl Fault {
    /// Faults that are an answer of their own; a request meets one of them at most.
    const fn answers(&self) -> bool {
        matches!(self, Self::Status { .. } | Self::RpcError { .. } | Self::CutBody | Self::EmptyPages { .. })
    }

    /// Faults that wait for a request for events.
    const fn speaks_of_pages(&self) -> bool {
        matches!(self, Self::EmptyPages { .. } | Self::PageLimit { .. })
    }
}

/// The faults that wait for requests.
#[derive(Debug, Default)]
pub(super) struct Faults {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    /// `None`: until cleared.
    times: Option<u32>,
}

/// What a request meets.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) answer: Option<Fault>,
    pub(super) ledgers_behind: u32,
    pub(super) retention_ledgers: Option<u32>,
    pub(super) page_limit: Option<u32>,
    pub(super) delay_ms: u64,
}

impl Faults {
    /// Adds a fault for the next `times` requests, or until cleared.
    pub(super) fn add(&mut self, fault: Fault, times: Option<u32>) {
        self.waiting.push(Waiting { fault, times });
    }

    /// Removes every fault.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Returns what the next request meets, and counts it: the first fault that answers, and every fault that
    /// bends the answer.
    pub(super) fn meet(&mut self, asks_for_events: bool) -> Met {
        let mut met = Met::default();
        for waiting in &mut self.waiting {
            let later = waiting.fault.answers() && met.answer.is_some();
            if later || (waiting.fault.speaks_of_pages() && !asks_for_events) || waiting.times == Some(0) {
                continue;
            }
            waiting.times = waiting.times.map(|times| times - 1);
            met.add(&waiting.fault);
        }
        self.waiting.retain(|waiting| waiting.times != Some(0));
        met
    }
}

impl Met {
    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::NodeBehind { ledgers } => self.ledgers_behind = *ledgers,
            Fault::Retention { ledgers } => self.retention_ledgers = Some(*ledgers),
            Fault::PageLimit { limit } => self.page_limit = Some(*limit),
            Fault::Delay { delay_ms } => self.delay_ms = *delay_ms,
            answer => self.answer = Some(answer.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_meets_one_answer_and_every_bend() {
        let mut faults = Faults::default();
        faults.add(Fault::NodeBehind { ledgers: 3 }, None);
        faults.add(Fault::CutBody, Some(1));
        faults.add(Fault::Status { status: 503, retry_after_seconds: None }, Some(2));
        let answers: Vec<_> = (0..4).map(|_| faults.meet(true)).collect();
        let unavailable = Some(Fault::Status { status: 503, retry_after_seconds: None });
        let expected = [Some(Fault::CutBody), unavailable.clone(), unavailable, None];
        assert_eq!(answers.iter().map(|met| met.answer.clone()).collect::<Vec<_>>(), expected);
        assert!(answers.iter().all(|met| met.ledgers_behind == 3));
    }

    #[test]
    fn faults_of_pages_wait_for_a_request_for_events() {
        let mut faults = Faults::default();
        faults.add(Fault::EmptyPages { ledgers: 0 }, Some(1));
        assert_eq!(faults.meet(false), Met::default());
        assert_eq!(faults.meet(true).answer, Some(Fault::EmptyPages { ledgers: 0 }));
    }
}
