//! What is too much for any real export. It does not measure; readers do.

/// Limits on what is unpacked. Real histories have some hundred MiB and compress 7 to 20 times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file, unpacked.
    pub member_bytes: u64,
    /// How many times larger an unpacked file may be than its packed one.
    pub ratio: u64,
    /// Bytes up to which the ratio does not matter.
    pub ratio_from_bytes: u64,
    /// Files in one archive.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { member_bytes: 64 << 30, ratio: 200, ratio_from_bytes: 64 << 20, members: 2_000_000 }
    }
}
