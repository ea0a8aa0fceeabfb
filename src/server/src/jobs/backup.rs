//! The backups that the clock and the page ask for, and their retention. What a backup is, is `ytorch_backup`'s to say.

use ytorch_backup::{Created, Media, Request, Retention, Target, Watch, create, prune};
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
    let result = make(platform, context);
    match result {
        Ok((created, deleted)) => Ok(Outcome::Done(Report {
            counts: vec![
                ("files", created.files as u64),
                ("size_bytes", created.size_bytes),
                ("rows", created.counts.values().sum()),
                ("backups_deleted", deleted),
            ],
            message: Some(in_words(&created)),
        })),
        Err(_) if context.is_cancelled() => Err(JobError::Cancelled),
        Err(problem) => Err(JobError::Fatal(problem.to_string())),
    }
}

fn make(platform: &Platform, context: &Context) -> Result<(Created, u64), Problem> {
    let (resources, settings) = (&platform.resources, &platform.settings);
    let folder = resources.folders.backups();
    let gives_up = || context.is_cancelled() || context.is_stopping();
    let mut report = |done, total| tell(context, "copying", done, total);
    let request = Request {
        instance: &platform.instance,
        folders: &resources.folders,
        target: Target::Folder(folder.clone()),
        media: Media::With,
        disk_floor_bytes: resources.disk_floor_bytes,
        version: env!("CARGO_PKG_VERSION"),
        clock: &resources.clock,
    };
    let created = create(&request, &mut Watch::new(&mut report, &gives_up))?;
    let retention = Retention {
        count: usize::try_from(settings.backup_keep_count).unwrap_or(usize::MAX),
        days: Some(settings.backup_keep_days),
    };
    let mut report = |done, total| tell(context, "looking through older backups", done, total);
    let mut watch = Watch::new(&mut report, &gives_up);
    let now = resources.clock.now();
    let pruned = prune(&folder, &platform.instance, retention, now, resources.disk_floor_bytes, &mut watch)?;
    Ok((created, pruned.deleted.len() as u64))
}

fn in_words(created: &Created) -> String {
    let name = created.path.file_name().unwrap_or_default().to_string_lossy();
    format!("backups/{name}, {}", format::bytes(created.size_bytes))
}

fn tell(context: &Context, message: &str, done: u64, total: u64) {
    let (unit, message) = ("bytes".to_owned(), message.to_owned());
    context.report(Progress { done, total, unit, message, details: None });
}
