//! The devices of a pool, and reading from all their mirrors.

use crate::log::Lagging;
use crate::report::Report;
use anyhow::{Context as _, Result, bail};
use blockhouse_format::{
    BLOCK_BYTES, DecodeError, DeviceIndex, DeviceState, Geometry, GroupId, NoSuperblock, SegmentNo,
    Superblock, choose, copies,
};
use std::{
    fmt,
    fs::File,
    io::{self, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// One device, opened for reading.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) path: PathBuf,
    file: File,
    len_bytes: u64,
    /// The four copies as they were read.
    pub(crate) copies: Vec<Result<Superblock, DecodeError>>,
    /// What they come to.
    pub(crate) chosen: Result<Superblock, NoSuperblock>,
}

impl Image {
    fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).with_context(|| path.display().to_string())?;
        // The length of a block device is where its end is; its metadata says 0.
        let len_bytes = file
            .seek(SeekFrom::End(0))
            .with_context(|| path.display().to_string())?;
        let read = |offset| Self::read_copy(&file, offset);
        let copies: Vec<_> = copies(len_bytes).into_iter().map(read).collect();
        let chosen = choose(&copies);
        Ok(Self {
            path: path.to_owned(),
            file,
            len_bytes,
            copies,
            chosen,
        })
    }

    fn read_copy(file: &File, offset: u64) -> Result<Superblock, DecodeError> {
        let mut block = [0; BLOCK_BYTES];
        let short = DecodeError::Short {
            structure: "superblock",
            field: "the device",
        };
        file.read_exact_at(&mut block, offset).map_err(|_| short)?;
        Superblock::decode(&block)
    }

    pub(crate) fn name(&self) -> impl fmt::Display + '_ {
        self.path.display()
    }

    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The superblock to go by: the one that copies agree on, else the newest that can be read.
    pub(crate) fn superblock(&self) -> Option<&Superblock> {
        let readable = || self.copies.iter().filter_map(|copy| copy.as_ref().ok());
        self.chosen
            .as_ref()
            .ok()
            .or_else(|| readable().max_by_key(|s| s.sequence))
    }
}

/// Opens what the paths name: devices, or folders that hold dev0.img, dev1.img and so on.
pub(crate) fn open_images(paths: &[PathBuf]) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    for path in paths {
        if !path.is_dir() {
            images.push(Image::open(path)?);
            continue;
        }
        let numbered = (0..).map(|n| path.join(format!("dev{n}.img")));
        let found = numbered.take_while(|image| image.exists());
        let before = images.len();
        for image in found {
            images.push(Image::open(&image)?);
        }
        if images.len() == before {
            bail!("{} holds no dev0.img", path.display());
        }
    }
    Ok(images)
}

/// A pool as its newest superblock says.
#[derive(Debug)]
pub(crate) struct Pool<'i> {
    pub(crate) superblock: Superblock,
    geometry: Geometry,
    /// The devices that may be believed and are here.
    mirrors: Vec<(DeviceIndex, &'i Image)>,
    excused: Vec<Lagging>,
}

/// A piece of a group, the same on every mirror.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) group: GroupId,
    pub(crate) offset_bytes: u32,
    pub(crate) len_bytes: u32,
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {} offset {}", self.group, self.offset_bytes)
    }
}

impl<'i> Pool<'i> {
    /// Puts the images together; `None` if no superblock of any can be read.
    pub(crate) fn assemble(images: &'i [Image], report: &mut Report<'_>) -> Option<Self> {
        let all = || {
            images
                .iter()
                .filter_map(|image| Some((image, image.superblock()?)))
        };
        let (_, newest) = all().max_by_key(|(_, superblock)| superblock.sequence)?;
        let geometry = newest.geometry().ok()?;
        let mut mirrors = Vec::new();
        for (image, superblock) in all() {
            let row = newest.devices.get(usize::from(superblock.device.0));
            let own = superblock.own_row().map(|row| row.id);
            if superblock.pool != newest.pool || row.map(|row| row.id) != own {
                report.damage(format_args!(
                    "{} is not of pool {}",
                    image.name(),
                    newest.pool
                ));
            } else if row.is_some_and(|row| row.state == DeviceState::InSync) {
                mirrors.push((superblock.device, image));
            } else {
                report.note(format_args!(
                    "{} is not in sync and is not read",
                    image.name()
                ));
            }
        }
        mirrors.sort_by_key(|(device, _)| *device);
        mirrors.dedup_by_key(|(device, _)| *device);
        let superblock = newest.clone();
        Some(Self {
            superblock,
            geometry,
            mirrors,
            excused: Vec::new(),
        })
    }

    pub(crate) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// From now on, what these mirrors lack is no damage.
    pub(crate) fn excuse(&mut self, lagging: Vec<Lagging>) {
        self.excused = lagging;
    }

    fn is_excused(&self, image: &Image, piece: Piece) -> bool {
        let lacks = |lag: &Lagging| {
            let frame = lag.frame;
            let within = frame.offset_bytes <= piece.offset_bytes
                && piece.offset_bytes - frame.offset_bytes < frame.len_bytes;
            lag.path == image.path && frame.group == piece.group && within
        };
        self.excused.iter().any(lacks)
    }

    /// The devices that should be in sync but are not here.
    pub(crate) fn missing(&self) -> Vec<usize> {
        let here = |n: usize| {
            self.mirrors
                .iter()
                .any(|(device, _)| usize::from(device.0) == n)
        };
        let rows = self.superblock.devices.iter().enumerate();
        let wanted = rows
            .filter(|(_, row)| row.state == DeviceState::InSync)
            .map(|(n, _)| n);
        wanted.filter(|n| !here(*n)).collect()
    }

    /// The piece as each mirror has it. Group n is segment n of every device.
    pub(crate) fn read(&self, piece: Piece) -> Vec<(&'i Image, io::Result<Vec<u8>>)> {
        let read = |image: &'i Image| {
            let end = u64::from(piece.offset_bytes) + u64::from(piece.len_bytes);
            let start = self.geometry.offset_bytes(SegmentNo(piece.group.0));
            let inside = end <= u64::from(self.geometry.segment_bytes());
            let start = start.filter(|_| inside).ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidInput, "outside of every segment")
            })?;
            let mut bytes = vec![0; piece.len_bytes as usize];
            image
                .file
                .read_exact_at(&mut bytes, start + u64::from(piece.offset_bytes))?;
            Ok(bytes)
        };
        self.mirrors
            .iter()
            .map(|(_, image)| (*image, read(image)))
            .collect()
    }

    /// Judges the piece on every mirror, reports each copy that is not what it should be as damage
    /// of `what`, and gives what the first good one holds.
    pub(crate) fn examine<T>(
        &self,
        report: &mut Report<'_>,
        what: impl fmt::Display,
        piece: Piece,
        judge: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) -> Option<T> {
        let mut good = None;
        for (image, bytes) in self.read(piece) {
            let why = match bytes.map(|bytes| judge(&bytes)) {
                Ok(Ok(value)) => {
                    good = good.or(Some(value));
                    continue;
                }
                _ if self.is_excused(image, piece) => continue,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            report.damage(format_args!("{what}: {} {piece}: {why}", image.name()));
        }
        good
    }
}
