//! How far a long work is: a bar on a terminal, else a line every few seconds. It is silent where nobody asked.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::{
    output::{Output, stderr_is_terminal},
    size,
};

const LINE_EVERY: Duration = Duration::from_secs(3);
/// What takes less than this needs no line.
const FIRST_LINE: Duration = Duration::from_secs(1);

/// The shown progress of one command.
pub(crate) struct Progress {
    output: Output,
    bar: Option<ProgressBar>,
    begun: Instant,
    last_line: Option<Instant>,
}

impl Progress {
    /// A bar if a person looks at standard error, lines if not, nothing with `--quiet` or `--json`.
    pub(crate) fn new(output: Output) -> Self {
        let shown = stderr_is_terminal() && !output.quiet && !output.json;
        let bar = shown.then(|| {
            let style = ProgressStyle::with_template("{msg:<28} {wide_bar} {percent:>3} %  {bytes} of {total_bytes}")
                .expect("the template has only known fields");
            ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr_with_hz(10)).with_style(style)
        });
        Self { output, bar, begun: Instant::now(), last_line: None }
    }

    /// Shows where a phase is.
    pub(crate) fn show(&mut self, phase: &str, bytes_done: u64, bytes_total: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(phase.to_owned());
            bar.set_length(bytes_total);
            bar.set_position(bytes_done);
            return;
        }
        let is_due = match self.last_line {
            None => self.begun.elapsed() >= FIRST_LINE,
            Some(last) => last.elapsed() >= LINE_EVERY,
        };
        if is_due {
            self.last_line = Some(Instant::now());
            self.output.note(&line(phase, bytes_done, bytes_total));
        }
    }

    /// Shows the progress object of an import.
    pub(crate) fn show_import(&mut self, progress: &Value) {
        let number = |name: &str| progress.get(name).and_then(Value::as_u64).unwrap_or_default();
        let phase = progress.get("phase").and_then(Value::as_str).unwrap_or("waiting");
        let records = number("records");
        let words = if records == 0 { phase.to_owned() } else { format!("{phase}, {records} records") };
        self.show(&words, number("bytes_done"), number("bytes_total"));
    }

    /// Takes the bar away, so that what follows stands alone.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(phase: &str, bytes_done: u64, bytes_total: u64) -> String {
    match (bytes_done * 100).checked_div(bytes_total) {
        Some(percent) => format!("{phase}: {percent} % of {}", size::in_words(bytes_total)),
        None => phase.to_owned(),
    }
}

/// A reader that shows how much of it was read.
pub(crate) struct Counted<'a, R> {
    /// What is read.
    pub inner: R,
    /// Where it is shown.
    pub progress: &'a mut Progress,
    /// What is being done.
    pub phase: &'static str,
    /// Read so far.
    pub bytes_done: u64,
    /// To be read in all.
    pub bytes_total: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.bytes_done += count as u64;
        self.progress.show(self.phase, self.bytes_done, self.bytes_total);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_the_phase_and_the_share() {
        assert_eq!(line("reading", 512, 1024), "reading: 50 % of 1.0 KiB");
        assert_eq!(line("summing", 0, 0), "summing");
    }
}
