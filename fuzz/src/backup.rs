//! What reading a backup must hold, whatever the bytes: no panic, nothing written beside the folder, and nothing left of
//! one that was refused.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;
use ytorch_backup::Watch;

/// Restores the bytes, taken for a tar archive, into a folder.
pub fn restore(bytes: &[u8]) {
    let home = TempDir::with_prefix("ytorch-fuzz-").expect("a folder can be made");
    let archive = home.path().join("archive");
    fs::write(&archive, zipped(&mended(bytes))).expect("the file can be written");
    fs::create_dir(home.path().join("in")).expect("a folder can be made");
    let folder = home.path().join("in/back");
    let (mut progress, never) = (|done, total| assert!(done <= total), || false);
    let restored = ytorch_backup::restore(&archive, &folder, 0, &mut Watch::new(&mut progress, &never));
    assert_eq!(entries(home.path()), 2);
    assert_eq!(entries(&home.path().join("in")), usize::from(restored.is_ok()));
}

fn entries(folder: &Path) -> usize {
    fs::read_dir(folder).expect("the folder is there").count()
}

/// With checksums that fit, or no change of a name would ever come through.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for block in bytes.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory takes bytes");
    encoder.finish().expect("memory takes bytes")
}
