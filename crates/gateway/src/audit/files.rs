//! The files: one that is written, and a few full ones behind it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Bytes of a file at which the next one begins.
pub(super) const FILE_BYTES_MAX: u64 = 64 << 20;

/// Files that are kept, the one being written among them. The oldest one gives way.
pub(super) const FILES_MAX: usize = 8;

/// The folder of the audit, which is its owner's alone.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    file: File,
    len_bytes: u64,
    bytes_max: u64,
    /// Whether the last line may have been cut off.
    torn: bool,
}

impl Files {
    /// Goes on where the last process ended; a line that it did not finish is ended.
    pub(super) fn open(folder: &Path, bytes_max: u64) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder)?;
        let mut file = open(&name(folder, 0))?;
        let mut len_bytes = file.seek(SeekFrom::End(0))?;
        if len_bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                len_bytes += 1;
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            file,
            len_bytes,
            bytes_max,
            torn: false,
        })
    }

    /// Appends whole lines, to the next file if they do not fit into this one.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.len_bytes > 0 && self.len_bytes + lines.len() as u64 > self.bytes_max {
            self.turn_over()?;
        }
        if std::mem::replace(&mut self.torn, true) {
            self.file.write_all(b"\n")?;
        }
        self.file.write_all(lines)?;
        self.torn = false;
        self.len_bytes += lines.len() as u64;
        Ok(())
    }

    fn turn_over(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        for number in (0..FILES_MAX - 1).rev() {
            let (from, to) = (name(&self.folder, number), name(&self.folder, number + 1));
            match fs::rename(from, to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = open(&name(&self.folder, 0))?;
        self.len_bytes = 0;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(0o600);
    options.open(path)
}

/// `audit.jsonl` is written; `audit.1.jsonl` came before it.
pub(super) fn name(folder: &Path, number: usize) -> PathBuf {
    match number {
        0 => folder.join("audit.jsonl"),
        number => folder.join(format!("audit.{number}.jsonl")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_files_are_kept_up_to_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Files::open(folder.path(), 4).unwrap();
        for line in 0..20 {
            files.append(format!("{line:02}\n").as_bytes()).unwrap();
        }
        let mut found: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(found.len(), FILES_MAX);
        found.clear();
        for number in 0..FILES_MAX {
            let text = fs::read_to_string(name(folder.path(), number)).unwrap();
            assert_eq!(text, format!("{:02}\n", 19 - number));
        }
    }

    #[test]
    fn what_was_cut_off_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        for (lines, text) in [
            ("{\"a\"", "{\"a\""),
            ("b\n", "{\"a\"\nb\n"),
            ("c\n", "{\"a\"\nb\nc\n"),
        ] {
            let mut files = Files::open(folder.path(), 100).unwrap();
            files.append(lines.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(name(folder.path(), 0)).unwrap(), text);
        }
    }
}
