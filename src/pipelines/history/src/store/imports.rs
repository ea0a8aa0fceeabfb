//! Imports and what they counted: every query on them. It does not write views.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use utoipa::ToSchema;
use ytorch_core::{Problem, Timestamp};
use ytorch_jobs::{JobId, Progress as JobProgress};
use ytorch_store::rusqlite;
use ytorch_web::document::Instant;

use crate::ingest::Progress;

/// Which import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ImportId(pub(crate) i64);

impl std::fmt::Display for ImportId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

/// What an import reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportKind {
    /// Files that have just come.
    Import,
    /// All kept files again, into an emptied history.
    Reingest,
}

/// Where an import is in its life. `Running` is never stored: it is queued work that a live job has under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImportStatus {
    /// It waits for the one before it.
    Queued,
    /// It is under way.
    Running,
    /// It is complete.
    Done,
    /// It changed nothing; the problem says why.
    Failed,
}

/// Records that are no views, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Skipped {
    /// Advertisements.
    pub ads: u64,
    /// Community posts.
    pub posts: u64,
    /// Removed videos of which the export keeps no address.
    pub removed_without_id: u64,
    /// Searches, polls, visits, stories and the like.
    pub other: u64,
}

impl Skipped {
    /// All together.
    pub fn total(self) -> u64 {
        self.ads + self.posts + self.removed_without_id + self.other
    }
}

/// What an import counted. `records_total` is the sum of all the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Counts {
    /// Records found.
    pub records_total: u64,
    /// Views that were new.
    pub views_added: u64,
    /// Views that were known: from an earlier import, or twice in this one.
    pub views_known: u64,
    /// Records that are no views.
    pub skipped: Skipped,
    /// Records that could not be read.
    pub rejected: u64,
}

/// A file of an import, as received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportSource)]
pub struct SourceRow {
    /// What the person called it.
    pub name: String,
    /// Of its bytes, in hexadecimal; also its name in `data/raw`.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

/// What was found inside a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    /// Position of its source in the import.
    pub source: u64,
    /// Its path inside the archive; the file's name where there is none.
    pub path: String,
    /// What it is, in a few words.
    pub found: String,
    /// Records read from it.
    pub records: u64,
    /// Of them, records that could not be read.
    pub rejected: u64,
    /// Why it was left out, or what to know about it.
    pub note: Option<String>,
}

/// A record that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Rejection)]
pub struct RejectionRow {
    /// In which file.
    pub path: String,
    /// Which record of it, from 1.
    pub record: u64,
    /// Where it begins, in bytes from the start of the unpacked file.
    pub byte_offset: u64,
    /// Why.
    pub reason: String,
    /// Its beginning.
    pub excerpt: String,
}

/// A problem as it is kept with an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportProblem)]
pub struct KeptProblem {
    /// What happened.
    pub what: String,
    /// Why.
    pub detail: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The exit status of a program that ends with it.
    pub code: u8,
}

/// One import, as pages and the API show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Import {
    /// Its number.
    #[schema(value_type = i64)]
    pub id: ImportId,
    /// What it reads.
    pub kind: ImportKind,
    /// Where it is in its life.
    pub status: ImportStatus,
    /// Its files.
    pub sources: Vec<SourceRow>,
    /// What it counted; all zero until it is done.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it was asked for.
    #[schema(value_type = Instant)]
    pub created_at: Timestamp,
    /// When it began.
    #[schema(value_type = Option<Instant>)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(value_type = Option<Instant>)]
    pub ended_at: Option<Timestamp>,
    /// From its beginning to its end, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Why it failed.
    pub problem: Option<KeptProblem>,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    #[serde(skip)]
    pub(crate) job: Option<i64>,
}

impl Import {
    /// Fills in what only a running server knows.
    pub fn with_progress(mut self, of: impl FnOnce(JobId) -> Option<JobProgress>) -> Self {
        if self.status == ImportStatus::Queued
            && let Some(progress) = self.job.and_then(|job| of(JobId::from_raw(job)))
        {
            self.status = ImportStatus::Running;
            self.progress = Progress::of_job(&progress);
        }
        self
    }
}

pub(crate) fn insert(connection: &Connection, kind: ImportKind, now: Timestamp) -> rusqlite::Result<ImportId> {
    let kind = match kind {
        ImportKind::Import => "import",
        ImportKind::Reingest => "reingest",
    };
    let id = connection
        .prepare_cached("insert into history_import (kind, status, created_at) values (?, 'queued', ?)")?
        .insert(params![kind, now.as_micros()])?;
    Ok(ImportId(id))
}

pub(crate) fn set_job(connection: &Connection, id: ImportId, job: JobId) -> rusqlite::Result<()> {
    connection.prepare_cached("update history_import set job = ? where import = ?")?.execute([job.as_raw(), id.0])?;
    Ok(())
}

