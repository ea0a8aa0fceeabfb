//! The backups that the clock and the page ask for, and their retention. What a backup is, is `ytorch_backup`'s to say.

use ytorch_backup::{Created, Media, Pruned, Request, Retention, Target, Watch, create, prune};
use ytorch_core::Problem;
use ytorch_jobs::{Context, JobError, JobKind, Outcome, Progress, Report};
use ytorch_web::format;

use crate::platform::Platform;

/// The kind of job.
pub(super) const KIND: &str = "platform_backup";

pub(super) fn kind(platform: &Platform) -> JobKind {
    let platform = platform.clone();
    JobKind::new(KIND, move |context, _| run(&platform, context))
}

fn run(platform: &Platform, context: &Context) -> Result<Outcome, JobError> {
    let created = match make(platform, context) {
        Ok(created) => created,
        Err(_) if context.is_cancelled() => return Err(JobError::Cancelled),
        Err(problem) => return Err(JobError::Fatal(problem.to_string())),
    };
    // The backup is there, whatever becomes of the older ones.
    let pruned = look_through(platform, context);
    let deleted = pruned.as_ref().map_or(0, |pruned| pruned.deleted.len() as u64);
    let mut report = Report {
        counts: vec![
            ("files", created.files as u64),
            ("size_bytes", created.size_bytes),
            ("rows", created.counts.values().sum()),
            ("backups_deleted", deleted),
        ],
        message: Some(in_words(&created)),
    };
    let Err(problem) = pruned else { return Ok(Outcome::Done(report)) };
    report.message = Some(format!("{}; older ones were not looked through: {problem}", in_words(&created)));
    Ok(Outcome::Partial(report))
}

fn make(platform: &Platform, context: &Context) -> Result<Created, Problem> {
    let resources = &platform.resources;
    let request = Request {
        instance: &platform.instance,
        folders: &resources.folders,
        target: Target::Folder(resources.folders.backups()),
        media: Media::With,
        disk_floor_bytes: resources.disk_floor_bytes,
        version: env!("CARGO_PKG_VERSION"),
        clock: &resources.clock,
    };
    let mut report = |done, total| tell(context, "copying", done, total);
    create(&request, &mut Watch::new(&mut report, &|| context.gives_up()))
}

/// Deletes backups that are too many or too old.
fn look_through(platform: &Platform, context: &Context) -> Result<Pruned, Problem> {
    let (resources, settings) = (&platform.resources, &platform.settings);
    let retention = Retention {
        count: usize::try_from(settings.backup_keep_count).unwrap_or(usize::MAX),
        days: Some(settings.backup_keep_days),
    };
    let mut report = |done, total| tell(context, "looking through older backups", done, total);
    let gives_up = || context.gives_up();
    let mut watch = Watch::new(&mut report, &gives_up);
    let (folder, now, floor) = (resources.folders.backups(), resources.clock.now(), resources.disk_floor_bytes);
    prune(&folder, &platform.instance, retention, now, floor, &mut watch)
}

fn in_words(created: &Created) -> String {
    let name = created.path.file_name().unwrap_or_default().to_string_lossy();
    format!("backups/{name}, {}", format::bytes(created.size_bytes))
}

fn tell(context: &Context, message: &str, done: u64, total: u64) {
    let (unit, message) = ("bytes".to_owned(), message.to_owned());
    context.report(Progress { done, total, unit, message, details: None });
}
