//! What a person is told when something went wrong. It does not log and does not print.

use std::fmt;

use crate::ExitCode;

/// An error in words for a person: what happened, the detail, and what to do next.
///
/// It prints as up to three lines. Programs show it at their edge; pages show `what` and `hint` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What happened, in one sentence without a full stop.
    pub what: String,
    /// Why: usually the words of the layer below.
    pub detail: Option<String>,
    /// The one thing to do next.
    pub hint: Option<String>,
    /// The exit status of a program that ends with it.
    pub code: ExitCode,
}

impl Problem {
    /// A problem that so far says only what happened.
    pub fn new(code: ExitCode, what: impl Into<String>) -> Self {
        Self { what: what.into(), detail: None, hint: None, code }
    }

    /// Adds why.
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Adds the chain of causes of an error as the detail, joined by `: `.
    pub fn because(self, error: &dyn std::error::Error) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            text.push_str(": ");
            text.push_str(&inner.to_string());
            cause = inner.source();
        }
        self.detail(text)
    }

    /// Adds what to do next.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.what)?;
        if let Some(detail) = &self.detail {
            write!(formatter, "\n  detail: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(formatter, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
