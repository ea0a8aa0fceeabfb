//! Numbered changes of the schema, per owner. They only go forward; nothing here undoes one.

use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};
use ytorch_core::{Clock, hexadecimal};

use crate::OpenError;

/// One change of the schema. Its text is never edited once it has been released.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// 1, 2, 3, … within its owner.
    pub number: u32,
    /// Statements separated by semicolons.
    pub sql: &'static str,
}

/// All migrations of one owner, in order.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    /// Whose: a pipeline's name, or `jobs`.
    pub owner: &'static str,
    /// In order of their numbers.
    pub list: &'static [Migration],
}

/// Brings the schema up to date in one transaction: all of it or nothing.
pub(crate) fn migrate(connection: &mut Connection, all: &[Migrations], clock: &Clock) -> Result<(), OpenError> {
    let failed = |owner, number| move |source| OpenError::Migrate { owner, number, source };
    let transaction =
        connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed("store", 0))?;
    transaction
        .execute_batch(
            "create table if not exists migration (
                 owner text not null, number integer not null, sha256 text not null, applied_at integer not null,
                 primary key (owner, number)
             ) strict, without rowid",
        )
        .map_err(failed("store", 0))?;
    for Migrations { owner, list } in all {
        let applied = applied(&transaction, owner).map_err(failed(owner, 0))?;
        if let Some((number, _)) = applied.get(list.len()) {
            return Err(OpenError::Newer { owner: (*owner).to_owned(), number: *number });
        }
        for (position, Migration { number, sql }) in list.iter().enumerate() {
            let sha256 = hexadecimal(&Sha256::digest(sql));
            match applied.get(position) {
                Some((known, known_sha256)) if known == number && *known_sha256 == sha256 => {}
                Some(_) => return Err(OpenError::Changed { owner, number: *number }),
                None => {
                    transaction.execute_batch(sql).map_err(failed(owner, *number))?;
                    transaction
                        .execute(
                            "insert into migration (owner, number, sha256, applied_at) values (?, ?, ?, ?)",
                            params![owner, number, sha256, clock.now().as_micros()],
                        )
                        .map_err(failed(owner, *number))?;
                    tracing::info!(owner, number, "migrated the database");
                }
            }
        }
    }
    transaction.commit().map_err(failed("store", 0))
}

fn applied(connection: &Connection, owner: &str) -> rusqlite::Result<Vec<(u32, String)>> {
    let mut statement = connection.prepare("select number, sha256 from migration where owner = ? order by number")?;
    let rows = statement.query_map([owner], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
