//! The writing side: everything of one import in one transaction. It reads no files.

use std::sync::mpsc::{Receiver, Sender};

use rusqlite::Transaction;
use ytorch_core::{Clock, Problem, Zone};
use ytorch_store::{StoreError, rusqlite};

use super::{
    Phase, Target,
    message::{Finish, Gathered, Message},
};
use crate::store::{
    self, ImportId, ImportKind, Totals, Writer, Written,
    imports::{self, Counts},
};

/// Memory that SQLite may use for pages while an import runs, in KiB.
const CACHE_KIB: i64 = 24 * 1024;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// The reading side gave up before it was finished.
    #[error("the reading side gave up")]
    Abandoned,
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Failed {
    pub(super) fn problem(&self) -> Problem {
        match self {
            Self::Abandoned => Problem::new(ytorch_core::ExitCode::Failure, "the import was given up"),
            Self::Store(error) => error.problem("the import could not be written"),
        }
    }
}

/// Writes what comes until the finish, then adds up; the caller commits.
pub(super) fn write_all(
    transaction: &Transaction<'_>,
    messages: &Receiver<Message>,
    phases: &Sender<Phase>,
    target: &Target,
    zone: &Zone,
    clock: &Clock,
) -> Result<(ImportId, Counts), Failed> {
    transaction.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let result = write_and_finish(transaction, messages, phases, target, zone, clock);
    transaction.pragma_update(None, "cache_size", -2000)?;
    result
}

fn write_and_finish(
    transaction: &Transaction<'_>,
    messages: &Receiver<Message>,
    phases: &Sender<Phase>,
    target: &Target,
    zone: &Zone,
    clock: &Clock,
) -> Result<(ImportId, Counts), Failed> {
    if target.kind == ImportKind::Reingest {
        store::clear(transaction)?;
    }
    let (written, totals, finish) = write_groups(transaction, messages, zone)?;
    // The reading side may have stopped listening; then it has nobody to tell.
    let _ = phases.send(Phase::Summing);
    let outdated = store::totals_zone(transaction)?.as_deref() != Some(zone.name());
    match totals {
        Some(totals) => store::write_totals(transaction, &totals, zone)?,
        None if written.changed_anything() || outdated => store::rebuild(transaction, zone)?,
        None => {}
    }
    let id = match target.id {
        Some(id) => id,
        None => imports::insert(transaction, target.kind, target.started_at)?,
    };
    // An import that waited in the queue has its sources since then; which ones are read again is only known now.
    if target.id.is_none() || target.kind == ImportKind::Reingest {
        imports::insert_sources(transaction, id, &finish.sources)?;
    }
    let Gathered { records_total, skipped, rejected, rejections, members } = finish.gathered;
    let Written { views_added, views_known, .. } = written;
    let counts = Counts { records_total, views_added, views_known, skipped, rejected };
    imports::insert_members(transaction, id, &members)?;
    imports::insert_rejections(transaction, id, &rejections)?;
    imports::complete(transaction, id, &counts, target.started_at, clock.now())?;
    Ok((id, counts))
}

/// Writes every group. The totals come from memory if the first group was also the last that changed anything.
fn write_groups(
    transaction: &Transaction<'_>,
    messages: &Receiver<Message>,
    zone: &Zone,
) -> Result<(Written, Option<Totals>, Box<Finish>), Failed> {
    let (mut total, mut totals) = (Written::default(), None);
    let mut writer: Option<Writer<'_>> = None;
    loop {
        match messages.recv() {
            Ok(Message::Batch(batch)) => {
                if writer.is_none() {
                    writer = Some(Writer::new(transaction)?);
                }
                if let Some(writer) = &mut writer {
                    writer.write(&batch)?;
                }
            }
            Ok(Message::GroupEnd) => {
                if let Some(writer) = writer.take() {
                    let (written, new_totals) = writer.finish(zone)?;
                    total.add(written);
                    totals = if written.changed_anything() { new_totals } else { totals };
                }
            }
            Ok(Message::Finish(finish)) => return Ok((total, totals, finish)),
            Err(_) => return Err(Failed::Abandoned),
        }
    }
}
