//! How large a model may be. What is larger is refused whole, with the bound named.

/// VPCs.
pub const VPCS_MAX: usize = 1000;
/// Ranges of one VPC, both families. AWS: 5 of each.
pub const VPC_CIDRS_MAX: usize = 10;
/// Subnets of one VPC. AWS: 200.
pub const SUBNETS_MAX: usize = 200;
/// Public endpoints.
pub const PUBLIC_ENDPOINTS_MAX: usize = 64;
/// Network ACLs; as many as subnets of five full VPCs.
pub const NETWORK_ACLS_MAX: usize = 1000;
/// Rules of one network ACL. AWS: 20, at most 40 on request.
pub const ACL_RULES_MAX: usize = 40;
/// The highest number of a rule of a network ACL. AWS: 32766; 32767 stands for the last deny.
pub const ACL_RULE_NUMBER_MAX: u16 = 32_766;
/// Security groups. AWS: 2,500 in a Region.
pub const SECURITY_GROUPS_MAX: usize = 2500;
/// Rules of one security group. AWS: 60, and 1,000 over all groups of an interface.
pub const SECURITY_GROUP_RULES_MAX: usize = 1000;
/// Security groups of one endpoint. AWS: 5, at most 16 on request.
pub const SECURITY_GROUPS_PER_ENDPOINT_MAX: usize = 16;
/// Ranges of addresses in the whole model, as written.
pub const RANGES_MAX: usize = 100_000;
/// Ranges of addresses in the whole model, counted again for each endpoint that uses them: what a
/// compiled model may hold. A thousand endpoints may share a group of a thousand ranges.
pub const RANGES_USED_MAX: usize = 1_000_000;
/// VPC endpoints that one load balancer may tell apart.
pub const PROXY_ENDPOINTS_MAX: usize = 1000;
/// New connections per second and source, and the burst above it, at most.
pub const RATE_MAX: u32 = 1_000_000;
/// Concurrent connections per source at most.
pub const CONNECTIONS_MAX: u32 = 1_000_000;
/// Free addresses that the endpoint's subnet must have. S3 on Outposts demands as many.
pub const FREE_ADDRESSES_MIN: u64 = 4;
/// Faults of one model that are reported; behind them only that there are more.
pub const FAULTS_MAX: usize = 100;
