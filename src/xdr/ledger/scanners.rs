//! Threads with large stacks that unpack ledgers and find what some contracts did in them.

use std::{
    io::{self, Read},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{
    LIMITS, LedgerContents, LedgerFault, LedgerInputError, LedgerScan,
    form::{Form, HEAD_BYTES},
    reader::{STACK_BYTES, read_on_this_stack},
    scan_ledger,
    unpack::{read_head, unpack},
};
use crate::domain::ContractId;

/// A thread keeps its buffer from one ledger to the next unless a rare, huge one made it larger than this.
const KEPT_BUFFER_BYTES: usize = 16 << 20;

/// A few threads that live as long as this value: starting one with a large stack for each ledger costs more than
/// most ledgers.
#[derive(Debug)]
pub struct LedgerScanners {
    jobs: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    packed: Bytes,
    contract_ids: Vec<ContractId>,
    contents: LedgerContents,
    answer: oneshot::Sender<Result<Vec<LedgerScan>, LedgerFault>>,
}

impl LedgerScanners {
    /// Starts the threads.
    ///
    /// # Errors
    /// Where the operating system gives no thread.
    pub fn start(threads: NonZeroUsize) -> io::Result<Self> {
        let (jobs, receiver) = mpsc::channel(threads.get());
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads.get() {
            let receiver = Arc::clone(&receiver);
            let thread = thread::Builder::new().name(format!("ledgers-{number}")).stack_size(STACK_BYTES);
            thread.spawn(move || work(&receiver))?;
        }
        Ok(Self { jobs })
    }

    /// Returns every ledger of the input with what the contracts did in it, as far as it is looked for. The input is one
    /// `LedgerCloseMeta` or a `LedgerCloseMetaBatch`, as it is, gzip or zstd.
    ///
    /// # Errors
    /// A [`LedgerFault`].
    pub async fn scan(
        &self,
        packed: Bytes,
        contract_ids: &[ContractId],
        contents: LedgerContents,
    ) -> Result<Vec<LedgerScan>, LedgerFault> {
        let (answer, answered) = oneshot::channel();
        let job = Job { packed, contract_ids: contract_ids.to_vec(), contents, answer };
        self.jobs.send(job).await.expect("the threads take jobs as long as this value lives");
        answered.await.expect("reading a ledger does not panic, whatever its bytes")
    }
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    let mut buffer = Vec::new();
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(job) = next else { return };
        let scans = scan_packed(&job.packed, &job.contract_ids, job.contents, &mut buffer);
        buffer.clear();
        buffer.shrink_to(KEPT_BUFFER_BYTES);
        // Who asked may have gone.
        let _ = job.answer.send(scans);
    }
}

fn scan_packed(
    packed: &[u8],
    contract_ids: &[ContractId],
    contents: LedgerContents,
    buffer: &mut Vec<u8>,
) -> Result<Vec<LedgerScan>, LedgerFault> {
    let mut unpacked = unpack(packed)?;
    let head = read_head(&mut unpacked, HEAD_BYTES)?;
    let is_one = match Form::of(&head)? {
        Form::One => true,
        Form::Batch { first, last } => first == last,
        Form::Framed => return Err(LedgerFault::UnknownForm),
    };
    if !is_one {
        return scan_several(packed, contract_ids, contents);
    }
    let limit = LIMITS.len + HEAD_BYTES;
    buffer.extend(head);
    unpacked.take(u64::try_from(limit).unwrap_or(u64::MAX)).read_to_end(buffer)?;
    if buffer.len() > limit {
        return Err(LedgerFault::TooLarge);
    }
    Ok(vec![scan_ledger(buffer, contract_ids, contents)?])
}

/// Where one of several ledgers ends shows only when it is read whole.
fn scan_several(
    packed: &[u8],
    contract_ids: &[ContractId],
    contents: LedgerContents,
) -> Result<Vec<LedgerScan>, LedgerFault> {
    let mut scans = Vec::new();
    let read = read_on_this_stack(packed, |ledger| {
        let entries = match contents {
            LedgerContents::Events => Vec::new(),
            LedgerContents::EventsAndEntries => ledger.contract_entry_changes(contract_ids),
        };
        let events = ledger.contract_events(contract_ids);
        scans.push(LedgerScan { header: ledger.header().clone(), events, entries });
        Ok(())
    });
    read.map_err(|error: LedgerInputError| error.fault)?;
    Ok(scans)
}
