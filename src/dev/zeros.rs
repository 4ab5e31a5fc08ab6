//! Makes the device files, all zeros: the file system has nothing left to allocate when the engine
//! writes.

use super::{home::Home, plan::Plan};
use anyhow::{Result, bail};
use blockhouse_device::{OpenMode, open_file};
use std::{
    fs,
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

/// Nobody else works in this folder: the launcher holds its lock.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// Width of the bar in characters.
const BAR_WIDTH: u64 = 40;

/// Makes those that are not there. A file that is there with another size was not made by this
/// node, and is refused.
pub(super) fn make_devices(home: &Home, plan: &Plan) -> Result<()> {
    for number in 0..plan.devices() {
        let path = home.device(number);
        let len_bytes = plan.device_bytes();
        if let Ok(found) = fs::metadata(&path) {
            if found.len() < len_bytes {
                let (path, found) = (path.display(), found.len());
                bail!("{path} has {found} bytes and not {len_bytes}: it is not this node's device");
            }
            continue;
        }
        let mut bar = Bar::new(&path.file_name().unwrap_or_default().to_string_lossy());
        open_file(
            &path,
            OpenMode::Create { len_bytes },
            LOCK_PATIENCE,
            &mut |done, all| {
                bar.show(done, all);
            },
        )?;
        bar.end();
    }
    Ok(())
}

/// A progress bar on a terminal; one line elsewhere.
struct Bar {
    name: String,
    terminal: bool,
    shown_percent: Option<u64>,
}

impl Bar {
    fn new(name: &str) -> Self {
        let terminal = stderr().is_terminal();
        if !terminal {
            eprintln!("writing zeros to {name}");
        }
        Self {
            name: name.to_owned(),
            terminal,
            shown_percent: None,
        }
    }

    fn show(&mut self, done: u64, all: u64) {
        let percent = done * 100 / all.max(1);
        if !self.terminal || self.shown_percent == Some(percent) {
            return;
        }
        self.shown_percent = Some(percent);
        let full = (percent * BAR_WIDTH / 100) as usize;
        let empty = BAR_WIDTH as usize - full;
        let (name, full, empty) = (&self.name, "=".repeat(full), " ".repeat(empty));
        eprint!("\rwriting zeros to {name} [{full}{empty}] {percent:3} %");
        // A bar that is not seen does no harm.
        let _ = stderr().flush();
    }

    fn end(&self) {
        if self.terminal {
            eprintln!();
        }
    }
}
