//! What may be typed. The help texts are the manual: `tests/golden/help.txt` holds them.

pub(crate) mod access_point;
pub(crate) mod identity;
pub(crate) mod net;

use blockhouse_settings::IoMode;
use blockhouse_verifier_wire::SessionKind;
use clap::{Args, Parser, Subcommand, ValueEnum};
use identity::IdentityArgs;
use net::NetArgs;
use std::{net::SocketAddr, path::PathBuf, str::FromStr};

/// How long a link lives when nobody says: five days.
const PRESIGN_EXPIRES_SECS: u64 = 5 * 86_400;

/// An S3 storage node: durable, signed, on your own disks.
#[derive(Debug, Parser)]
#[command(name = "blockhouse", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to log: error, warn, info, debug; or by part, as in info,blockhouse_gateway=debug
    #[arg(long, global = true, env = "RUST_LOG", hide_env_values = true,
          default_value = blockhouse_daemon::log::DEFAULT_FILTER, value_name = "FILTER")]
    pub(crate) log: String,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a whole node here and now, made on first start and found again on the next
    ///
    /// Writes DIR/env: `source` it, and the AWS command line, SDKs and the other commands of this
    /// program find the node. Ctrl-C drains and ends it.
    #[command(verbatim_doc_comment)]
    Dev(DevArgs),

    /// Make a link to one object that works without a key, offline
    ///
    /// Signs with the key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), as
    /// `source DIR/env` of a running `dev` sets them.
    #[command(verbatim_doc_comment)]
    Presign(PresignArgs),

    /// List the links of a running node, and revoke them before their time
    ///
    /// Asks the node's administrator address, signed with the key in the environment, as `source
    /// DIR/env` of a running `dev` sets it.
    #[command(verbatim_doc_comment)]
    Link(LinkArgs),

    /// Give a bucket names of their own, each with a policy: hosts that links go through
    ///
    /// Asks the node's administrator address, signed with the key in the environment, as `source
    /// DIR/env` of a running `dev` sets it.
    #[command(verbatim_doc_comment)]
    AccessPoint(access_point::AccessPointArgs),

    /// Say from which addresses a bucket may be reached, whoever asks and by whatever link
    ///
    /// A bucket without a list is reached from any address. Signed with the key in the environment, as
    /// `source DIR/env` of a running `dev` sets it.
    #[command(verbatim_doc_comment)]
    AddressList(AddressListArgs),

    /// Look policies over, and ask what they would decide, offline
    Policy(PolicyArgs),

    /// Manage users, groups, roles, their policies and access keys of a running node
    ///
    /// Asks the node's administrator address, signed with the root's key in the environment, as `source
    /// DIR/env` of a running `dev` sets it.
    #[command(verbatim_doc_comment)]
    Identity(IdentityArgs),

    /// Configure the network of a running node: VPCs, subnets, endpoints; and see what it does
    ///
    /// Asks the node's administrator address, signed with the root's key in the environment, as `source
    /// DIR/env` of a running `dev` sets it. Only the operator's root may.
    #[command(verbatim_doc_comment)]
    Net(NetArgs),

    /// Make temporary credentials of a standalone node, for `source`
    ///
    /// Reads the keys in DIR, so only DIR's owner can. They die when their time is over, and with the
    /// long-term key that they come from; so does every link that they sign.
    #[command(verbatim_doc_comment)]
    Token(TokenArgs),

    /// Print what lies on the devices of a node, read-only, also while it runs
    ///
    /// Superblocks, checkpoint, log and index, as they lie there. It uses no engine, goes on after an
    /// error, and says which truth it reports.
    #[command(verbatim_doc_comment)]
    Inspect(InspectArgs),

    /// Check every structure and checksum on the devices of a node, read-only
    ///
    /// Exits with 0 when all is well, 1 when something is damaged, 2 when it could not tell.
    #[command(verbatim_doc_comment)]
    Fsck(FsckArgs),

    /// Serve S3: started by `dev`, which hands it its settings
    #[command(hide = true)]
    Node,

    /// Judge signatures: started by `dev`, which hands it its settings and sockets
    #[command(hide = true)]
    Verifier,

    /// Set the network up: started by `dev`, which hands it its settings and socket, or as a service
    #[command(hide = true)]
    Netfilterd(NetfilterdArgs),

    /// Make keys or write DIR/env: started by `dev`
    #[command(hide = true)]
    Keys,

    /// Hand the keys to the verifier: started by `dev`
    #[command(hide = true)]
    Provision,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Where everything lies; made if it is not there
    #[arg(long, value_name = "DIR", default_value = "blockhouse-dev")]
    pub(crate) data: PathBuf,

    /// How many device files to make on first start; two mirror each other [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) devices: Option<usize>,

    /// The size of each device file, made of zeros on first start [default: 2GiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) device_size: Option<Size>,

    /// Make another account as well, with its keys in DIR/env.alt
    #[arg(long)]
    pub(crate) second_account: bool,

    /// Listen for S3 over http; may be given several times, IPv6 as [::1]:9000
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) s3: Vec<SocketAddr>,

    /// Listen for S3 over https, by a certificate that DIR/ca.pem vouches for
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9443")]
    pub(crate) s3_tls: Vec<SocketAddr>,

    /// The host name for virtual-hosted style (BUCKET.NAME) and for the certificate
    #[arg(long, value_name = "NAME", default_value = "s3.blockhouse.test")]
    pub(crate) domain: Vec<String>,

    /// Another name of the S3 endpoint, such as a proxy's; links made for one name work by all
    ///
    /// As clients write it in `Host`, so with a port unless that is the default one. The canonical
    /// name is the first --s3. May be given eight times.
    #[arg(long, value_name = "NAME[:PORT]", verbatim_doc_comment)]
    pub(crate) alias: Vec<String>,

    /// Listen for /healthz, /readyz and /metrics
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:9002")]
    pub(crate) admin: SocketAddr,

    /// How to reach the disks: by io_uring, by plain calls, or what the kernel allows
    #[arg(long, value_name = "MODE", default_value = "auto")]
    pub(crate) io: IoModeArg,

    /// What the machine is like, as in hw-profiles/laptop.toml: which cores serve what
    /// [default: the last core serves the verifier alone]
    #[arg(long, value_name = "FILE")]
    pub(crate) hw_profile: Option<PathBuf>,

    /// Run a network filter too, and make the network what this file says; needs root
    ///
    /// The network of the file is taken over as with `blockhouse net apply`. Which interfaces may be
    /// used is said by --hw-profile.
    #[arg(long, value_name = "FILE", verbatim_doc_comment)]
    pub(crate) net: Option<PathBuf>,

    /// Test only: how far the node's clock is ahead of the machine's, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        hide = true,
        default_value_t = 0,
        allow_hyphen_values = true
    )]
    pub(crate) clock_offset: i64,

    /// Threads that serve requests [default: as many as cores are left to them]
    #[arg(long, value_name = "N")]
    pub(crate) io_threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct NetfilterdArgs {
    /// The settings; stdin is then the listening socket, as in systemd/blockhouse-netfilterd.service
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct PresignArgs {
    /// The object, as s3://BUCKET/KEY; or a bucket, as s3://BUCKET
    #[arg(value_name = "OBJECT")]
    pub(crate) object: String,

    /// What the link allows: GET, PUT, HEAD, DELETE, …
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    pub(crate) method: String,

    /// A header that whoever uses the link must send as it stands here; may be given several times
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) header: Vec<String>,

    /// A query parameter of the operation, such as versionId=…; may be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) query: Vec<String>,

    /// How long the link works, in seconds: 1 to 604800 (a week)
    #[arg(long, value_name = "SECONDS", default_value_t = PRESIGN_EXPIRES_SECS)]
    pub(crate) expires: u64,

    #[command(flatten)]
    pub(crate) terms: TermsArgs,

    /// Ask no node; otherwise the bucket's list of addresses is looked at, and a warning given
    #[arg(long)]
    pub(crate) offline: bool,

    #[command(flatten)]
    pub(crate) s3: S3Args,
}

