use crate::{Body, Document, Fault, Name, Scope};
use blockhouse_netfilter::EndpointId;
use blockhouse_policy as policy;
use serde::{Deserialize, Serialize};
use std::str::FromStr as _;

/// The most that may be done through a VPC endpoint, whoever asks: `vpc-endpoint-policy/vpce-…`. An
/// endpoint without one lets everything through. Source: AWS PrivateLink guide, "Control access to VPC
/// endpoints using endpoint policies".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VpcEndpointPolicy {
    /// The policy.
    pub document: Document,
}

impl Body for VpcEndpointPolicy {
    const SCOPE: Scope = Scope::OfNode;

    fn is_name(name: &str) -> bool {
        EndpointId::from_str(name).is_ok()
    }

    /// Whether there is such an endpoint is asked of the network.
    fn check(&self, name: &Name) -> Result<(), Fault> {
        self.document
            .check(policy::Kind::Endpoint, "document", name.last())
    }
}
