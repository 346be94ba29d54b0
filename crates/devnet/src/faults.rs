//! Failures of a real server, on request. Each fault applies to the next requests, at one endpoint or at all of them, a
//! number of times or until cleared.

use serde::Deserialize;

use super::rpc_error::METHOD_NOT_FOUND;

/// A failure of Stellar RPC.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// An HTTP status with an HTML page, as a load balancer sends it.
    Status {
        /// The status.
        status: u16,
        /// The `Retry-After` header, if it is to be sent.
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
    /// The correct answer, cut off in the middle.
    CutBody,
    /// Pages of `getEvents` without events although there are some. The cursor moves on by this many ledgers; with 0 it
    /// does not move.
    EmptyPages {
        /// How many ledgers the page claims to have covered.
        ledgers: u32,
    },
    /// The node is this many ledgers behind.
    #[serde(alias = "stale")]
    NodeBehind {
        /// The number of ledgers.
        ledgers: u32,
    },
    /// The node has dropped all ledgers except this many.
    Retention {
        /// The number of ledgers that remain.
        ledgers: u32,
    },
    /// Pages of `getEvents` have at most this many events, and requests for more are refused.
    PageLimit {
        /// The number of events.
        limit: u32,
    },
    /// `getEvents` and `getLedgers` refuse requests for more than this at once, as providers with lower limits do.
    LimitRefused {
        /// The limit.
        limit: u32,
    },
    /// `getEvents` takes too long (error -32001) if it would cover more ledgers than this.
    ProcessingLimit {
        /// The number of ledgers that it can cover.
        ledgers: u32,
        /// If set, a request by cursor is judged by its `limit` instead of its window: more events than this take too
        /// long.
        #[serde(default)]
        events: Option<u32>,
    },
    /// Pages of `getEvents` begin with events before the cursor, as those of another replica may.
    DuplicatePages,
    /// The node belongs to another network: `getNetwork` returns another passphrase.
    OtherPassphrase,
    /// The node follows another chain of the same length: `getLedgers` and `getLatestLedger` return other hashes.
    OtherChain,
    /// The node missed the network's last reset: it still serves the earlier chain, which has stopped. It has no effect
    /// if there was no reset.
    BeforeReset,
    /// The node does not know `getLedgers`.
    NoLedgers,
    /// The network starts over immediately: at the first ledger, with later close times and without anything from
    /// before.
    Reset,
    /// The answer is delayed.
    Delay {
        /// The length of the delay.
        delay_ms: u64,
    },
}

impl Fault {
    /// Returns whether the fault replaces the answer; a request meets at most one such fault.
    const fn answers(&self) -> bool {
        matches!(
            self,
            Self::Status { .. } | Self::RpcError { .. } | Self::CutBody | Self::EmptyPages { .. } | Self::NoLedgers
        )
    }

    /// Returns the methods that the fault applies to; an empty list means all.
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
    /// `None` means all endpoints.
    endpoint: Option<String>,
    /// `None` means until cleared.
    times: Option<u32>,
}

/// The faults that a request meets.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(super) struct InjectedFaults {
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

/// How much a request for events may cover before it takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProcessingLimit {
    pub(super) ledgers: u32,
    pub(super) events: Option<u32>,
}

impl Faults {
    /// Adds a fault for the next `times` requests to one endpoint or to all of them, or until cleared.
    pub(super) fn add(&mut self, fault: Fault, endpoint: Option<String>, times: Option<u32>) {
        self.waiting.push(Waiting { fault, endpoint, times });
    }

    /// Removes every fault.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Removes the faults of this endpoint alone.
    pub(super) fn clear_at(&mut self, endpoint: &str) {
        self.waiting.retain(|waiting| waiting.endpoint.as_deref() != Some(endpoint));
    }

    /// Returns the faults that the next request meets, and counts the request: the first fault that replaces the
    /// answer, and every fault that changes it.
    pub(super) fn take(&mut self, endpoint: &str, method: &str) -> InjectedFaults {
        let mut injected = InjectedFaults::default();
        for waiting in &mut self.waiting {
            let later = waiting.fault.answers() && injected.answer.is_some();
            let is_elsewhere = waiting.endpoint.as_deref().is_some_and(|at| at != endpoint);
            if later || is_elsewhere || !waiting.fault.concerns(method) || waiting.times == Some(0) {
                continue;
            }
            waiting.times = waiting.times.map(|times| times - 1);
            injected.add(&waiting.fault);
        }
        self.waiting.retain(|waiting| waiting.times != Some(0));
        injected
    }
}

impl InjectedFaults {
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
    fn each_request_meets_one_replaced_answer_and_every_change() {
        let mut faults = Faults::default();
        faults.add(Fault::NodeBehind { ledgers: 3 }, None, None);
        faults.add(Fault::CutBody, None, Some(1));
        faults.add(Fault::Status { status: 503, retry_after_seconds: None }, None, Some(2));
        let answers: Vec<_> = (0..4).map(|_| faults.take("main", "getEvents")).collect();
        let unavailable = Some(Fault::Status { status: 503, retry_after_seconds: None });
        let expected = [Some(Fault::CutBody), unavailable.clone(), unavailable, None];
        assert_eq!(answers.iter().map(|injected| injected.answer.clone()).collect::<Vec<_>>(), expected);
        assert!(answers.iter().all(|injected| injected.ledgers_behind == 3));
    }

    #[test]
    fn faults_of_event_pages_wait_for_a_request_for_events() {
        let mut faults = Faults::default();
        faults.add(Fault::EmptyPages { ledgers: 0 }, None, Some(1));
        assert_eq!(faults.take("main", "getHealth"), InjectedFaults::default());
        assert_eq!(faults.take("main", "getEvents").answer, Some(Fault::EmptyPages { ledgers: 0 }));
    }

    #[test]
    fn a_fault_of_one_endpoint_is_not_met_at_another() {
        let mut faults = Faults::default();
        faults.add(Fault::NodeBehind { ledgers: 3 }, Some("b".to_owned()), None);
        faults.add(Fault::Delay { delay_ms: 5 }, None, None);
        assert_eq!(faults.take("main", "getHealth"), InjectedFaults { delay_ms: 5, ..InjectedFaults::default() });
        assert_eq!(
            faults.take("b", "getHealth"),
            InjectedFaults { delay_ms: 5, ledgers_behind: 3, ..InjectedFaults::default() }
        );
        faults.clear_at("b");
        assert_eq!(faults.take("b", "getHealth"), InjectedFaults { delay_ms: 5, ..InjectedFaults::default() });
    }

    #[test]
    fn a_node_that_is_behind_may_also_be_called_stale() {
        let stale: Fault = serde_json::from_str(r#"{"kind":"stale","ledgers":4}"#).unwrap();
        assert_eq!(stale, Fault::NodeBehind { ledgers: 4 });
    }
}
