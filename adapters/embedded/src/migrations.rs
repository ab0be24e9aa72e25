//! The schema, as numbered steps. A database says in `user_version` how many of them it has seen.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use crate::error::OpenError;

/// Marks a database as Pixmill's: "PIXM".
const APPLICATION_ID: i32 = 0x5049_584D;

/// The steps in order. Released ones never change; a new one goes to the end.
const STEPS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
];

/// Brings the database up to date, one transaction a step.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    apply(connection, path, STEPS)
}

/// Makes sure that a database has the schema that this version writes, without changing it.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::Database { path: path.to_owned(), source: error.into() };
    let found = version(connection).map_err(failed)?;
    if !is_ours(connection, found).map_err(failed)? {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    if found == newest() {
        Ok(())
    } else {
        Err(OpenError::OtherSchema { path: path.to_owned(), found, known: newest() })
    }
}

/// The schema that this version writes.
pub(crate) fn newest() -> u32 {
    STEPS.len() as u32
}

/// The schema that a database has.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn apply(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| OpenError::Database { path: path.to_owned(), source: error.into() };
    let found = version(connection).map_err(failed)?;
    if !is_ours(connection, found).map_err(failed)? {
        return Err(OpenError::NotOurs(path.to_owned()));
    }
    let known = steps.len() as u32;
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    for (number, step) in (found + 1..).zip(&steps[found as usize..]) {
        run(connection, step, number).map_err(failed)?;
        tracing::info!(schema = number, "the database was upgraded");
    }
    Ok(())
}

/// A database of ours carries our mark; a fresh one carries none and is empty.
fn is_ours(connection: &Connection, version: u32) -> rusqlite::Result<bool> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(application == APPLICATION_ID || (application == 0 && version == 0 && tables == 0))
}

fn run(connection: &mut Connection, step: &str, number: u32) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", number)?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEXT: &str =
        "ALTER TABLE users ADD COLUMN email TEXT; UPDATE users SET email = username || '@example.com';";

    fn first_release() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, Path::new("db"), &STEPS[..1]).unwrap();
        connection.execute("INSERT INTO users VALUES (zeroblob(12), 'Anna', 'anna', 'hash', 7)", []).unwrap();
        connection
    }

    #[test]
    fn an_old_database_is_upgraded_with_its_rows() {
        let mut connection = first_release();
        let steps = [STEPS[0], NEXT];
        apply(&mut connection, Path::new("db"), &steps).unwrap();
        let email: String = connection.query_row("SELECT email FROM users", [], |row| row.get(0)).unwrap();
        assert_eq!((email.as_str(), version(&connection).unwrap()), ("Anna@example.com", 2));
        apply(&mut connection, Path::new("db"), &steps).unwrap();
    }

    #[test]
    fn rows_of_the_first_release_have_what_came_later() {
        let mut connection = first_release();
        let image = "INSERT INTO images VALUES (zeroblob(12), 1, zeroblob(12), 7, 2, 3, NULL)";
        connection.execute(image, []).unwrap();
        migrate(&mut connection, Path::new("db")).unwrap();
        let row = |sql| {
            connection
                .query_row(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
                .unwrap()
        };
        assert_eq!(row("SELECT undone, current FROM images"), ("[]".to_owned(), 2));
        let users = "SELECT role, disabled + epoch FROM users WHERE due_at IS NULL";
        assert_eq!(row(users), ("user".to_owned(), 0));
    }

    #[test]
    fn jobs_of_earlier_releases_are_told_apart_by_their_end() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, Path::new("db"), &STEPS[..7]).unwrap();
        let job = "INSERT INTO jobs (id, owner, image, status, created_at, derivation, not_before, job)
                   VALUES (randomblob(12), zeroblob(12), zeroblob(12), ?, 1, 'same', 0, '{\"updatedAt\":5}')";
        for status in 0..5 {
            connection.execute(job, [status]).unwrap();
        }
        migrate(&mut connection, Path::new("db")).unwrap();
        for (index, count) in [("jobs_open", 2), ("jobs_released", 2), ("jobs_ended", 3)] {
            let ended = if index == "jobs_ended" { "ended_at = 5" } else { "ended_at IS NULL AND held = 0" };
            let sql = format!("SELECT count(*) FROM jobs INDEXED BY {index} WHERE {ended}");
            let found: i64 = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            assert_eq!(found, count, "{index}");
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_database_as_it_was() {
        let mut connection = first_release();
        let steps = [STEPS[0], "ALTER TABLE users ADD COLUMN email TEXT; SELECT nonsense;"];
        assert!(matches!(apply(&mut connection, Path::new("db"), &steps), Err(OpenError::Database { .. })));
        assert_eq!(version(&connection).unwrap(), 1);
        apply(&mut connection, Path::new("db"), &[STEPS[0], NEXT]).unwrap();
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = first_release();
        apply(&mut connection, Path::new("db"), &[STEPS[0], NEXT]).unwrap();
        let error = apply(&mut connection, Path::new("db"), &STEPS[..1]).unwrap_err();
        assert!(matches!(error, OpenError::NewerSchema { found: 2, known: 1, .. }));
    }

    #[test]
    fn a_foreign_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE songs (title TEXT)").unwrap();
        assert!(matches!(migrate(&mut connection, Path::new("db")), Err(OpenError::NotOurs(_))));
    }
}
