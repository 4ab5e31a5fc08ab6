//! What may be typed behind `blockhouse identity`. The verbs are those of `aws iam`.

use super::NodeArgs;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct IdentityArgs {
    #[command(subcommand)]
    pub(crate) command: IdentityCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IdentityCommand {
    /// Make identities what a file says, all of them or none
    ///
    /// The file is JSON: {"resources": {"user/alice": {…}, "policy/readers": {…}, …}}. Prints what would
    /// differ first.
    #[command(verbatim_doc_comment)]
    Apply(ApplyArgs),

    /// Print the account's identities
    Show(ShowArgs),

    /// Make a user
    CreateUser(CreateArgs),

    /// Delete a user, who must have no access keys
    DeleteUser(DeleteUserArgs),

    /// Make a group of users
    CreateGroup(CreateGroupArgs),

    /// Delete a group that nobody is in
    DeleteGroup(NameArgs),

    /// Put a user into a group
    AddUserToGroup(MembershipArgs),

    /// Take a user out of a group
    RemoveUserFromGroup(MembershipArgs),

    /// Make a role
    CreateRole(CreateRoleArgs),

    /// Delete a role: its sessions may do nothing any more
    DeleteRole(NameArgs),

    /// Make a managed policy, or give it another text
    CreatePolicy(CreatePolicyArgs),

    /// Delete a managed policy that nobody has
    DeletePolicy(NameArgs),

    /// Give a user, group or role a managed policy
    AttachPolicy(AttachArgs),

    /// Take a managed policy from a user, group or role
    DetachPolicy(AttachArgs),

    /// Give a user, group or role a policy of its own
    PutPolicy(InlineArgs),

    /// Take a policy of its own from a user, group or role
    DeleteInlinePolicy(DeleteInlineArgs),

    /// Bound what a user or role may do by a managed policy, or by none any more
    SetBoundary(BoundaryArgs),

    /// Bound what may happen on this node at all; the operator's alone
    PutGuardrail(FileArgs),

    /// Take that bound away
    DeleteGuardrail(NodeOnlyArgs),

    /// Make an access key of a user, and print it for `source`; at most two
    ///
    /// Changes the keys in DIR, so only DIR's owner can. Returns when the running node knows it.
    #[command(verbatim_doc_comment)]
    CreateAccessKey(CreateKeyArgs),

    /// List access keys of users; no secret is printed
    ListAccessKeys(ListKeysArgs),

    /// Enable or disable an access key: with it go its sessions and its links
    UpdateAccessKey(UpdateKeyArgs),

    /// Delete an access key: with it go its sessions and its links
    DeleteAccessKey(DeleteKeyArgs),
}

/// The folder of a node.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The folder given to `dev --data`
    #[arg(
        long,
        value_name = "DIR",
        env = "BLOCKHOUSE_DATA",
        hide_env_values = true,
        default_value = "blockhouse-dev"
    )]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct NodeOnlyArgs {
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The file; `-` reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Delete users, groups, roles and policies of the account that the file does not have
    #[arg(long)]
    pub(crate) prune: bool,

    /// Ask nobody
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,

    /// Print the difference and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print the node's own answer
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name
    pub(crate) name: String,

    /// What stands before its name in its ARN
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,

    /// A tag, which policies may ask for as aws:PrincipalTag/KEY; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) tag: Vec<String>,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteUserArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateGroupArgs {
    /// Its name
    pub(crate) name: String,

    /// What stands before its name in its ARN
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Its name
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MembershipArgs {
    /// The user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,

    /// The group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateRoleArgs {
    #[command(flatten)]
    pub(crate) create: CreateArgs,

    /// Who may assume it: a trust policy, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) trust: PathBuf,

    /// How long a session of it lasts at most, in seconds: 3600 to 43200
    #[arg(long, value_name = "SECONDS", default_value_t = blockhouse_state::SESSION_SECS_MIN)]
    pub(crate) max_session: u64,
}

#[derive(Debug, Args)]
pub(crate) struct CreatePolicyArgs {
    /// Its name
    pub(crate) name: String,

    /// The policy, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What stands before its name in its ARN
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub(crate) path: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// A user, group or role.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct HolderArgs {
    /// The user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// The group
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,

    /// The role
    #[arg(long, value_name = "NAME")]
    pub(crate) role: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    pub(crate) holder: HolderArgs,

    /// The managed policy
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InlineArgs {
    #[command(flatten)]
    pub(crate) holder: HolderArgs,

    /// What it is called
    #[arg(long, value_name = "NAME")]
    pub(crate) policy_name: String,

    /// The policy, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteInlineArgs {
    #[command(flatten)]
    pub(crate) holder: HolderArgs,

    /// What it is called
    #[arg(long, value_name = "NAME")]
    pub(crate) policy_name: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BoundaryArgs {
    #[command(flatten)]
    pub(crate) holder: HolderArgs,

    /// The managed policy [default: none any more]
    #[arg(long, value_name = "NAME")]
    pub(crate) policy: Option<String>,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The policy, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    /// The user
    #[arg(long, value_name = "NAME")]
    pub(crate) user: String,

    #[command(flatten)]
    pub(crate) data: DataArgs,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListKeysArgs {
    /// Of this user alone
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// Of this account alone
    #[arg(long, value_name = "NUMBER")]
    pub(crate) account: Option<String>,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct UpdateKeyArgs {
    /// The key
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    /// What it shall be
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: KeyStatus,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// What a key can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyStatus {
    /// It may sign.
    Active,
    /// It may not.
    Inactive,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteKeyArgs {
    /// The key
    #[arg(value_name = "ID")]
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) data: DataArgs,
}
