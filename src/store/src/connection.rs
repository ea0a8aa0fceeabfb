//! How a connection is set up. It does not hand connections out.

use std::{fmt::Write as _, os::unix::ffi::OsStrExt as _, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

/// Statements a connection keeps prepared: more than all pages and jobs use.
const PREPARED_STATEMENTS: usize = 128;

/// The connection that writes. It makes the file if there is none.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Larger pages mean fewer splits while a million rows come in; it only takes effect on a new file.
    connection.pragma_update(None, "page_size", 8192)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // In WAL mode, FULL makes a commit survive a power cut; imports are few and large, so it costs nothing noticeable.
    connection.pragma_update(None, "synchronous", "full")?;
    // A WAL that one large import has grown is cut back to this many bytes.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    common(&connection)?;
    Ok(connection)
}

/// A connection that can only read, also beside a server in another process.
///
/// Where nobody else has the database open, SQLite makes its WAL beside it for as long as this connection lives.
pub fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "query_only", true)?;
    common(&connection)?;
    Ok(connection)
}

/// A connection that can only read and makes no file. With `in_use` false it sees the one file and nothing beside it.
pub fn open_untouched(path: &Path, in_use: bool) -> rusqlite::Result<Connection> {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            _ => write!(uri, "%{byte:02x}").expect("a text takes text"),
        }
    }
    // `immutable` keeps SQLite from making a WAL beside a database that nobody uses; one in use has its own.
    uri.push_str(if in_use { "?mode=ro" } else { "?mode=ro&immutable=1" });
    Connection::open_with_flags(uri, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

fn common(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")
}
