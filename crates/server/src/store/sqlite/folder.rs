//! The store's folder: one server at a time, some disk space in reserve, and whether the files are still where they were.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::store::error::StoreError;

/// Disk space that is kept, so that a store whose disk is full opens again and its bases are given out.
const RESERVE: usize = 1 << 20;
/// With less room than this on its disk the store is not ready.
const LEAST_ROOM: u64 = 1 << 20;

/// The folder.
#[derive(Debug)]
pub(in crate::store) struct Folder {
    database: PathBuf,
    reserve: PathBuf,
    /// Which file the database was when it was opened.
    opened: OnceLock<Identity>,
}

impl Folder {
    /// Creates the folder if it is not there, and locks it. The lock is held until the file beside it is dropped.
    pub(in crate::store) fn lock(folder: &Path) -> Result<(Folder, File), StoreError> {
        fs::create_dir_all(folder)?;
        let lock = lockable(folder)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(folder.display().to_string())),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let [database, reserve] = ["brooklet.sqlite", "brooklet.reserve"].map(|name| folder.join(name));
        Ok((Folder { database, reserve, opened: OnceLock::new() }, lock))
    }

    /// The path of the database.
    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// Remembers which file the database is.
    pub(super) fn opened(&mut self) -> Result<(), StoreError> {
        let identity = identity(&self.database)?;
        self.opened.get_or_init(|| identity);
        self.keep_reserve();
        Ok(())
    }

    /// Whether there was a reserve to be given up.
    pub(super) fn give_up_reserve(&self) -> bool {
        fs::remove_file(&self.reserve).is_ok()
    }

    /// An error if the database is not the file that was opened: what is written then is written nowhere.
    pub(super) fn present(&self) -> Result<(), StoreError> {
        let found = identity(&self.database)?;
        match self.opened.get() {
            Some(opened) if *opened != found => Err(StoreError::Gone("another file has taken its place".into())),
            _ => Ok(()),
        }
    }

    /// Whether the files are there, and room on the disk.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        self.present()?;
        let room = room(&self.database)?;
        if room < LEAST_ROOM {
            return Err(StoreError::Full(format!("{room} bytes are left on its disk").into()));
        }
        self.keep_reserve();
        Ok(())
    }

    /// The size of the database and its log.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        let mut log = self.database.clone().into_os_string();
        log.push("-wal");
        // Where nothing was written yet there is no log.
        let log = fs::metadata(log).map_or(0, |log| log.len());
        Ok(fs::metadata(&self.database)?.len() + log)
    }

    fn keep_reserve(&self) {
        if self.reserve.exists() || room(&self.database).is_ok_and(|room| room < LEAST_ROOM + RESERVE as u64) {
            return;
        }
        let written = File::create(&self.reserve).and_then(|mut file| {
            file.write_all(&vec![0; RESERVE])?;
            file.sync_all()
        });
        if let Err(error) = written {
            // Half of a reserve would be of no use to anybody.
            let _ = fs::remove_file(&self.reserve);
            tracing::warn!(%error, "no disk space could be kept in reserve");
        }
    }
}

/// What is locked: the folder itself, for a file in it may be tidied away.
#[cfg(unix)]
fn lockable(folder: &Path) -> std::io::Result<File> {
    File::open(folder)
}

#[cfg(not(unix))]
fn lockable(folder: &Path) -> std::io::Result<File> {
    File::options().create(true).write(true).truncate(false).open(folder.join("brooklet.lock"))
}

/// Device and number of a file.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    fs::metadata(path).map(|_| (0, 0))
}

/// Bytes that are left on the disk of a file.
#[cfg(unix)]
fn room(path: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn room(_: &Path) -> std::io::Result<u64> {
    Ok(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_in_the_place_of_the_database_is_noticed() {
        let place = tempfile::tempdir().unwrap();
        let (mut folder, _lock) = Folder::lock(place.path()).unwrap();
        fs::write(folder.database(), "one").unwrap();
        folder.opened().unwrap();
        folder.check().unwrap();
        fs::rename(folder.database(), place.path().join("moved")).unwrap();
        assert!(matches!(folder.check(), Err(StoreError::Gone(_))));
        fs::write(folder.database(), "another").unwrap();
        assert!(matches!(folder.check(), Err(StoreError::Gone(_))));
    }

    #[test]
    fn the_reserve_is_there_again_when_there_is_room() {
        let place = tempfile::tempdir().unwrap();
        let (mut folder, _lock) = Folder::lock(place.path()).unwrap();
        fs::write(folder.database(), "").unwrap();
        folder.opened().unwrap();
        assert!(folder.give_up_reserve() && !folder.give_up_reserve());
        folder.check().unwrap();
        assert_eq!(fs::metadata(&folder.reserve).unwrap().len(), RESERVE as u64);
    }
}
