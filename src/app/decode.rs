//! `decode`: reads XDR, and writes lines of JSON.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal, Read, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::BadConfig;
use crate::{
    domain::{ContractId, ContractUpgrade, EventKind, EventType, StreamEvent},
    xdr::{DecodeArgs, DecodeCommand, Decoded, EventArgs, LedgerArgs, LedgerEvent, decode_event_body, read_ledgers},
};

/// The reader of the output has closed it.
#[derive(Debug, Error)]
#[error("the output was closed")]
struct ReaderGone;

/// Prints what the arguments ask for.
pub(super) fn run(args: &DecodeArgs) -> anyhow::Result<ExitCode> {
    let printed = match &args.command {
        DecodeCommand::Ledger(args) => print_ledgers(args),
        DecodeCommand::Event(args) => print_events(args),
    };
    match printed {
        Err(failure) if !failure.is::<ReaderGone>() => Err(failure),
        Ok(()) | Err(_) => Ok(ExitCode::SUCCESS),
    }
}

fn print_ledgers(args: &LedgerArgs) -> anyhow::Result<()> {
    for file in &args.files {
        if file == Path::new("-") {
            print_ledgers_of(io::stdin(), args).context("standard input")?;
        } else {
            let opened = File::open(file).map_err(anyhow::Error::from);
            opened.and_then(|opened| print_ledgers_of(opened, args)).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

fn print_ledgers_of(input: impl Read + Send, args: &LedgerArgs) -> anyhow::Result<()> {
    let is_wanted = |contract_id: &ContractId| args.contracts.is_empty() || args.contracts.contains(contract_id);
    read_ledgers(input, |ledger| {
        if args.entries {
            let changes = ledger.entry_changes().into_iter().filter(|change| is_wanted(&change.contract_id));
            return print_lines(&changes.collect::<Vec<_>>());
        }
        let concerns_wanted =
            |event: &LedgerEvent| args.contracts.is_empty() || event.contract_id.as_ref().is_some_and(is_wanted);
        print_lines(&ledger.events().into_iter().filter(concerns_wanted).collect::<Vec<_>>())
    })
}

fn print_events(args: &EventArgs) -> anyhow::Result<()> {
    if let Some(value) = &args.value {
        return print_lines(&[EventLine::new(None, decode_event_body(EventKind::Contract, &args.topics, value, true))]);
    }
    let input = io::stdin();
    if input.is_terminal() {
        return Err(BadConfig("nothing to decode: give --value, or rows of getEvents on standard input".into()).into());
    }
    for row in serde_json::Deserializer::from_reader(BufReader::new(input)).into_iter::<EventRow>() {
        let row = row.context("standard input")?;
        let decoded = decode_event_body(row.kind(), &row.topic, &row.value, row.successful.unwrap_or(true));
        print_lines(&[EventLine::new(row.id, decoded)])?;
    }
    Ok(())
}

/// Writes all lines, or none if one cannot be made.
fn print_lines(lines: &[impl Serialize]) -> anyhow::Result<()> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    io::stdout().write_all(&text).map_err(|failure| match failure.kind() {
        io::ErrorKind::BrokenPipe => ReaderGone.into(),
        _ => anyhow::Error::from(failure).context("cannot write to standard output"),
    })
}

/// The part of a `getEvents` row, or of a line from `decode ledger`, that decoding needs.
#[derive(Deserialize)]
struct EventRow {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    topic: Vec<String>,
    value: String,
    #[serde(alias = "inSuccessfulContractCall")]
    successful: Option<bool>,
}

impl EventRow {
    fn kind(&self) -> EventKind {
        self.kind.as_deref().and_then(EventKind::of_word).unwrap_or(EventKind::Contract)
    }
}

#[derive(Serialize)]
struct EventLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Event {
        #[serde(rename = "type")]
        event_type: EventType,
        #[serde(flatten)]
        event: StreamEvent,
    },
    Upgrade {
        upgrade: ContractUpgrade,
    },
    Unknown {
        unknown: Option<String>,
    },
    Refused {
        refused: String,
    },
}

impl EventLine {
    fn new(id: Option<String>, decoded: Decoded) -> Self {
        let answer = match decoded {
            Decoded::Event(event) => Answer::Event { event_type: event.event_type(), event },
            Decoded::Upgrade(upgrade) => Answer::Upgrade { upgrade },
            Decoded::Unknown { name, .. } => Answer::Unknown { unknown: name },
            Decoded::Refused { refusal, .. } => Answer::Refused { refused: refusal.to_string() },
        };
        Self { id, answer }
    }
}