/// What a Blockhouse link can say beyond S3's; see docs/links.md.
#[derive(Debug, Args)]
pub(crate) struct TermsArgs {
    /// The link works once, for GET or PUT
    #[arg(long)]
    pub(crate) once: bool,

    /// With --once: `no` lets a browser use the link up without asking its user
    #[arg(long, value_name = "no", value_parser = ["no"], requires = "once")]
    pub(crate) confirm: Option<String>,

    /// The link works from these addresses only, such as 203.0.113.0/24,2001:db8::/32
    #[arg(long, value_name = "CIDR,...")]
    pub(crate) source: Option<String>,

    /// The link does not work earlier, such as 20261121T230000Z
    #[arg(long, value_name = "TIME")]
    pub(crate) not_before: Option<String>,

    /// What is uploaded by the link is not longer, in bytes
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,

    /// HEAD is allowed on a link for GET
    #[arg(long)]
    pub(crate) head: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub(crate) command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Say what is odd about a policy: what is refused, and what does not mean what it seems to
    ///
    /// Exits with 0 when nothing is, 1 when something is, 2 when it is no policy.
    #[command(verbatim_doc_comment)]
    Lint(LintArgs),

    /// Say what policies would decide, and why
    ///
    /// Exits with 0 when it would be allowed, 1 when not.
    #[command(verbatim_doc_comment)]
    Simulate(SimulateArgs),

