//! The process itself, as Linux tells of it in `/proc`. It keeps nothing between two looks.
//!
//! The collector of `prometheus` was looked at: it counts processor time in whole seconds and brings a second `rustix`.

use std::{fs, io, sync::PoisonError};

use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

use super::{Metrics, moves::whole};

impl Metrics {
    /// Looks at the process of the server. What cannot be found out stays as it was.
    pub fn look_at_process(&self) {
        let _one_at_a_time = self.0.looking.lock().unwrap_or_else(PoisonError::into_inner);
        match look() {
            Ok(found) => self.show(&found),
            Err(error) => tracing::warn!(%error, "could not look at the process for the metrics"),
        }
    }

    /// Memory of the process at the last look, in bytes; `None` before the first.
    pub fn resident_bytes(&self) -> Option<u64> {
        u64::try_from(self.0.families.process_resident_memory.get()).ok().filter(|bytes| *bytes > 0)
    }

    fn show(&self, found: &Found) {
        let Found { resident_bytes, cpu_seconds, open_fds, max_fds, start_seconds, threads } = *found;
        let families = &self.0.families;
        families.process_resident_memory.set(whole(resident_bytes));
        families.process_cpu.inc_by((cpu_seconds - families.process_cpu.get()).max(0.0));
        families.process_open_fds.set(whole(open_fds));
        families.process_max_fds.set(whole(max_fds));
        families.process_start_time.set(start_seconds);
        families.process_threads.set(whole(threads));
    }
}

struct Found {
    resident_bytes: u64,
    cpu_seconds: f64,
    open_fds: u64,
    max_fds: u64,
    start_seconds: f64,
    threads: u64,
}

fn look() -> io::Result<Found> {
    let status = Status::parse(&fs::read_to_string("/proc/self/stat")?)
        .ok_or_else(|| io::Error::other("/proc/self/stat has another form than expected"))?;
    let boot_seconds = boot_seconds(&fs::read_to_string("/proc/stat")?)
        .ok_or_else(|| io::Error::other("/proc/stat does not tell when the machine was started"))?;
    // One of the entries is the folder that is being read.
    let open_fds = (fs::read_dir("/proc/self/fd")?.count() as u64).saturating_sub(1);
    Ok(Found {
        resident_bytes: status.resident_pages.saturating_mul(page_size() as u64),
        cpu_seconds: seconds(status.cpu_ticks),
        open_fds,
        max_fds: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
        start_seconds: boot_seconds + seconds(status.start_ticks),
        threads: status.threads,
    })
}

/// What `/proc/self/stat` tells, in the units of the kernel.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    cpu_ticks: u64,
    threads: u64,
    start_ticks: u64,
    resident_pages: u64,
}

impl Status {
    /// The fields are counted from behind the name, which may hold blanks and brackets: see `man 5 proc`.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        // The first of them, the state, is the third of the line.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let cpu_ticks = field(14)? + field(15)?;
        Some(Self { cpu_ticks, threads: field(20)?, start_ticks: field(22)?, resident_pages: field(24)? })
    }
}

fn boot_seconds(text: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "2^53 ticks are millions of years")]
fn seconds(ticks: u64) -> f64 {
    ticks as f64 / clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_blanks_and_brackets_does_not_shift_the_fields() {
        let line =
            "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 30 12 0 0 20 0 5 0 987 10000000 250 18446744073709551615 1 1";
        let expected = Status { cpu_ticks: 42, threads: 5, start_ticks: 987, resident_pages: 250 };
        assert_eq!(Status::parse(line), Some(expected));
        assert_eq!(Status::parse("7 (a) S 1 7"), None);
    }

    #[test]
    fn what_is_found_is_what_the_kernel_tells_elsewhere() {
        let found = look().unwrap();
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let field = |name: &str| -> u64 {
            let rest = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        // Threads of other tests come and go; the limits and the order of magnitude do not.
        assert!(found.threads >= 1 && field("Threads:") >= 1);
        let resident = field("VmRSS:") * 1024;
        assert!((resident / 2..resident * 2).contains(&found.resident_bytes), "{} {resident}", found.resident_bytes);
        let limits = fs::read_to_string("/proc/self/limits").unwrap();
        let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(open_files.split_whitespace().nth(3).unwrap(), found.max_fds.to_string());
        assert!(found.open_fds >= 3, "{}", found.open_fds);
        let now = ytorch_core::Clock::system().now().second();
        #[expect(clippy::cast_precision_loss, reason = "a test that runs in this century")]
        let age_seconds = now as f64 - found.start_seconds;
        assert!((-2.0..3_600.0).contains(&age_seconds), "it started {age_seconds} seconds ago");
    }
}
