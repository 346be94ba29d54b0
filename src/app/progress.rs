//! The progress of long work: a bar with rate and remaining time on a terminal, otherwise a line now and then, or JSON
//! for programs.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows the progress of long work on standard error, or as JSON on standard output.
pub(super) struct Progress {
    unit: &'static str,
    started: Instant,
    shown: Instant,
    form: Form,
}

enum Form {
    Bar(ProgressBar),
    Lines,
    Json,
}

impl Progress {
    /// Starts a display that counts in `unit`.
    pub(super) fn new(unit: &'static str, json: bool) -> Self {
        let form = if json {
            Form::Json
        } else if std::io::stderr().is_terminal() {
            let text = format!(
                "{{bar:40}} {{percent:>3}} %  {{human_pos}} of {{human_len}} {unit}, {{rate}} a second, {{eta}} left  {{msg}}"
            );
            let style =
                ProgressStyle::with_template(&text).expect("the template is a valid constant").with_key("rate", rate);
            Form::Bar(ProgressBar::new(0).with_style(style))
        } else {
            Form::Lines
        };
        Self { unit, started: Instant::now(), shown: Instant::now(), form }
    }

    /// Shows that `done` of `in_all` is done, followed by `note`.
    pub(super) fn show(&mut self, done: u64, in_all: u64, note: &str) {
        if let Form::Bar(bar) = &self.form {
            bar.set_length(in_all);
            bar.set_position(done);
            bar.set_message(note.to_owned());
        } else if self.is_due() {
            self.print(done, in_all, note);
        }
    }

    fn print(&self, done: u64, in_all: u64, note: &str) {
        let unit = self.unit;
        if matches!(self.form, Form::Json) {
            println!("{}", json!({"done": done, "of": in_all, "unit": unit, "note": note}));
            return;
        }
        let rate = done / self.started.elapsed().as_secs().max(1);
        let left = in_all.saturating_sub(done).checked_div(rate);
        let left = left.map_or(String::new(), |seconds| format!(", {seconds} s left"));
        eprintln!("{done} of {in_all} {unit}, {rate} a second{left}  {note}");
    }

    /// Ends the display, and leaves its last state visible.
    pub(super) fn finish(self) {
        if let Form::Bar(bar) = &self.form {
            bar.abandon();
        }
    }

    fn is_due(&mut self) -> bool {
        let due = self.shown.elapsed() >= LINE_INTERVAL;
        if due {
            self.shown = Instant::now();
        }
        due
    }
}

fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // A failure to draw the bar does not matter.
    let _ = write!(text, "{:.0}", state.per_sec());
}
