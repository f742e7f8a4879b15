//! Tokens in the database, and the three things that an operator does with them. The command does them beside a server that is running, which
//! looks at them again every second.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::connect::connect;
use super::folder::Folder;
use crate::clock::now;
use crate::store::error::StoreError;
use crate::token::{Scope, Token};

/// Makes a token in the store of a folder, which is created if it is not there. Returns it, and the secret that its holder is to have and that nobody
/// can tell again.
pub fn make_token(folder: &Path, name: &str, scope: Scope) -> Result<(Token, String), StoreError> {
    let (token, secret) = Token::new(name, scope, now()).map_err(|error| StoreError::Failed(error.into()))?;
    let database = match Folder::lock(folder) {
        Ok((folder, _lock)) => folder.database().to_owned(),
        // By a server: then the database is there.
        Err(StoreError::InUse(_)) => database(folder)?,
        Err(error) => return Err(error),
    };
    connect(&database)?.execute(
        "INSERT INTO tokens (id, name, scope, check_with, created) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![token.id, token.name, scope.as_str(), token.check, token.created],
    )?;
    Ok((token, secret))
}

/// The tokens in the store of a folder, in the order in which they were made.
pub fn list_tokens(folder: &Path) -> Result<Vec<Token>, StoreError> {
    Ok(all(&connect(&database(folder)?)?)?)
}

/// Takes a token back: from the next second on it is worth nothing, nor is what was signed with it. Returns whether there was one.
pub fn revoke_token(folder: &Path, id: &str) -> Result<bool, StoreError> {
    Ok(connect(&database(folder)?)?.execute("DELETE FROM tokens WHERE id = ?1", [id])? > 0)
}

/// The database of a folder that has one.
fn database(folder: &Path) -> Result<PathBuf, StoreError> {
    Ok(folder.join("brooklet.sqlite").canonicalize()?)
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<Token>> {
    let mut query =
        connection.prepare_cached("SELECT id, name, scope, check_with, created FROM tokens ORDER BY created, id")?;
    let read = |row: &rusqlite::Row<'_>| {
        let scope: String = row.get(2)?;
        Ok((
            scope.parse(),
            Token { id: row.get(0)?, name: row.get(1)?, scope: Scope::Sign, check: row.get(3)?, created: row.get(4)? },
        ))
    };
    let rows = query.query_map([], read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    // One of a scope that a newer Brooklet knows allows nothing here.
    Ok(rows.into_iter().filter_map(|(scope, token)| Some(Token { scope: scope.ok()?, ..token })).collect())
}
