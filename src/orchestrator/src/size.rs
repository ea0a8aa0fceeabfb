//! Sizes of folders, and bytes in words. It follows no symbolic link.

use std::{fs, path::Path};

/// The bytes of all files in a folder. What cannot be read, or goes away meanwhile, counts nothing.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let mut total = 0;
    for entry in entries.flatten() {
        let Ok(metadata) = entry.metadata() else { continue };
        total += if metadata.is_dir() { folder_bytes(&entry.path()) } else { metadata.len() };
    }
    total
}

/// Bytes as a person reads them: `0 B`, `1.5 MiB`.
pub(crate) fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_one_digit_after_the_point() {
        let words = [0, 1023, 1024, 1536, 1_048_576, 426_770_432].map(in_words);
        assert_eq!(words, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "407.0 MiB"]);
    }
}
