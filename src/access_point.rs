//! `blockhouse access-point`: access points, as resources of a running node's desired state.

use crate::{
    cli::{
        NodeArgs,
        access_point::{
            AccessPointArgs, AccessPointCommand, CreateArgs, NameArgs, OfNodeArgs, PutPolicyArgs,
            ShowArgs,
        },
    },
    identity::read,
    remote::Remote,
};
use anyhow::{Context as _, Result};
use blockhouse_s3::parse::Outpost;
use blockhouse_state::{Access, AccessPoint, Document, Kind, Name, Resource};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(args: &AccessPointArgs) -> Result<ExitCode> {
    match &args.command {
        AccessPointCommand::Create(args) => create(args)?,
        AccessPointCommand::List(args) => list(args)?,
        AccessPointCommand::Show(args) => show(args)?,
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
    Remote::fetch(&args.of.node)?.create(Kind::AccessPoint, &args.name, &document)?;
    let made = find(&args.of, &args.name)?;
    println!("{}\n{}", text(&made, "arn"), text(&made, "alias"));
    Ok(())
}

fn list(args: &OfNodeArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    for (name, resource) in remote.resources() {
        if let Some(shown) = shown(args, name, resource) {
            let columns = ["name", "bucket", "arn", "alias"].map(|column| text(&shown, column));
            println!("{}", columns.join("  "));
        }
    }
    Ok(())
}

fn show(args: &ShowArgs) -> Result<()> {
    println!("{:#}", find(&args.of, &args.name)?);
    Ok(())
}

fn find(of: &OfNodeArgs, name: &str) -> Result<Value> {
    let remote = Remote::fetch(&of.node)?;
    let full = remote.name(Kind::AccessPoint, name)?;
    let resource = remote.resources().get(&full);
    let shown = resource.and_then(|resource| shown(of, &full, resource));
    shown.with_context(|| format!("there is no access point {name}"))
}

fn text(shown: &Value, field: &str) -> String {
    shown[field].as_str().unwrap_or_default().to_owned()
}

/// An access point, with what it is called; `None` for any other resource.
fn shown(of: &OfNodeArgs, name: &Name, resource: &Resource) -> Option<Value> {
    let Resource::AccessPoint(access_point) = resource else {
        return None;
    };
    let access = Access::of(name, access_point)?;
    let outpost = Outpost {
        region: of.node.region.as_str().into(),
        id: of.outpost_id.clone(),
    };
    Some(json!({
        "name": access.name,
        "bucket": access.bucket.as_str(),
        "vpc": access.vpc,
        "arn": outpost.arn(access.account, &format!("accesspoint/{}", access.name)),
        "alias": access.alias(&outpost.id),
        "policy": access_point.policy,
    }))
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
