//! What can go wrong with a real server, on request: each fault applies to the next requests, of one endpoint or of
//! all, as often as asked for or until cleared.

use serde::Deserialize;

use super::rpc_error::METHOD_NOT_FOUND;

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
    #[serde(alias = "stale")]
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
    /// Neither `getEvents` nor `getLedgers` may be asked for more than so many at a time, as providers of lower limits
    /// have it.
    LimitRefused {
        /// How many.
        limit: u32,
    },
    /// `getEvents` takes too long, error -32001, where it would look at more ledgers than this.
    ProcessingLimit {
        /// How many ledgers are within reach.
        ledgers: u32,
        /// With it, what counts for a request by cursor is not its window but its `limit`: more events than this
        /// take too long.
        #[serde(default)]
        events: Option<u32>,
    },
    /// Pages of `getEvents` begin with events that the cursor has passed, as those of another replica may.
    DuplicatePages,
    /// The node is one of another network: `getNetwork` tells another passphrase.
    OtherPassphrase,
    /// The node follows another chain of the same length: `getLedgers` and `getLatestLedger` tell other hashes.
    OtherChain,
    /// The node missed the network's last reset: it still serves the chain from before, which has stopped. No effect
    /// where there was no reset.
    BeforeReset,
    /// The node does not know `getLedgers`.
    NoLedgers,
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
        matches!(
            self,
            Self::Status { .. } | Self::RpcError { .. } | Self::CutBody | Self::EmptyPages { .. } | Self::NoLedgers
        )
    }

    /// Returns the methods whose requests the fault waits for; none stands for all.
    const fn methods(&self) -> &'static [&'static str] {
        match self {
            Self::EmptyPages { .. } | Self::PageLimit { .. } | Self::ProcessingLimit { .. } | Self::DuplicatePages => {
                &["getEvents"]
            }
            Self::LimitRefused { .. } => &["getEvents", "getLedgers"],
            Self::OtherPassphrase => &["getNetwork"],
            Self::OtherChain => &["getLedgers", "getLatestLedger"],
            Self::NoLedgers => &["getLedgers"],
            _ => &[],
        }
    }

    fn concerns(&self, method: &str) -> bool {
        self.methods().is_empty() || self.methods().contains(&method)
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
    /// `None`: all of them.
    endpoint: Option<String>,
    /// `None`: until cleared.
    times: Option<u32>,
}

/// What a request meets.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(super) struct Met {
    pub(super) answer: Option<Fault>,
    pub(super) ledgers_behind: u32,
    pub(super) retention_ledgers: Option<u32>,
    pub(super) page_limit: Option<u32>,
    pub(super) processing_limit: Option<ProcessingLimit>,
    pub(super) duplicate_pages: bool,
    pub(super) other_passphrase: bool,
    pub(super) other_chain: bool,
    pub(super) before_reset: bool,
    pub(super) delay_ms: u64,
}

/// How much a request for events may ask for before it takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessingLimit {
    pub(super) ledgers: u32,
    pub(super) events: Option<u32>,
}

impl Faults {
    /// Adds a fault for the next `times` requests to an endpoint, or to all together, or until cleared.
    pub(super) fn add(&mut self, fault: Fault, endpoint: Option<String>, times: Option<u32>) {
        self.waiting.push(Waiting { fault, endpoint, times });
    }

    /// Removes every fault.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Removes the faults that were meant for this endpoint alone.
    pub(super) fn clear_at(&mut self, endpoint: &str) {
        self.waiting.retain(|waiting| waiting.endpoint.as_deref() != Some(endpoint));
    }

    /// Returns what the next request meets, and counts it: the first fault that answers, and every fault that
    /// bends the answer.
    pub(super) fn meet(&mut self, endpoint: &str, method: &str) -> Met {
        let mut met = Met::default();
        for waiting in &mut self.waiting {
            let later = waiting.fault.answers() && met.answer.is_some();
            let is_elsewhere = waiting.endpoint.as_deref().is_some_and(|at| at != endpoint);
            if later || is_elsewhere || !waiting.fault.concerns(method) || waiting.times == Some(0) {
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
            Fault::PageLimit { limit } | Fault::LimitRefused { limit } => self.page_limit = Some(*limit),
            Fault::ProcessingLimit { ledgers, events } => {
                self.processing_limit = Some(ProcessingLimit { ledgers: *ledgers, events: *events });
            }
            Fault::DuplicatePages => self.duplicate_pages = true,
            Fault::OtherPassphrase => self.other_passphrase = true,
            Fault::OtherChain => self.other_chain = true,
            Fault::BeforeReset => self.before_reset = true,
            Fault::NoLedgers => self.answer = Some(Fault::RpcError { code: METHOD_NOT_FOUND, message: None }),
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
        faults.add(Fault::NodeBehind { ledgers: 3 }, None, None);
        faults.add(Fault::CutBody, None, Some(1));
        faults.add(Fault::Status { status: 503, retry_after_seconds: None }, None, Some(2));
        let answers: Vec<_> = (0..4).map(|_| faults.meet("main", "getEvents")).collect();
        let unavailable = Some(Fault::Status { status: 503, retry_after_seconds: None });
        let expected = [Some(Fault::CutBody), unavailable.clone(), unavailable, None];
        assert_eq!(answers.iter().map(|met| met.answer.clone()).collect::<Vec<_>>(), expected);
        assert!(answers.iter().all(|met| met.ledgers_behind == 3));
    }

    #[test]
    fn faults_of_pages_wait_for_a_request_for_events() {
        let mut faults = Faults::default();
        faults.add(Fault::EmptyPages { ledgers: 0 }, None, Some(1));
        assert_eq!(faults.meet("main", "getHealth"), Met::default());
        assert_eq!(faults.meet("main", "getEvents").answer, Some(Fault::EmptyPages { ledgers: 0 }));
    }

    #[test]
    fn a_fault_of_one_endpoint_is_not_met_at_another() {
        let mut faults = Faults::default();
        faults.add(Fault::NodeBehind { ledgers: 3 }, Some("b".to_owned()), None);
        faults.add(Fault::Delay { delay_ms: 5 }, None, None);
        assert_eq!(faults.meet("main", "getHealth"), Met { delay_ms: 5, ..Met::default() });
        assert_eq!(faults.meet("b", "getHealth"), Met { delay_ms: 5, ledgers_behind: 3, ..Met::default() });
        faults.clear_at("b");
        assert_eq!(faults.meet("b", "getHealth"), Met { delay_ms: 5, ..Met::default() });
    }

    #[test]
    fn a_node_that_is_behind_is_called_stale_too() {
        let stale: Fault = serde_json::from_str(r#"{"kind":"stale","ledgers":4}"#).unwrap();
        assert_eq!(stale, Fault::NodeBehind { ledgers: 4 });
    }
}
