//! Files as one `multipart/form-data` body that is read while it is sent. It never holds a file in memory.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Cursor, Read},
    path::{Path, PathBuf},
};

use ytorch_core::Secret;

/// A body of several files, all in fields of one name.
pub(crate) struct MultipartFiles {
    boundary: String,
    parts: VecDeque<Part>,
    current: Option<Box<dyn Read>>,
    length_bytes: u64,
}

enum Part {
    Text(String),
    File(PathBuf, u64),
}

impl MultipartFiles {
    /// A body of the files as they are now; a file that shrinks meanwhile ends it with an error.
    pub(crate) fn new(field: &str, files: &[PathBuf]) -> io::Result<Self> {
        // Random, so that no file holds it, by chance or on purpose.
        let boundary = format!("ytorch-{}", &Secret::generate().reveal()[..32]);
        let mut parts = VecDeque::new();
        let mut length_bytes = 0;
        for path in files {
            let size_bytes = fs::metadata(path)?.len();
            let header = format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\ncontent-type: application/octet-stream\r\n\r\n",
                file_name(path)
            );
            length_bytes += header.len() as u64 + size_bytes + 2;
            parts.extend([Part::Text(header), Part::File(path.clone(), size_bytes), Part::Text("\r\n".to_owned())]);
        }
        let end = format!("--{boundary}--\r\n");
        length_bytes += end.len() as u64;
        parts.push_back(Part::Text(end));
        Ok(Self { boundary, parts, current: None, length_bytes })
    }

    /// The value of the header `content-type`.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The length of the whole body.
    pub(crate) const fn length_bytes(&self) -> u64 {
        self.length_bytes
    }
}

/// The last part of a path, safe inside a quoted header value.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.chars().map(|letter| if letter.is_control() || matches!(letter, '"' | '\\') { '_' } else { letter }).collect()
}

impl Read for MultipartFiles {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(reader) = &mut self.current {
                let count = reader.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.current = None;
            }
            self.current = Some(match self.parts.pop_front() {
                None => return Ok(0),
                Some(Part::Text(text)) => Box::new(Cursor::new(text)),
                Some(Part::File(path, size_bytes)) => {
                    Box::new(Exactly { file: File::open(&path)?, path, left_bytes: size_bytes })
                }
            });
        }
    }
}

/// A file of which exactly the promised bytes are sent.
struct Exactly {
    file: File,
    path: PathBuf,
    left_bytes: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..room])?;
        if count == 0 && room > 0 {
            return Err(io::Error::other(format!("`{}` became shorter while it was sent", self.path.display())));
        }
        self.left_bytes -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_body_has_every_file_once_and_the_promised_length() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("a \"b\".json"), folder.path().join("c.zip")];
        File::create(&paths[0]).unwrap().write_all(b"first").unwrap();
        File::create(&paths[1]).unwrap();
        let mut body = MultipartFiles::new("export", &paths).unwrap();
        let (length, kind) = (body.length_bytes(), body.content_type());
        let mut text = String::new();
        body.read_to_string(&mut text).unwrap();
        assert_eq!(text.len() as u64, length);
        let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
        assert_eq!(text.matches(&format!("--{boundary}\r\n")).count(), 2);
        assert!(text.ends_with(&format!("\r\n--{boundary}--\r\n")));
        assert!(text.contains("filename=\"a _b_.json\"\r\n"));
        assert!(text.contains("\r\n\r\nfirst\r\n"));
    }

    #[test]
    fn a_file_that_shrinks_ends_the_body_with_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        File::create(&path).unwrap().write_all(b"12345").unwrap();
        let mut body = MultipartFiles::new("export", std::slice::from_ref(&path)).unwrap();
        File::create(&path).unwrap();
        let error = body.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("became shorter"), "{error}");
    }
}
