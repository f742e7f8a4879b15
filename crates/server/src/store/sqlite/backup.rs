//! A store into one file and back. Copying the files of a running server is not enough: what was acknowledged last is in its log.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::folder::Folder;
use crate::store::error::StoreError;

/// Writes what the store in `folder` holds at this moment into a new file, also while a server uses it.
pub fn backup(folder: &Path, file: &Path) -> Result<(), StoreError> {
    if file.exists() {
        return Err(StoreError::Exists(file.display().to_string()));
    }
    let connection = look(&folder.join("brooklet.sqlite"))?;
    // Under another name until it is whole.
    let unfinished = file.with_extension("unfinished");
    let _ = fs::remove_file(&unfinished);
    connection.execute("VACUUM INTO ?1", params![unfinished.to_string_lossy()])?;
    fs::File::open(&unfinished)?.sync_all()?;
    fs::rename(unfinished, file)?;
    Ok(())
}

/// Makes a store in `folder`, which has none, of a file that [`backup`] wrote. Versions that were published after the backup are gone, and
/// their numbers come a second time; browsers that have them are told so, and go on with what is there.
pub fn restore(file: &Path, folder: &Path) -> Result<(), StoreError> {
    let backup = look(file)?;
    let found: String = backup.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Err(StoreError::Corrupt(found.into()));
    }
    // A database of something else is whole, too.
    backup.query_row("SELECT count(*) FROM models", [], |_| Ok(()))?;
    drop(backup);
    let (folder, _lock) = Folder::lock(folder)?;
    if folder.database().exists() {
        return Err(StoreError::Exists(folder.database().display().to_string()));
    }
    let unfinished = folder.database().with_extension("unfinished");
    fs::copy(file, &unfinished)?;
    fs::File::open(&unfinished)?.sync_all()?;
    fs::rename(unfinished, folder.database())?;
    Ok(())
}

fn look(path: &Path) -> Result<Connection, StoreError> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}
