//! `blockhouse inspect` and `blockhouse fsck`: the debugger's two questions.

use crate::cli::{FsckArgs, InspectArgs};
use anyhow::Result;
use blockhouse_bhdb::Verdict;
use std::{
    io::{BufWriter, StdoutLock, Write, stdout},
    process::ExitCode,
};

/// Prints what lies on the devices.
pub(crate) fn run(args: &InspectArgs) -> Result<ExitCode> {
    report(|out| blockhouse_bhdb::inspect(&args.images.paths, args.rows_max, out))
}

/// Checks it.
pub(crate) fn fsck(args: &FsckArgs) -> Result<ExitCode> {
    report(|out| blockhouse_bhdb::fsck(&args.images.paths, out))
}

fn report(
    look: impl FnOnce(&mut BufWriter<StdoutLock<'static>>) -> Result<Verdict>,
) -> Result<ExitCode> {
    let mut out = BufWriter::new(stdout().lock());
    let verdict = look(&mut out)?;
    out.flush()?;
    Ok(ExitCode::from(verdict.code()))
}
