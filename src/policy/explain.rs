//! `blockhouse policy explain`: why a request that happened was allowed or refused, from the audit.

use crate::cli::ExplainArgs;
use anyhow::{Context as _, Result, bail};
use blockhouse_gateway::audit::{self, AllowingStatement, Told};
use blockhouse_types::RequestId;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::inotify::{AddWatchFlags, InitFlags, Inotify},
};
use serde_json::Value;
use std::{
    fmt, io,
    os::fd::AsFd as _,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

/// How long a request is sought that is not there yet: whoever was just refused asks at once, and the node
/// writes its records in rounds of 50 ms.
const PATIENCE: Duration = Duration::from_secs(1);

/// Exits with 0 when the request is there, 1 when not.
pub(super) fn run(args: &ExplainArgs) -> Result<ExitCode> {
    let Some(request) = RequestId::parse(&args.request_id) else {
        bail!(
            "{:?} is no request id: sixteen hexadecimal digits, as x-amz-request-id shows them",
            args.request_id
        );
    };
    let folder = args.data.join("audit");
    let found = seek(&folder, request);
    let found = found.with_context(|| format!("cannot read the audit in {}", folder.display()))?;
    let Some((mut document, told)) = found else {
        eprintln!(
            "{request} is not in {}: another node's, older than what is kept, or not written yet",
            folder.display()
        );
        return Ok(ExitCode::FAILURE);
    };
    match args.json {
        true => {
            document["meaning"] = told.check.as_deref().and_then(audit::meaning).into();
            println!("{}", serde_json::to_string_pretty(&document)?);
        }
        false => print!(
            "{}",
            Shown {
                request,
                told: &told,
                line: &document
            }
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Looks for a request, and again whenever something was written meanwhile.
fn seek(folder: &Path, request: RequestId) -> io::Result<Option<(Value, Told)>> {
    let until = Instant::now() + PATIENCE;
    let written = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    written.add_watch(folder, AddWatchFlags::IN_MODIFY)?;
    loop {
        let found = audit::find(folder, request)?;
        let left = until.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        if found.is_some() || timeout == PollTimeout::ZERO {
            return Ok(found);
        }
        let mut watched = [PollFd::new(written.as_fd(), PollFlags::POLLIN)];
        if poll(&mut watched, timeout)? > 0 {
            written.read_events()?;
        }
    }
}

/// A record for a person.
struct Shown<'a> {
    request: RequestId,
    told: &'a Told,
    line: &'a Value,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.told;
        self.verdict(f)?;
        writeln!(f, "  when  {}", told.time)?;
        write!(
            f,
            "  who   {}",
            told.principal
                .as_deref()
                .unwrap_or("nobody that was proven")
        )?;
        if let Some(key) = &told.key_id {
            write!(f, ", key {key}")?;
        }
        if let Some(link) = &told.link {
            write!(f, ", by the link {link}")?;
        }
        write!(f, ", from {}", told.source)?;
        if let (Some(vpc), Some(vpce)) = (&told.vpc, &told.vpce) {
            write!(f, " in {vpc}, through {vpce}")?;
        }
        writeln!(f)?;
        writeln!(f, "  what  {}", self.what())?;
        if let Some(code) = &told.code {
            writeln!(f, "  told  {code}")?;
        }
        if told.verdict == "allowed" {
            writeln!(f, "  bytes {}", told.bytes)?;
        }
        match (&told.why, &told.allowed_by) {
            (Some(why), _) => write!(f, "{why}")?,
            (None, Some(allowed)) => {
                if allowed.root {
                    writeln!(
                        f,
                        "Policies allowed it: the root of the account needs none."
                    )?;
                }
                for statement in &allowed.statements {
                    writeln!(f, "Policies allowed it: {}.", named(statement))?;
                }
            }
            (None, None) => {
                if let Some(statement) = self.line["statement"].as_str() {
                    writeln!(f, "Denied by {statement}; more was not kept of it.")?;
                }
            }
        }
        Ok(())
    }
}

impl Shown<'_> {
    fn verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (request, told) = (self.request, self.told);
        let Some(check) = &told.check else {
            return writeln!(f, "{request} was {}.", told.verdict);
        };
        match audit::meaning(check) {
            Some(meaning) => writeln!(f, "{request} was {} by {check}: {meaning}.", told.verdict),
            None => writeln!(f, "{request} was {} by {check}.", told.verdict),
        }
    }

    fn what(&self) -> String {
        let action = self
            .told
            .action
            .as_deref()
            .unwrap_or("nothing that made sense");
        match (&self.told.bucket, &self.told.key) {
            (Some(bucket), Some(key)) => format!("{action} on {bucket}/{key}"),
            (Some(bucket), None) => format!("{action} on {bucket}"),
            (None, _) => action.to_owned(),
        }
    }
}

/// `statement 2 ("Sid") of identity, in managed policy "…" (fingerprint)`.
fn named(statement: &AllowingStatement) -> String {
    let AllowingStatement {
        layer,
        kind,
        policy,
        fingerprint,
        statement: number,
        sid,
    } = statement;
    let sid = sid
        .as_ref()
        .map(|sid| format!(" (\"{sid}\")"))
        .unwrap_or_default();
    let number = number + 1;
    format!(
        "statement {number}{sid} of the {layer} layer, in the {kind} policy \"{policy}\" ({fingerprint})"
    )
}
