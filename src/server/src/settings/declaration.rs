//! The list of settings: the one place that says which there are, and what each means.
//!
//! It holds no value that is in use; the command line, the environment, the file and the documents are all made from it.

/// What is said about a setting.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// The key in `config/server.toml`. The variable is the same in capitals after `YTORCH_`.
    pub name: &'static str,
    /// The flag.
    pub flag: &'static str,
    /// The form of its value.
    pub shape: Shape,
    /// The value where nothing else is said, as the file would say it.
    pub default: &'static str,
    /// In what a number counts.
    pub unit: Option<&'static str>,
    /// What it is for, in one sentence or two.
    pub meaning: &'static str,
}

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// Texts; in a variable or a flag, commas stand between them.
    List,
}

/// Every setting, in the order in which they are shown.
pub const DECLARATIONS: &[Declaration] = &[
    Declaration {
        name: "bind",
        flag: "--bind",
        shape: Shape::Text,
        default: "127.0.0.1",
        unit: None,
        meaning: "The address to listen on, unless systemd passes sockets. Any other than a loopback address lets other machines reach the instance; \
                  inside a container it is `0.0.0.0`.",
    },
    Declaration {
        name: "port",
        flag: "--port",
        shape: Shape::Integer,
        default: "8100",
        unit: None,
        meaning: "The port to listen on, unless systemd passes sockets. 0 takes any free one, and the line `ready:` tells which.",
    },
    Declaration {
        name: "idle_exit_seconds",
        flag: "--idle-exit-seconds",
        shape: Shape::Integer,
        default: "0",
        unit: Some("seconds"),
        meaning: "After so long without a request under way and without a job that waits or runs, a server ends that got \
                  its sockets from systemd; the next request starts it again. A page that is merely open does not keep it. \
                  What the clock was to do meanwhile is done once at that start. 0 is never, and so is every other way of \
                  starting the server.",
    },
    Declaration {
        name: "host_names",
        flag: "--host-names",
        shape: Shape::List,
        default: "[]",
        unit: None,
        meaning: "Names, besides `localhost` and numeric loopback addresses, by which a browser may call the server. \
                  Requests by any other name are refused, so that no foreign page can reach the instance.",
    },
    Declaration {
        name: "time_zone",
        flag: "--time-zone",
        shape: Shape::Text,
        default: "system",
        unit: None,
        meaning: "The zone in which days, months and years are counted: an IANA name such as `Europe/Berlin`, or \
                  `system` for the host's.",
    },
    Declaration {
        name: "log_level",
        flag: "--log-level",
        shape: Shape::Text,
        default: "info",
        unit: None,
        meaning: "The least serious records that are logged: `error`, `warn`, `info`, `debug` or `trace`.",
    },
    Declaration {
        name: "log_format",
        flag: "--log-format",
        shape: Shape::Text,
        default: "text",
        unit: None,
        meaning: "The form of `logs/ytorch-server.log`: `text`, or `json` with one object a line. Standard error \
                  always gets text.",
    },
    Declaration {
        name: "log_keep_files",
        flag: "--log-keep-files",
        shape: Shape::Integer,
        default: "5",
        unit: Some("files"),
        meaning: "How many older log files of 1 MiB each are kept beside the newest one.",
    },
    Declaration {
        name: "upload_limit_bytes",
        flag: "--upload-limit-bytes",
        shape: Shape::Integer,
        default: "21474836480",
        unit: Some("bytes"),
        meaning: "The largest upload that is taken. The default is 20 GiB.",
    },
    Declaration {
        name: "disk_floor_bytes",
        flag: "--disk-floor-bytes",
        shape: Shape::Integer,
        default: "268435456",
        unit: Some("bytes"),
        meaning: "The free disk space below which uploads are refused and the server says that it is not ready. The \
                  default is 256 MiB.",
    },
    Declaration {
        name: "rate_limit_per_second",
        flag: "--rate-limit-per-second",
        shape: Shape::Integer,
        default: "200",
        unit: Some("requests"),
        meaning: "How many requests a second one client address may make; five times as many at once. More are refused \
                  with 429. 0 is no limit.",
    },
    Declaration {
        name: "job_keep_count",
        flag: "--job-keep-count",
        shape: Shape::Integer,
        default: "1000",
        unit: Some("jobs"),
        meaning: "How many ended jobs are kept, and how many runs of each kind of job.",
    },
    Declaration {
        name: "job_keep_days",
        flag: "--job-keep-days",
        shape: Shape::Integer,
        default: "90",
        unit: Some("days"),
        meaning: "How long ended jobs and runs are kept.",
    },
    Declaration {
        name: "maintenance_times",
        flag: "--maintenance-times",
        shape: Shape::List,
        default: "[\"04:20\"]",
        unit: None,
        meaning: "At which local times of day the database is checked and tidied, such as `04:20`. An empty list: only \
                  when asked for.",
    },
    Declaration {
        name: "backup_times",
        flag: "--backup-times",
        shape: Shape::List,
        default: "[]",
        unit: None,
        meaning: "At which local times of day a backup is made into `backups/`, such as `03:30`. An empty list: only when \
                  asked for, because every backup takes the room of all exports and the database.",
    },
    Declaration {
        name: "backup_keep_count",
        flag: "--backup-keep-count",
        shape: Shape::Integer,
        default: "7",
        unit: Some("backups"),
        meaning: "How many backups are kept in `backups/`. The newest good one is never deleted.",
    },
    Declaration {
        name: "backup_keep_days",
        flag: "--backup-keep-days",
        shape: Shape::Integer,
        default: "90",
        unit: Some("days"),
        meaning: "How long backups are kept in `backups/`. The newest good one is never deleted.",
    },
    Declaration {
        name: "notify_url",
        flag: "--notify-url",
        shape: Shape::Text,
        default: "",
        unit: None,
        meaning: "Where a message goes when a job fails or the server is no longer ready: an `https://` or `http://` \
                  address that takes a POST with a text, such as a topic of ntfy. Empty: nowhere. A secret \
                  `notify_token` is sent along as bearer token.",
    },
    Declaration {
        name: "notify_timeout_seconds",
        flag: "--notify-timeout-seconds",
        shape: Shape::Integer,
        default: "20",
        unit: Some("seconds"),
        meaning: "How long the service at `notify_url` may take to answer; then it has failed.",
    },
    Declaration {
        name: "breaker_failures",
        flag: "--breaker-failures",
        shape: Shape::Integer,
        default: "5",
        unit: Some("failures"),
        meaning: "After so many failures one after another, a service outside is left alone for a while.",
    },
    Declaration {
        name: "breaker_cool_down_seconds",
        flag: "--breaker-cool-down-seconds",
        shape: Shape::Integer,
        default: "300",
        unit: Some("seconds"),
        meaning: "For how long a service outside that failed is left alone; then one try decides.",
    },
];

impl Declaration {
    /// The variable, such as `YTORCH_LOG_LEVEL`.
    pub fn variable(&self) -> String {
        format!("YTORCH_{}", self.name.to_ascii_uppercase())
    }

    /// The default as TOML would have it.
    pub fn default_toml(&self) -> String {
        match self.shape {
            Shape::Text => format!("\"{}\"", self.default),
            Shape::Integer | Shape::List => self.default.to_owned(),
        }
    }
}

/// A hint that names the known setting which is spelt most like `name`.
pub(super) fn nearest(name: &str) -> String {
    let likeness = |known: &&Declaration| strsim::jaro_winkler(known.name, name);
    let best = DECLARATIONS.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match best {
        Some(best) if likeness(&best) > 0.7 => format!("did you mean `{}`?", best.name),
        _ => {
            let names: Vec<_> = DECLARATIONS.iter().map(|known| known.name).collect();
            format!("the settings are: {}", names.join(", "))
        }
    }
}
