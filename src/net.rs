//! `blockhouse net`: the network of a running node, from a file.
//!
//! The file says the whole network. What differs from the node's is shown, object by object, before
//! anything is changed; then all of it is, or nothing.

mod status;

use crate::{
    cli::net::{EndpointArgs, NetApplyArgs, NetArgs, NetCheckArgs, NetCommand, NetStatusArgs},
    identity::{
        apply::{agreed, changed_fields},
        put_document,
    },
    remote::Remote,
};
use anyhow::{Context as _, Result, anyhow, bail};
use blockhouse_netfilter::{DOCUMENT_BYTES_MAX, Model, told};
use blockhouse_state::{Kind, Name, Resource, State, VpcEndpointPolicy};
use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
    process::ExitCode,
};

pub(crate) fn run(args: &NetArgs) -> Result<ExitCode> {
    match &args.command {
        NetCommand::Apply(args) => apply(args),
        NetCommand::Check(args) => check(args),
        NetCommand::Show(node) => {
            let remote = Remote::fetch(node)?;
            let model = State::of_resources(remote.resources().clone()).network();
            println!("{}", serde_json::to_string_pretty(&model)?);
            Ok(ExitCode::SUCCESS)
        }
        NetCommand::PutEndpointPolicy(args) => {
            put_document(
                &args.file,
                Kind::VpcEndpointPolicy,
                policy_of(&args.endpoint),
            )?;
            Ok(ExitCode::SUCCESS)
        }
        NetCommand::GetEndpointPolicy(args) => {
            println!("{}", endpoint_policy(args)?.document.text());
            Ok(ExitCode::SUCCESS)
        }
        NetCommand::DeleteEndpointPolicy(args) => {
            Remote::fetch(&args.node)?.delete(vec![policy_of(&args.endpoint)])?;
            Ok(ExitCode::SUCCESS)
        }
        NetCommand::Status(args) => show_status(args),
    }
}

/// The name of an endpoint's policy.
fn policy_of(endpoint: &str) -> String {
    format!("{}/{endpoint}", Kind::VpcEndpointPolicy.as_str())
}

fn endpoint_policy(args: &EndpointArgs) -> Result<VpcEndpointPolicy> {
    let remote = Remote::fetch(&args.node)?;
    let name = Name::of_node_named(Kind::VpcEndpointPolicy, &args.endpoint);
    let found = name.and_then(|name| remote.resources().get(&name).cloned());
    match found {
        Some(Resource::VpcEndpointPolicy(policy)) => Ok(policy),
        _ => bail!("{} has no policy", args.endpoint),
    }
}

fn check(args: &NetCheckArgs) -> Result<ExitCode> {
    let model = read(&args.file)?;
    let (vpcs, public) = (model.vpcs.len(), model.public_endpoints.len());
    let subnets: usize = model.vpcs.iter().map(|vpc| vpc.subnets.len()).sum();
    println!("{vpcs} VPCs with {subnets} subnets and {public} public endpoints go together");
    Ok(ExitCode::SUCCESS)
}

fn apply(args: &NetApplyArgs) -> Result<ExitCode> {
    let model = read(&args.file)?;
    let remote = Remote::fetch(&args.node)?;
    let there = remote.resources();
    let change = State::of_resources(there.clone()).change_to_network(remote.version(), model);
    for put in &change.puts {
        match there.get(&put.name) {
            Some(old) => {
                let fields = changed_fields(old, &put.resource)?.join(", ");
                println!("~ {}: {fields}", put.name);
            }
            None => println!("+ {}", put.name),
        }
    }
    for name in &change.deletes {
        println!("- {name}");
    }
    let puts = change
        .puts
        .into_iter()
        .map(|put| (put.name.to_string(), put.resource));
    let puts: Vec<_> = puts.collect();
    let deletes: Vec<String> = change.deletes.into_iter().map(Into::into).collect();
    if puts.is_empty() && deletes.is_empty() {
        println!("nothing differs from version {}", remote.version());
        return Ok(ExitCode::SUCCESS);
    }
    if args.dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed()? {
        println!("nothing was changed");
        return Ok(ExitCode::FAILURE);
    }
    let version = remote.change(&puts, deletes)?;
    let status = status::Status::fetch(&args.node)?;
    if let Some(reason) = status.failure() {
        println!("version {version}, and the network is not so yet: {reason}");
        return Ok(ExitCode::FAILURE);
    }
    println!("version {version}");
    Ok(ExitCode::SUCCESS)
}

fn show_status(args: &NetStatusArgs) -> Result<ExitCode> {
    let status = status::Status::fetch(&args.node)?;
    match args.json {
        true => println!("{}", status.text()),
        false => print!("{status}"),
    }
    Ok(match status.failure() {
        None => ExitCode::SUCCESS,
        Some(_) => ExitCode::FAILURE,
    })
}

/// Reads a network, `-` being standard input, and judges it: every fault of a file is told at once, with
/// its object.
pub(crate) fn read(path: &Path) -> Result<Model> {
    let shown = || path.display().to_string();
    let mut text = String::new();
    let from: &mut dyn Read = match path.to_str() {
        Some("-") => &mut stdin(),
        _ => &mut File::open(path).with_context(shown)?,
    };
    let most = DOCUMENT_BYTES_MAX as u64 + 1;
    from.take(most)
        .read_to_string(&mut text)
        .with_context(shown)?;
    let model = Model::from_yaml(&text).with_context(shown)?;
    match model.check() {
        Ok(checked) => Ok(checked.model().clone()),
        Err(faults) => Err(anyhow!(told(&faults)).context(shown())),
    }
}
