//! Many rows in one statement: SQLite then stays at its place in the table, and a row costs half. It knows no table.

use rusqlite::{Statement, ToSql, Transaction};
use ytorch_store::rusqlite;

/// Rows in one statement; twice as many are no faster.
const ROWS: usize = 64;

/// Inserts rows of all columns of a table, quickest in the order of its key.
pub(super) fn insert<const COLUMNS: usize, Value: ToSql>(
    transaction: &Transaction<'_>,
    table: &str,
    rows: impl Iterator<Item = [Value; COLUMNS]>,
) -> rusqlite::Result<()> {
    let mut many = transaction.prepare_cached(&sql(table, COLUMNS, ROWS))?;
    let mut waiting = Vec::with_capacity(ROWS);
    for row in rows {
        waiting.push(row);
        if waiting.len() == ROWS {
            execute(&mut many, waiting.drain(..))?;
        }
    }
    if !waiting.is_empty() {
        let mut rest = transaction.prepare(&sql(table, COLUMNS, waiting.len()))?;
        execute(&mut rest, waiting.drain(..))?;
    }
    Ok(())
}

fn execute<const COLUMNS: usize, Value: ToSql>(
    statement: &mut Statement<'_>,
    rows: impl Iterator<Item = [Value; COLUMNS]>,
) -> rusqlite::Result<()> {
    for (position, value) in rows.flatten().enumerate() {
        statement.raw_bind_parameter(position + 1, value)?;
    }
    statement.raw_execute()?;
    Ok(())
}

fn sql(table: &str, columns: usize, rows: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    format!("insert into {table} values {}", vec![row; rows].join(", "))
}
