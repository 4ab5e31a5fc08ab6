//! `blockhouse identity`: users, groups, roles and their policies, as resources of a running node's desired
//! state; and users' access keys, which are secrets and never go there.

pub(crate) mod apply;
mod edit;
mod keys;

use crate::cli::identity::{
    AttachArgs, BoundaryArgs, CreateArgs, CreatePolicyArgs, CreateRoleArgs, DeleteInlineArgs,
    DeleteUserArgs, FileArgs, IdentityArgs, IdentityCommand, InlineArgs, MembershipArgs, NameArgs,
    ShowArgs,
};
use crate::remote::Remote;
use anyhow::{Context as _, Result};
use blockhouse_state::{Document, Kind, Resource};
use edit::{attached, boundary, holder, inline, user};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
    process::ExitCode,
};

/// Bytes of a policy's file at most.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Does what was asked for.
pub(crate) fn run(args: &IdentityArgs) -> Result<ExitCode> {
    use IdentityCommand as Do;
    match &args.command {
        Do::Apply(args) => return apply::run(args),
        Do::Show(args) => show(args)?,
        Do::CreateUser(args) => create_user(args)?,
        Do::DeleteUser(args) => delete_user(args)?,
        Do::CreateGroup(args) => {
            let group = json!({ "path": args.path });
            Remote::fetch(&args.node)?.create(Kind::Group, &args.name, &group)?;
        }
        Do::DeleteGroup(args) => delete(Kind::Group, args)?,
        Do::AddUserToGroup(args) => {
            let group = args.group.as_str().into();
            membership(args, |groups| groups.insert(group))?;
        }
        Do::RemoveUserFromGroup(args) => {
            membership(args, |groups| groups.remove(args.group.as_str()))?;
        }
        Do::CreateRole(args) => create_role(args)?,
        Do::DeleteRole(args) => delete(Kind::Role, args)?,
        Do::CreatePolicy(args) => create_policy(args)?,
        Do::DeletePolicy(args) => delete(Kind::Policy, args)?,
        Do::AttachPolicy(args) => attach(args, |has| has.insert(args.policy.as_str().into()))?,
        Do::DetachPolicy(args) => attach(args, |has| has.remove(args.policy.as_str()))?,
        Do::PutPolicy(args) => put_inline(args)?,
        Do::DeleteInlinePolicy(args) => delete_inline(args)?,
        Do::SetBoundary(args) => set_boundary(args)?,
        Do::PutGuardrail(args) => put_document(args, Kind::Guardrail, "guardrail".to_owned())?,
        Do::DeleteGuardrail(args) => {
            Remote::fetch(&args.node)?.delete(vec!["guardrail".to_owned()])?;
        }
        Do::CreateAccessKey(args) => keys::create(args)?,
        Do::ListAccessKeys(args) => keys::list(args)?,
        Do::UpdateAccessKey(args) => keys::update(args)?,
        Do::DeleteAccessKey(args) => keys::delete(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(args: &ShowArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    if args.json {
        println!("{}", remote.text());
        return Ok(());
    }
    println!("account {}, version {}", remote.account(), remote.version());
    for (name, resource) in remote.resources() {
        println!("{name}{}", edit::summary(resource));
    }
    for lost in remote.unreadable() {
        println!("{} cannot be read, and denies: {}", lost.name, lost.reason);
    }
    Ok(())
}

fn create_user(args: &CreateArgs) -> Result<()> {
    let tags = tags(&args.tag)?;
    let user = json!({ "path": args.path, "tags": tags });
    Remote::fetch(&args.node)?.create(Kind::User, &args.name, &user)
}

fn delete_user(args: &DeleteUserArgs) -> Result<()> {
    let remote = Remote::fetch(&args.name.node)?;
    keys::none_of(&args.data.data, remote.account(), &args.name.name)?;
    let name = remote.name(Kind::User, &args.name.name)?;
    remote.delete(vec![name.to_string()])
}

fn create_role(args: &CreateRoleArgs) -> Result<()> {
    let role = json!({
        "path": args.create.path,
        "tags": tags(&args.create.tag)?,
        "trust": read(&args.trust)?,
        "max_session_secs": args.max_session,
    });
    Remote::fetch(&args.create.node)?.create(Kind::Role, &args.create.name, &role)
}

fn create_policy(args: &CreatePolicyArgs) -> Result<()> {
    let policy = json!({ "path": args.path, "document": read(&args.file)? });
    let remote = Remote::fetch(&args.node)?;
    remote.put(vec![remote.resource(Kind::Policy, &args.name, &policy)?])
}

fn delete(kind: Kind, args: &NameArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let name = remote.name(kind, &args.name)?;
    remote.delete(vec![name.to_string()])
}

/// Changes a user's groups; an error when that changes nothing.
fn membership(args: &MembershipArgs, change: impl FnOnce(&mut edit::Names) -> bool) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (name, mut resource) = remote.find(Kind::User, &args.user)?;
    let changed = change(&mut user(&mut resource)?.groups);
    changed.then_some(()).context("it is so already")?;
    remote.put(vec![(name, resource)])
}

/// Changes which managed policies somebody has, likewise.
fn attach(args: &AttachArgs, change: impl FnOnce(&mut edit::Names) -> bool) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (kind, name) = holder(&args.holder)?;
    let (name, mut resource) = remote.find(kind, name)?;
    let changed = change(attached(&mut resource)?);
    changed.then_some(()).context("it is so already")?;
    remote.put(vec![(name, resource)])
}

fn put_inline(args: &InlineArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (kind, name) = holder(&args.holder)?;
    let (name, mut resource) = remote.find(kind, name)?;
    let document = Document::new(&read(&args.file)?);
    inline(&mut resource)?.insert(args.policy_name.as_str().into(), document);
    remote.put(vec![(name, resource)])
}

fn delete_inline(args: &DeleteInlineArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (kind, name) = holder(&args.holder)?;
    let (name, mut resource) = remote.find(kind, name)?;
    let removed = inline(&mut resource)?.remove(args.policy_name.as_str());
    removed.with_context(|| format!("{name} has no policy {}", args.policy_name))?;
    remote.put(vec![(name, resource)])
}

fn set_boundary(args: &BoundaryArgs) -> Result<()> {
    let remote = Remote::fetch(&args.node)?;
    let (kind, name) = holder(&args.holder)?;
    let (name, mut resource) = remote.find(kind, name)?;
    *boundary(&mut resource)? = args.policy.as_deref().map(Into::into);
    remote.put(vec![(name, resource)])
}

/// Puts a resource that is nothing but a policy.
pub(crate) fn put_document(args: &FileArgs, kind: Kind, name: String) -> Result<()> {
    let body = json!({ "document": read(&args.file)? }).to_string();
    let resource = Resource::read(kind, body.as_bytes())?;
    Remote::fetch(&args.node)?.put(vec![(name, resource)])
}

fn tags(given: &[String]) -> Result<BTreeMap<&str, &str>> {
    let mut tags = BTreeMap::new();
    for tag in given {
        let (name, value) = tag
            .split_once('=')
            .with_context(|| format!("--tag {tag}: KEY=VALUE"))?;
        tags.insert(name, value);
    }
    Ok(tags)
}

/// The text of a file; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String> {
    let shown = || format!("{}", path.display());
    let source: Box<dyn Read> = match path.to_str() {
        Some("-") => Box::new(io::stdin()),
        _ => Box::new(File::open(path).with_context(shown)?),
    };
    let mut text = String::new();
    let read = source.take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    let len = read.with_context(shown)?;
    anyhow::ensure!(len as u64 <= FILE_BYTES_MAX, "{}: at most 1 MiB", shown());
    Ok(text)
}