    /// Say why a request that happened was allowed or refused, from the audit
    ///
    /// Exits with 0 when the request is there, 1 when not.
    #[command(verbatim_doc_comment)]
    Explain(ExplainArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Which, as the answer's x-amz-request-id says
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: String,

    /// The folder given to `dev --data`; the audit is in it
    #[arg(
        long,
        value_name = "DIR",
        env = "BLOCKHOUSE_DATA",
        hide_env_values = true,
        default_value = "blockhouse-dev"
    )]
    pub(crate) data: PathBuf,

    /// Print the whole record, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    /// The policy, as JSON
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// What it is attached to
    #[arg(long, value_name = "KIND", default_value = "bucket")]
    pub(crate) kind: PolicyKindArg,

    /// Ask the node at this administrator address which principals of the caller's account exist
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,

    /// The region that the node signs for
    #[arg(long, value_name = "REGION", env = "AWS_REGION", hide_env_values = true,
          default_value = blockhouse_settings::REGION_DEFAULT)]
    pub(crate) region: String,
}

/// What policies are attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PolicyKindArg {
    /// A bucket.
    Bucket,
    /// An access point.
    AccessPoint,
    /// Identities.
    Managed,
    /// An identity, as its most.
    Boundary,
    /// A session, as its most.
    Session,
    /// A role: who may assume it.
    Trust,
    /// A VPC endpoint.
    Endpoint,
    /// The node.
    Guardrail,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Who would act: the ARN of a root, user, role or session, or `anonymous`
    #[arg(long, value_name = "ARN")]
    pub(crate) caller: String,

    /// What, such as s3:GetObject
    #[arg(long, value_name = "ACTION")]
    pub(crate) action: String,

    /// To what, such as arn:aws:s3:::notes/first.txt
    #[arg(long, value_name = "ARN")]
    pub(crate) resource: String,

    /// Whose bucket it is [default: the caller's]
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) owner: Option<String>,

    /// The bucket's policy
    #[arg(long, value_name = "FILE")]
    pub(crate) bucket_policy: Option<PathBuf>,

    /// A policy of the caller's; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) identity: Vec<PathBuf>,

    /// The most that the caller may do
    #[arg(long, value_name = "FILE")]
    pub(crate) boundary: Option<PathBuf>,

    /// The most that the session may do
    #[arg(long, value_name = "FILE")]
    pub(crate) session: Option<PathBuf>,

    /// What else would be known, such as aws:SourceIp=203.0.113.9; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) context: Vec<String>,

    /// Print all that was looked at, as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AddressListArgs {
    #[command(subcommand)]
    pub(crate) command: AddressListCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AddressListCommand {
    /// Print the list, an entry on a line
    Get(BucketArgs),

    /// Put a list in the place of the one that is there; an empty one lets nobody in
    ///
    /// An entry is an address or CIDR of the public path, vpc-ID, vpc-ID/CIDR, vpce-ID, group:NAME or own
    /// (docs/policy.md).
    #[command(verbatim_doc_comment)]
    Set(SetAddressListArgs),

    /// Take the list away: any address again
    Delete(BucketArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetAddressListArgs {
    #[command(flatten)]
    pub(crate) bucket: BucketArgs,

    /// What is let in
    #[arg(value_name = "ENTRY")]
    pub(crate) entries: Vec<String>,

    /// Read entries from a file as well, one on a line, # before a remark; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Mean it when there is no entry at all
    #[arg(long, conflicts_with_all = ["entries", "file"])]
    pub(crate) nobody: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BucketArgs {
    /// The bucket
    #[arg(value_name = "BUCKET")]
    pub(crate) bucket: String,

    #[command(flatten)]
    pub(crate) s3: S3Args,
}

/// Where a command finds the S3 endpoint.
#[derive(Debug, Args)]
pub(crate) struct S3Args {
    /// Where the node answers
    #[arg(
        long,
        value_name = "URL",
        env = "AWS_ENDPOINT_URL_S3",
        hide_env_values = true
    )]
    pub(crate) endpoint: String,

    /// The region that the node signs for
    #[arg(long, value_name = "REGION", env = "AWS_REGION", hide_env_values = true,
          default_value = blockhouse_settings::REGION_DEFAULT)]
    pub(crate) region: String,
}

