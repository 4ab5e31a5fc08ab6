//! A file that names a process, for those who want to signal it.
//!
//! It is a convenience, never a lock: a stale one is overwritten.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A pid file, removed when this value goes.
#[derive(Debug)]
pub struct PidFile(PathBuf);

impl PidFile {
    /// Writes `pid` and a newline to `path`, at once and whole.
    pub fn write(path: &Path, pid: u32) -> io::Result<Self> {
        let fresh = path.with_extension("pid.new");
        fs::write(&fresh, format!("{pid}\n"))?;
        fs::rename(&fresh, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may have gone with its folder; a stale one does no harm.
        let _ = fs::remove_file(&self.0);
    }
}
