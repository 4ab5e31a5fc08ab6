//! The directory around sled's: what is moved, removed and made durable there.
//!
//! ```text
//!   DIR/live       sled's own directory
//!   DIR/CLEAN      see the marker's module
//!   DIR/aside-N    a directory that was not believed; the last one is kept for a look at it
//! ```

use super::{
    ControlError,
    marker::{MARKER_BYTES, Marker},
};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// How many disbelieved directories are kept; older ones are removed.
const ASIDES_MAX: usize = 1;

const LIVE: &str = "live";
const MARKER: &str = "CLEAN";
const MARKER_NEW: &str = "CLEAN.new";
const ASIDE: &str = "aside-";

/// The control store's directory.
#[derive(Debug, Clone)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// Makes the directory if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, ControlError> {
        fs::create_dir_all(path).map_err(failed("make the directory"))?;
        Ok(Self(path.to_owned()))
    }

    /// Where sled lives.
    pub(super) fn live(&self) -> PathBuf {
        self.0.join(LIVE)
    }

    /// Reads the marker and removes it, durably: whatever happens next, the directory is not
    /// believed a second time. `None` if there was none or it is damaged.
    pub(super) fn take_marker(&self) -> Result<Option<Marker>, ControlError> {
        let path = self.0.join(MARKER);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => {
                let limit = MARKER_BYTES as u64 + 1;
                file.take(limit)
                    .read_to_end(&mut bytes)
                    .map_err(failed("read the marker"))?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open the marker")(error)),
        };
        fs::remove_file(&path).map_err(failed("remove the marker"))?;
        self.sync()?;
        Ok(Marker::decode(&bytes))
    }

    /// Makes everything sled wrote durable, then says so. sled does not: its flush never reaches
    /// the device, and it never syncs its `conf` file.
    pub(super) fn mark_clean(&self, marker: &Marker) -> Result<(), ControlError> {
        sync_tree(&self.live()).map_err(failed("sync sled's files"))?;
        self.sync()?;
        let new = self.0.join(MARKER_NEW);
        let mut file = File::create(&new).map_err(failed("write the marker"))?;
        file.write_all(&marker.encode())
            .map_err(failed("write the marker"))?;
        file.sync_all().map_err(failed("sync the marker"))?;
        fs::rename(&new, self.0.join(MARKER)).map_err(failed("rename the marker"))?;
        self.sync()
    }

    /// Moves sled's directory out of the way and removes older ones that were.
    pub(super) fn put_aside(&self) -> Result<(), ControlError> {
        let mut asides = self.asides().map_err(failed("list the directory"))?;
        if self.live().exists() {
            let next = asides
                .last()
                .map_or(0, |(number, _)| number.saturating_add(1));
            let aside = self.0.join(format!("{ASIDE}{next}"));
            fs::rename(self.live(), &aside).map_err(failed("rename sled's directory"))?;
            asides.push((next, aside));
        }
        let surplus = asides.len().saturating_sub(ASIDES_MAX);
        for (_, path) in asides.drain(..surplus) {
            fs::remove_dir_all(path).map_err(failed("remove an old directory"))?;
        }
        Ok(())
    }

    /// The directories put aside, oldest first.
    fn asides(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut asides = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix(ASIDE)?.parse().ok());
            asides.extend(number.map(|number| (number, entry.path())));
        }
        asides.sort_unstable();
        Ok(asides)
    }

    fn sync(&self) -> Result<(), ControlError> {
        File::open(&self.0)
            .and_then(|directory| directory.sync_all())
            .map_err(failed("sync the directory"))
    }
}

/// `fdatasync` of every file below `path`, `fsync` of every directory.
fn sync_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_data()?;
        }
    }
    File::open(path)?.sync_all()
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> ControlError {
    move |source| ControlError::Directory { what, source }
}