#[derive(Debug, Args)]
pub(crate) struct LinkArgs {
    #[command(subcommand)]
    pub(crate) command: LinkCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LinkCommand {
    /// Revoke links: when the command returns, none of them works any more
    ///
    /// Which ones is said by the link itself, or by one of the options. Transfers that are under way
    /// by them are ended.
    #[command(verbatim_doc_comment)]
    Revoke(RevokeArgs),

    /// List the account's links: made by the node, seen in use, and revoked
    List(LinkListArgs),
}

/// Where a command finds the node.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// The node's administrator address
    #[arg(
        long,
        value_name = "URL",
        env = "BLOCKHOUSE_ADMIN",
        hide_env_values = true
    )]
    pub(crate) admin: String,

    /// The region that the node signs for
    #[arg(long, value_name = "REGION", env = "AWS_REGION", hide_env_values = true,
          default_value = blockhouse_settings::REGION_DEFAULT)]
    pub(crate) region: String,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub(crate) struct RevokeArgs {
    /// The link; `-` reads it from standard input, where no other user sees it
    #[arg(value_name = "LINK", group = "which")]
    pub(crate) url: Option<String>,

    /// The link with this id, as the audit and `link list` name it
    #[arg(long, value_name = "ID", group = "which")]
    pub(crate) id: Option<String>,

    /// Links made with this `x-bh-once` token
    #[arg(long, value_name = "TOKEN", group = "which")]
    pub(crate) once: Option<String>,

    /// Links signed with this access key
    #[arg(long, value_name = "KEY_ID", group = "which")]
    pub(crate) key: Option<String>,

    /// Links to this bucket
    #[arg(long, value_name = "BUCKET", group = "which")]
    pub(crate) bucket: Option<String>,

    /// With --bucket: only those to keys that begin so
    #[arg(long, value_name = "PREFIX", requires = "bucket", conflicts_with_all = ["url", "id", "once", "key"])]
    pub(crate) prefix: Option<String>,

    /// With --key or --bucket: links signed later work, such as 2026-11-21T23:00:00Z [default: now]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["url", "id", "once"])]
    pub(crate) signed_until: Option<String>,

    /// Transfers that are under way may come to their end
    #[arg(long)]
    pub(crate) keep_running: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LinkListArgs {
    /// Print the node's own answer
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The folder given to `dev --data`
    #[arg(
        long,
        value_name = "DIR",
        env = "BLOCKHOUSE_DATA",
        hide_env_values = true,
        default_value = "blockhouse-dev"
    )]
    pub(crate) data: PathBuf,

    /// How long they live, in seconds; each kind has its longest life
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub(crate) duration: u64,

    /// As what: session lasts up to 36 hours, instance up to 6
    #[arg(
        long,
        value_name = "KIND",
        default_value = "session",
        conflicts_with = "role"
    )]
    pub(crate) kind: SessionKindArg,

    /// Of a user, by an access key of its own that is active [default: of the account's root]
    #[arg(long, value_name = "NAME", conflicts_with = "role")]
    pub(crate) user: Option<String>,

    /// Of a role, as AssumeRole gives them: up to 12 hours
    ///
    /// The role's trust policy is not asked: who may read DIR may assume every role.
    #[arg(
        long,
        value_name = "NAME",
        requires = "session_name",
        verbatim_doc_comment
    )]
    pub(crate) role: Option<String>,

    /// What the session of the role is called: 2 to 64 letters, digits and +=,.@_-
    #[arg(long, value_name = "NAME", requires = "role")]
    pub(crate) session_name: Option<String>,

    /// The most that the session may do: a policy, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,

    /// A tag of the session, which policies may ask for as aws:PrincipalTag/KEY; may be given several
    /// times
    #[arg(
        long,
        value_name = "KEY=VALUE",
        requires = "role",
        verbatim_doc_comment
    )]
    pub(crate) tag: Vec<String>,

    /// Of which account [default: the node's first]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) account: Option<String>,
}

