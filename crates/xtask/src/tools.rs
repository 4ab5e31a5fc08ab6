//! What the stages need beyond cargo itself, installed when it is missing.

use crate::stage::command;
use anyhow::Result;
use std::process::{Command, Stdio};

/// Debian packages by the program they bring.
const PACKAGES: [(&str, &str); 9] = [
    ("rclone", "rclone"),
    ("restic", "restic"),
    ("s3cmd", "s3cmd"),
    ("chromium", "chromium"),
    ("cmake", "cmake"),
    ("clang", "clang"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("systemd-analyze", "systemd"),
];

/// Cargo's own tools, pinned.
const CARGO_TOOLS: [(&str, &str); 2] = [("cargo-deny", "0.20.2"), ("cargo-fuzz", "0.13.2")];

/// Installs what is missing.
pub(crate) fn install() -> Result<()> {
    let missing: Vec<_> = PACKAGES
        .iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, p)| *p)
        .collect();
    if !missing.is_empty() {
        command(&["apt-get", "update", "-qq"], &[])?;
        let mut install = vec!["apt-get", "install", "-y", "-qq", "--no-install-recommends"];
        install.extend(missing);
        command(&install, &[("DEBIAN_FRONTEND", "noninteractive")])?;
    }
    for (tool, version) in CARGO_TOOLS {
        if !is_there(tool) {
            command(
                &["cargo", "install", "--locked", "--version", version, tool],
                &[],
            )?;
        }
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let mut which = Command::new("which");
    which
        .arg(program)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    which.status().is_ok_and(|status| status.success())
}