pub(crate) fn insert_sources(connection: &Connection, id: ImportId, sources: &[SourceRow]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("insert into history_source values (?, ?, ?, ?, ?)")?;
    for (position, source) in sources.iter().enumerate() {
        insert.execute(params![id.0, position, source.name, source.sha256, source.size_bytes])?;
    }
    Ok(())
}

pub(crate) fn sources(connection: &Connection, id: ImportId) -> rusqlite::Result<Vec<SourceRow>> {
    connection
        .prepare_cached("select name, sha256, size_bytes from history_source where import = ? order by position")?
        .query_map([id.0], source_row)?
        .collect()
}

/// The files of every completed import, each once, in the order in which they came.
pub(crate) fn kept_sources(connection: &Connection) -> rusqlite::Result<Vec<Vec<SourceRow>>> {
    let imports: Vec<i64> = connection
        .prepare_cached("select import from history_import where kind = 'import' and status = 'done' order by import")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let orphans = adopted(connection)?.into_iter().map(|source| Ok(vec![source]));
    orphans.chain(imports.into_iter().map(|import| sources(connection, ImportId(import)))).collect()
}

/// Files that only a reingest knows: it found them in `data/raw` when the database was a new one.
fn adopted(connection: &Connection) -> rusqlite::Result<Vec<SourceRow>> {
    connection
        .prepare_cached(
            "select distinct name, sha256, size_bytes from history_source join history_import using (import)
             where kind = 'reingest' and status = 'done' and sha256 not in (
                 select sha256 from history_source join history_import using (import)
                 where kind = 'import' and status = 'done'
             ) order by sha256",
        )?
        .query_map([], source_row)?
        .collect()
}

/// Whether a kept file belongs to an import that is done or still to come.
pub(crate) fn is_used(connection: &Connection, sha256: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "select exists (select 1 from history_source join history_import using (import)
             where sha256 = ? and status <> 'failed')",
        )?
        .query_row([sha256], |row| row.get(0))
}

/// Says that an import is complete, in the transaction of its views.
pub(crate) fn complete(
    connection: &Connection,
    id: ImportId,
    counts: &Counts,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> rusqlite::Result<()> {
    let Counts { records_total, views_added, views_known, skipped, rejected } = counts;
    let Skipped { ads, posts, removed_without_id, other } = skipped;
    connection
        .prepare_cached(
            "update history_import set status = 'done', started_at = ?, ended_at = ?, records_total = ?, views_added = ?,
                 views_known = ?, skipped_ads = ?, skipped_posts = ?, skipped_removed_without_id = ?, skipped_other = ?,
                 rejected = ?
             where import = ?",
        )?
        .execute(params![
            started_at.as_micros(),
            ended_at.as_micros(),
            records_total,
            views_added,
            views_known,
            ads,
            posts,
            removed_without_id,
            other,
            rejected,
            id.0
        ])?;
    Ok(())
}

pub(crate) fn insert_members(connection: &Connection, id: ImportId, members: &[MemberRow]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("insert into history_member values (?, ?, ?, ?, ?, ?, ?, ?)")?;
    for (position, member) in members.iter().enumerate() {
        let MemberRow { source, path, found, records, rejected, note } = member;
        insert.execute(params![id.0, position, source, path, found, records, rejected, note])?;
    }
    Ok(())
}

pub(crate) fn insert_rejections(
    connection: &Connection,
    id: ImportId,
    rejections: &[RejectionRow],
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached("insert into history_rejection values (?, ?, ?, ?, ?, ?, ?)")?;
    for (position, rejection) in rejections.iter().enumerate() {
        let RejectionRow { path, record, byte_offset, reason, excerpt } = rejection;
        insert.execute(params![id.0, position, path, record, byte_offset, reason, excerpt])?;
    }
    Ok(())
}

/// Says that an import that was to be done will not be.
pub(crate) fn abandon(connection: &Connection, id: ImportId, reason: &str) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update history_import set status = 'failed', problem_what = ?2, problem_code = 1,
                 problem_hint = 'try the job again on the page of jobs, or import the export again'
             where import = ?1 and status = 'queued'",
        )?
        .execute(params![id.0, format!("the import did not end: {reason}")])?;
    Ok(())
}

/// Says that a failed import is to be done after all.
pub(crate) fn revive(connection: &Connection, id: ImportId) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update history_import set status = 'queued', started_at = null, ended_at = null, problem_what = null,
                 problem_detail = null, problem_hint = null, problem_code = null
             where import = ? and status = 'failed'",
        )?
        .execute([id.0])?;
    Ok(())
}