/// The kinds of temporary credentials that can be had without a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SessionKindArg {
    /// As GetSessionToken gives them.
    Session,
    /// As a machine gets them.
    Instance,
}

impl From<SessionKindArg> for SessionKind {
    fn from(kind: SessionKindArg) -> Self {
        match kind {
            SessionKindArg::Session => Self::SessionToken,
            SessionKindArg::Instance => Self::InstanceProfile,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) images: Images,

    /// How many rows of each table, and frames of the log, to print at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) rows_max: usize,
}

#[derive(Debug, Args)]
pub(crate) struct FsckArgs {
    #[command(flatten)]
    pub(crate) images: Images,
}

#[derive(Debug, Args)]
pub(crate) struct Images {
    /// The folder given to `dev --data`, or all devices of one pool
    #[arg(value_name = "DIR|DEVICE", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

/// [`IoMode`] as typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum IoModeArg {
    Auto,
    Uring,
    Plain,
}

impl From<IoModeArg> for IoMode {
    fn from(mode: IoModeArg) -> Self {
        match mode {
            IoModeArg::Auto => Self::Auto,
            IoModeArg::Uring => Self::Uring,
            IoModeArg::Plain => Self::Plain,
        }
    }
}

/// A size in bytes, typed as `2GiB`, `512MiB` or a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let shift = match unit.trim() {
            "" | "B" => 0,
            "KiB" | "K" => 10,
            "MiB" | "M" => 20,
            "GiB" | "G" => 30,
            "TiB" | "T" => 40,
            _ => return Err("a number and KiB, MiB, GiB or TiB"),
        };
        let number: u64 = number
            .parse()
            .map_err(|_| "a number and KiB, MiB, GiB or TiB")?;
        let bytes = number.checked_mul(1 << shift).ok_or("too large")?;
        Ok(Self { bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes() {
        let bytes = |text: &str| Size::from_str(text).map(|size| size.bytes).ok();
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("512 MiB"), Some(512 << 20));
        assert_eq!(bytes("4096"), Some(4096));
        for bad in ["", "GiB", "2GB", "-1", "99999999999TiB"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
