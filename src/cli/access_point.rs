//! What may be typed behind `blockhouse access-point`. The verbs are those of `aws s3control`.

use super::NodeArgs;
use blockhouse_types::OutpostId;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct AccessPointArgs {
    #[command(subcommand)]
    pub(crate) command: AccessPointCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccessPointCommand {
    /// Make an access point of a bucket; prints its ARN and alias
    Create(CreateArgs),

    /// Print the account's access points
    List(OfNodeArgs),

    /// Print an access point, as JSON
    Show(ShowArgs),

    /// Put a policy in the place of the one that is there
    PutPolicy(PutPolicyArgs),

    /// Print an access point's policy
    GetPolicy(NameArgs),

    /// Take an access point's policy away
    DeletePolicy(NameArgs),

    /// Delete an access point: links through it work no more
    Delete(NameArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What to call it: 3 to 50 lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The bucket
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: String,

    /// The VPC that it is reached from, and from nowhere else
    #[arg(long, value_name = "VPC")]
    pub(crate) vpc: Option<String>,

    /// Its policy, as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) of: OfNodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Which
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) of: OfNodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PutPolicyArgs {
    /// Which
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    /// The policy, as JSON; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// Which
    #[arg(value_name = "NAME")]
    pub(crate) name: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

/// A node, and what it is called in ARNs.
#[derive(Debug, Args)]
pub(crate) struct OfNodeArgs {
    /// The node as an Outpost
    #[arg(
        long,
        value_name = "ID",
        env = "BLOCKHOUSE_OUTPOST",
        hide_env_values = true
    )]
    pub(crate) outpost_id: OutpostId,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}