/// Says that an import failed, and why.
pub(crate) fn fail(
    connection: &Connection,
    id: ImportId,
    problem: &Problem,
    started_at: Timestamp,
    ended_at: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "update history_import set status = 'failed', started_at = ?, ended_at = ?, problem_what = ?, problem_detail = ?,
                 problem_hint = ?, problem_code = ?
             where import = ? and status = 'queued'",
        )?
        .execute(params![
            started_at.as_micros(),
            ended_at.as_micros(),
            problem.what,
            problem.detail,
            problem.hint,
            problem.code as u8,
            id.0
        ])?;
    Ok(())
}

const COLUMNS: &str = "import, kind, status, created_at, started_at, ended_at, records_total, views_added, views_known,
    skipped_ads, skipped_posts, skipped_removed_without_id, skipped_other, rejected, problem_what, problem_detail,
    problem_hint, job, problem_code";

/// One import.
pub fn find(connection: &Connection, id: ImportId) -> rusqlite::Result<Option<Import>> {
    let found = connection
        .prepare_cached(&format!("select {COLUMNS} from history_import where import = ?"))?
        .query_row([id.0], import_row)
        .optional()?;
    found.map(|import| with_sources(connection, import)).transpose()
}

/// Imports, newest first, `limit` of them after `offset`.
pub fn list(connection: &Connection, limit: u32, offset: u64) -> rusqlite::Result<Vec<Import>> {
    let imports: Vec<Import> = connection
        .prepare_cached(&format!("select {COLUMNS} from history_import order by import desc limit ? offset ?"))?
        .query_map(params![limit, offset], import_row)?
        .collect::<rusqlite::Result<_>>()?;
    imports.into_iter().map(|import| with_sources(connection, import)).collect()
}

/// How many imports there are.
pub fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.prepare_cached("select count(*) from history_import")?.query_row([], |row| row.get(0))
}

/// What an import found inside its files.
pub fn members(connection: &Connection, id: ImportId) -> rusqlite::Result<Vec<MemberRow>> {
    connection
        .prepare_cached(
            "select source, path, found, records, rejected, note from history_member where import = ? order by position",
        )?
        .query_map([id.0], |row| {
            Ok(MemberRow {
                source: row.get(0)?,
                path: row.get(1)?,
                found: row.get(2)?,
                records: row.get(3)?,
                rejected: row.get(4)?,
                note: row.get(5)?,
            })
        })?
        .collect()
}

/// Records that an import could not read, `limit` of them after `offset`.
pub fn rejections(
    connection: &Connection,
    id: ImportId,
    limit: u32,
    offset: u64,
) -> rusqlite::Result<Vec<RejectionRow>> {
    connection
        .prepare_cached(
            "select path, record, byte_offset, reason, excerpt from history_rejection where import = ?
             order by position limit ? offset ?",
        )?
        .query_map(params![id.0, limit, offset], |row| {
            Ok(RejectionRow {
                path: row.get(0)?,
                record: row.get(1)?,
                byte_offset: row.get(2)?,
                reason: row.get(3)?,
                excerpt: row.get(4)?,
            })
        })?
        .collect()
}

fn with_sources(connection: &Connection, import: Import) -> rusqlite::Result<Import> {
    Ok(Import { sources: sources(connection, import.id)?, ..import })
}

fn source_row(row: &Row<'_>) -> rusqlite::Result<SourceRow> {
    Ok(SourceRow { name: row.get(0)?, sha256: row.get(1)?, size_bytes: row.get(2)? })
}

fn import_row(row: &Row<'_>) -> rusqlite::Result<Import> {
    let instant =
        |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros));
    let (started_at, ended_at) = (instant(4)?, instant(5)?);
    let duration_ms = started_at
        .zip(ended_at)
        .map(|(start, end)| u64::try_from((end.as_micros() - start.as_micros()) / 1000).unwrap_or_default());
    let problem = row
        .get::<_, Option<String>>(14)?
        .map(|what| {
            Ok::<_, rusqlite::Error>(KeptProblem { what, detail: row.get(15)?, hint: row.get(16)?, code: row.get(18)? })
        })
        .transpose()?;
    Ok(Import {
        id: ImportId(row.get(0)?),
        kind: if row.get_ref(1)?.as_str()? == "reingest" { ImportKind::Reingest } else { ImportKind::Import },
        status: match row.get_ref(2)?.as_str()? {
            "done" => ImportStatus::Done,
            "failed" => ImportStatus::Failed,
            _ => ImportStatus::Queued,
        },
        sources: Vec::new(),
        counts: Counts {
            records_total: row.get(6)?,
            views_added: row.get(7)?,
            views_known: row.get(8)?,
            skipped: Skipped {
                ads: row.get(9)?,
                posts: row.get(10)?,
                removed_without_id: row.get(11)?,
                other: row.get(12)?,
            },
            rejected: row.get(13)?,
        },
        created_at: Timestamp::from_micros(row.get(3)?),
        started_at,
        ended_at,
        duration_ms,
        problem,
        progress: None,
        job: row.get(17)?,
    })
}
