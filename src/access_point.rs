//! `blockhouse access-point`: access points, as resources of a running node's desired state.

use crate::{
    cli::{
        NodeArgs,
        access_point::{
            AccessPointArgs, AccessPointCommand, CreateArgs, NameArgs, OfNodeArgs, PutPolicyArgs,
        },
    },
    identity::read,
    remote::Remote,
};
use anyhow::{Context as _, Result};
use blockhouse_s3::parse::Outpost;
use blockhouse_state::{Access, AccessPoint, Document, Kind, Name, Resource};
use serde_json::json;
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(args: &AccessPointArgs) -> Result<ExitCode> {
    match &args.command {
        AccessPointCommand::Create(args) => create(args)?,
        AccessPointCommand::List(args) => list(args)?,
        AccessPointCommand::PutPolicy(args) => put_policy(args)?,
        AccessPointCommand::GetPolicy(args) => get_policy(args)?,
        AccessPointCommand::DeletePolicy(args) => change(args, |it| it.policy = None)?,
        AccessPointCommand::Delete(args) => {
            let remote = Remote::fetch(&args.node)?;
            let name = remote.name(Kind::AccessPoint, &args.name)?;
            remote.delete(vec![name.to_string()])?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn create(args: &CreateArgs) -> Result<()> {
    let mut document = json!({ "bucket": args.bucket });
    if let Some(vpc) = &args.vpc {
        document["vpc"] = json!(vpc);
    }
    if let Some(policy) = &args.policy {
        document["policy"] = json!(read(policy)?);
    }
    let node = &args.of.node;
    Remote::fetch(node)?.create(Kind::AccessPoint, &args.name, &document)?;
    let made = Remote::fetch(node)?;
    let name = made.name(Kind::AccessPoint, &args.name)?;
    let resource = made.resources().get(&name);
    print(&args.of, &name, resource.context("it is gone already")?);
    Ok(())
}

fn list(args: &OfNodeArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    for (name, resource) in remote.resources() {
        print(args, name, resource);
    }
    Ok(())
}

/// Prints a resource, if it is an access point.
fn print(args: &OfNodeArgs, name: &Name, resource: &Resource) {
    let Resource::AccessPoint(access_point) = resource else {
        return;
    };
    let Some(access) = Access::of(name, access_point) else {
        return;
    };
    let outpost = Outpost {
        region: args.node.region.as_str().into(),
        id: args.outpost_id.clone(),
    };
    println!("{}", access.name);
    println!("  bucket  {}", access.bucket);
    if let Some(vpc) = &access.vpc {
        println!("  vpc     {vpc}");
    }
    let arn = outpost.arn(access.account, &format!("accesspoint/{}", access.name));
    println!("  arn     {arn}");
    println!("  alias   {}", access.alias(&outpost.id));
    let policy = if access.policy.is_some() {
        "yes"
    } else {
        "none"
    };
    println!("  policy  {policy}");
}

fn put_policy(args: &PutPolicyArgs) -> Result<()> {
    let document = Document::new(&read(&args.file)?);
    change_named(&args.name, &args.node, |it| it.policy = Some(document))
}

fn get_policy(args: &NameArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (_, resource) = remote.find(Kind::AccessPoint, &args.name)?;
    let Resource::AccessPoint(AccessPoint { policy, .. }) = resource else {
        anyhow::bail!("{} is no access point", args.name);
    };
    println!("{}", policy.context("it has no policy")?.text());
    Ok(())
}

fn change(args: &NameArgs, change: impl FnOnce(&mut AccessPoint)) -> Result<()> {
    change_named(&args.name, &args.node, change)
}

fn change_named(name: &str, node: &NodeArgs, change: impl FnOnce(&mut AccessPoint)) -> Result<()> {
    let remote = Remote::fetch(node)?;
    let (full, mut resource) = remote.find(Kind::AccessPoint, name)?;
    match &mut resource {
        Resource::AccessPoint(access_point) => change(access_point),
        _ => anyhow::bail!("{name} is no access point"),
    }
    remote.put(vec![(full, resource)])
}
