//! An input of ledgers, read one after the other.

use std::{
    io::{self, Cursor, Read},
    panic, thread,
};

use stellar_xdr::{LedgerCloseMeta, Limited, ReadXdr};

use super::{
    LIMITS, Ledger, LedgerFault, LedgerInputError,
    form::{Form, HEAD_BYTES, WHOLE_RECORD},
    unpack::{Counted, read_head, unpack},
};
use crate::domain::LedgerSequence;

/// Room for the deepest XDR within the limits, also in a build that is not optimized. The system gives a page only
/// when it is touched.
pub(super) const STACK_BYTES: usize = 256 << 20;

/// Reads the ledgers of an input and hands each to `each`, in their order, until the end or the first error. The
/// input is one `LedgerCloseMeta`, framed records of them, or a `LedgerCloseMetaBatch`; as it is, gzip or zstd. No
/// more than one ledger is held at a time, and the last of an input is handed on when the input is seen to end
/// there.
///
/// # Errors
/// That of `each`, or a [`LedgerInputError`] that says where and what.
pub fn read_ledgers<R, F, E>(input: R, each: F) -> Result<(), E>
where
    R: Read + Send,
    F: FnMut(&Ledger) -> Result<(), E> + Send,
    E: From<LedgerInputError> + Send,
{
    let reading = on_a_large_stack(|| read_on_this_stack(input, each));
    reading.unwrap_or_else(|failure| Err(at_start(LedgerFault::NoThread(failure)).into()))
}

/// Does the work on a thread of its own with room for the deepest XDR.
pub(super) fn on_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("ledgers".to_owned()).stack_size(STACK_BYTES);
        let working = thread.spawn_scoped(scope, work)?;
        Ok(working.join().unwrap_or_else(|payload| panic::resume_unwind(payload)))
    })
}

/// Reads as [`read_ledgers`] does, on the stack it is called on.
pub(super) fn read_on_this_stack<R, F, E>(input: R, mut each: F) -> Result<(), E>
where
    R: Read,
    F: FnMut(&Ledger) -> Result<(), E>,
    E: From<LedgerInputError>,
{
    let mut reader = LedgerReader::open(input).map_err(at_start)?;
    while let Some(ledger) = reader.next_ledger()? {
        each(&ledger)?;
    }
    Ok(())
}

fn at_start(fault: LedgerFault) -> LedgerInputError {
    LedgerInputError { ordinal: 1, offset: 0, fault }
}

struct LedgerReader<'a> {
    input: Counted<Box<dyn Read + 'a>>,
    ahead: Ahead,
    ordinal: u32,
}

/// What is still to be read.
#[derive(Clone, Copy)]
enum Ahead {
    One,
    Records,
    Batch { next: LedgerSequence, last: LedgerSequence },
    Nothing,
}

impl<'a> LedgerReader<'a> {
    fn open(input: impl Read + 'a) -> Result<Self, LedgerFault> {
        let mut unpacked = unpack(input)?;
        let head = read_head(&mut unpacked, HEAD_BYTES)?;
        let form = Form::of(&head)?;
        let mut input: Counted<Box<dyn Read>> = Counted::new(Box::new(Cursor::new(head).chain(unpacked)));
        let ahead = match form {
            Form::One => Ahead::One,
            Form::Framed => Ahead::Records,
            Form::Batch { first, last } => {
                read_head(&mut input, HEAD_BYTES)?;
                Ahead::Batch { next: first, last }
            }
        };
        Ok(Self { input, ahead, ordinal: 0 })
    }

    fn next_ledger(&mut self) -> Result<Option<Ledger>, LedgerInputError> {
        self.ordinal = self.ordinal.saturating_add(1);
        let read = match self.ahead {
            Ahead::Nothing => Ok(None),
            Ahead::One => self.read_last().map(Some),
            Ahead::Records => self.read_record(),
            Ahead::Batch { next, last } => self.read_of_batch(next, last).map(Some),
        };
        let (ordinal, offset) = (self.ordinal, self.input.offset);
        read.map_err(|fault| LedgerInputError { ordinal, offset, fault })
    }

    fn read_last(&mut self) -> Result<Ledger, LedgerFault> {
        self.ahead = Ahead::Nothing;
        let ledger = read_ledger(&mut self.input)?;
        if self.input.is_at_end()? { Ok(ledger) } else { Err(LedgerFault::TrailingBytes) }
    }

    fn read_of_batch(&mut self, next: LedgerSequence, last: LedgerSequence) -> Result<Ledger, LedgerFault> {
        self.ahead = Ahead::Batch { next: next.next(), last };
        let ledger = if next == last { self.read_last()? } else { read_ledger(&mut self.input)? };
        let found = ledger.header().sequence;
        if found == next { Ok(ledger) } else { Err(LedgerFault::NotInBatch { expected: next, found }) }
    }

    fn read_record(&mut self) -> Result<Option<Ledger>, LedgerFault> {
        if self.input.is_at_end()? {
            return Ok(None);
        }
        let mut head = [0; 4];
        self.input.read_exact(&mut head)?;
        let head = u32::from_be_bytes(head);
        let announced = head & !WHOLE_RECORD;
        if head == announced {
            return Err(LedgerFault::Fragment);
        }
        let mut record = (&mut self.input).take(announced.into());
        let read = read_ledger(&mut record);
        match (read, record.limit()) {
            (Ok(ledger), 0) => Ok(Some(ledger)),
            (Ok(_), _) | (Err(LedgerFault::CutShort), 0) => Err(LedgerFault::RecordLength { announced }),
            (Err(fault), _) => Err(fault),
        }
    }
}

fn read_ledger(input: &mut impl Read) -> Result<Ledger, LedgerFault> {
    let meta = LedgerCloseMeta::read_xdr(&mut Limited::new(input, LIMITS))?;
    Ledger::new(meta)
}
