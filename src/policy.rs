//! `blockhouse policy`: looks policies over and asks them, with the engine of the node and, unless told
//! otherwise, offline; and tells why a request was decided as it was.

mod explain;

use crate::{
    cli::{LintArgs, NodeArgs, PolicyArgs, PolicyCommand, PolicyKindArg, SimulateArgs},
    identity::remote::{Known, Remote},
};
use anyhow::{Context as _, Result, bail};
use blockhouse_policy::{
    Action, Arn, Context, Kind, Policies, Policy, Principal, Request, Resource, Value, explain,
    lint,
};
use blockhouse_types::{AccountId, Clock, SystemClock};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

/// Bytes of a policy's file at most.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Looks over or asks.
pub(crate) fn run(args: &PolicyArgs) -> Result<ExitCode> {
    match &args.command {
        PolicyCommand::Lint(args) => look_over(args),
        PolicyCommand::Simulate(args) => simulate(args),
        PolicyCommand::Explain(args) => explain::explain(args),
    }
}

/// Exits with 0 when nothing is odd, 1 when something is, 2 when it is no policy.
fn look_over(args: &LintArgs) -> Result<ExitCode> {
    let text = read(&args.file)?;
    let policy = match Policy::parse(args.kind.into(), &name_of(&args.file), &text) {
        Ok(policy) => policy,
        Err(error) => {
            println!("{}: {error}", args.file.display());
            return Ok(ExitCode::from(2));
        }
    };
    let known = args.admin.as_ref().map(|admin| known(admin, &args.region));
    let known = known.transpose()?;
    let exists = known.as_ref().map(|known| |name: &str| known.has(name));
    let warnings = match &exists {
        Some(exists) => lint(&policy, Some(exists)),
        None => lint(&policy, None),
    };
    for warning in &warnings {
        println!("{}: {warning}", args.file.display());
    }
    let statements = policy.statement_count();
    println!("{statements} statements, {} warnings", warnings.len());
    Ok(match warnings.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// Who exists, as the node says.
fn known(admin: &str, region: &str) -> Result<Known> {
    let node = NodeArgs {
        admin: admin.to_owned(),
        region: region.to_owned(),
    };
    Ok(Remote::fetch(&node)?.known())
}

/// Exits with 0 when it would be allowed, 1 when not.
fn simulate(args: &SimulateArgs) -> Result<ExitCode> {
    let principal = match args.caller.as_str() {
        "anonymous" => Principal::anonymous(),
        arn => Principal::from_arn(arn)
            .with_context(|| format!("{arn:?} is no ARN of a principal, nor `anonymous`"))?,
    };
    let identity = args.identity.iter();
    let identity = identity.map(|file| Ok(Arc::new(policy(Kind::Managed, file)?)));
    let identity = identity.collect::<Result<Vec<_>>>()?;
    let one = |kind, file: &Option<PathBuf>| {
        let read = file.as_ref().map(|file| policy(kind, file));
        read.transpose()
    };
    let bucket = one(Kind::Bucket, &args.bucket_policy)?;
    let boundary = one(Kind::Boundary, &args.boundary)?;
    let session = one(Kind::Session, &args.session)?;
    let session = session.map(|policy| [Arc::new(policy)]);
    let policies = Policies {
        identity: &identity,
        boundary: boundary.as_ref(),
        session: session.as_ref().map(|policies| &policies[..]),
        resource: bucket.as_ref(),
        ..Policies::default()
    };
    let action = Action::new(&args.action);
    let mut context = Context::of(&principal, action.dialect());
    context.set_time(SystemClock.now());
    for text in &args.context {
        let (key, value) = text
            .split_once('=')
            .with_context(|| format!("{text:?} is not KEY=VALUE"))?;
        if !context.set_named(key, Value::from(value)) {
            bail!("{key:?} is no name of a condition key");
        }
    }
    let name =
        Arn::parse(&args.resource).with_context(|| format!("{:?} is no ARN", args.resource))?;
    let owner = match &args.owner {
        Some(number) => Some(AccountId::parse(number).context("--owner: twelve digits")?),
        None => principal.account(),
    };
    let resource = match owner {
        Some(owner) => Resource::new(name, owner),
        None => bail!("--owner: nobody has no account; whose bucket is it?"),
    };
    let request = Request {
        principal: &principal,
        action,
        resource,
        context: &context,
    };
    let explanation = explain(&policies, &request);
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&explanation)?),
        false => println!("{explanation}"),
    }
    Ok(match explanation.decision {
        "allowed" => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn policy(kind: Kind, file: &Path) -> Result<Policy> {
    let text = read(file)?;
    Policy::parse(kind, &name_of(file), &text).with_context(|| file.display().to_string())
}

fn read(file: &Path) -> Result<String> {
    let len = fs::metadata(file)
        .with_context(|| format!("cannot read {}", file.display()))?
        .len();
    if len > FILE_BYTES_MAX {
        bail!("{} is longer than any policy", file.display());
    }
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

/// What decisions call the policy of a file.
fn name_of(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or(file.as_os_str());
    stem.to_string_lossy().into_owned()
}

impl From<PolicyKindArg> for Kind {
    fn from(kind: PolicyKindArg) -> Self {
        match kind {
            PolicyKindArg::Bucket => Self::Bucket,
            PolicyKindArg::AccessPoint => Self::AccessPoint,
            PolicyKindArg::Managed => Self::Managed,
            PolicyKindArg::Boundary => Self::Boundary,
            PolicyKindArg::Session => Self::Session,
            PolicyKindArg::Trust => Self::Trust,
            PolicyKindArg::Endpoint => Self::Endpoint,
            PolicyKindArg::Guardrail => Self::Guardrail,
        }
    }
}
