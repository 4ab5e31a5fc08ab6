//! What may be typed behind `blockhouse net`.

use super::{NodeArgs, identity::FileArgs};
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct NetArgs {
    #[command(subcommand)]
    pub(crate) command: NetCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetCommand {
    /// Make the network what a file says: whole, or not at all; shows the difference first
    Apply(NetApplyArgs),

    /// Look a file over, offline
    Check(NetCheckArgs),

    /// Print the network that is configured, as JSON that `apply` takes
    Show(NodeArgs),

    /// Bound what may be done through a VPC endpoint, whoever asks
    PutEndpointPolicy(PutEndpointPolicyArgs),

    /// Print that bound, as it was put
    GetEndpointPolicy(EndpointArgs),

    /// Take that bound away: everything may again be done through the endpoint
    DeleteEndpointPolicy(EndpointArgs),

    /// Print the network as it is: VPCs, subnets, endpoints, and what was dropped and why
    Status(NetStatusArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NetApplyArgs {
    /// The network, as YAML; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Print the difference and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NetCheckArgs {
    /// The network, as YAML; `-` is standard input
    #[arg(short, long, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct PutEndpointPolicyArgs {
    /// The endpoint: vpce-…
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,

    #[command(flatten)]
    pub(crate) file: FileArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EndpointArgs {
    /// The endpoint: vpce-…
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NetStatusArgs {
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}
