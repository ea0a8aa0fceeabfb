//! Words that every crate uses: instances, time, secrets, files, problems.
//!
//! It deliberately knows nothing of SQLite, HTTP or YouTube, so that the orchestrator can use it and stay small.

pub mod backups;
pub mod build_info;
pub mod disk;
pub mod exit;
pub mod files;
pub mod folders;
pub mod hexadecimal;
pub mod instance;
pub mod problem;
pub mod secret;
pub mod time;

pub use backups::BackupName;
pub use build_info::BuildInfo;
pub use exit::ExitCode;
pub use folders::InstanceFolders;
pub use hexadecimal::hexadecimal;
pub use instance::{InstanceName, InvalidInstanceName};
pub use problem::Problem;
pub use secret::Secret;
pub use time::{Clock, Timestamp, Zone};
