//! A call: which operation, and its parameters.

use crate::{
    Code, Error, Params, Simulate, Source,
    params::shown,
    simulate::{policy, policy_list},
};
use blockhouse_policy::Kind;
use blockhouse_state::Snapshot;
use std::collections::BTreeSet;

/// The version of the API that is served.
const VERSION: &str = "2010-05-08";

/// The operations that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// Condition keys of given policies.
    GetContextKeysForCustomPolicy,
    /// ... and of an identity's.
    GetContextKeysForPrincipalPolicy,
    /// What given policies decide.
    SimulateCustomPolicy,
    /// ... and an identity's.
    SimulatePrincipalPolicy,
}

impl CallKind {
    const ALL: [Self; 4] = [
        Self::GetContextKeysForCustomPolicy,
        Self::GetContextKeysForPrincipalPolicy,
        Self::SimulateCustomPolicy,
        Self::SimulatePrincipalPolicy,
    ];

    /// Its permission, as policies name it.
    pub fn permission(self) -> &'static str {
        match self {
            Self::GetContextKeysForCustomPolicy => "iam:GetContextKeysForCustomPolicy",
            Self::GetContextKeysForPrincipalPolicy => "iam:GetContextKeysForPrincipalPolicy",
            Self::SimulateCustomPolicy => "iam:SimulateCustomPolicy",
            Self::SimulatePrincipalPolicy => "iam:SimulatePrincipalPolicy",
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        let permission = self.permission();
        permission
            .split_once(':')
            .map_or(permission, |(_, name)| name)
    }

    /// The operation that a call names.
    pub fn read(params: &mut Params) -> Result<Self, Error> {
        let Some(action) = params.take("Action") else {
            return Err(Error::new(Code::MissingAction, "Missing Action"));
        };
        let version = params.take("Version").unwrap_or_default();
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == action);
        named.filter(|_| version == VERSION).ok_or_else(|| {
            let (action, version) = (shown(&action), shown(&version));
            let message = format!("Could not find operation {action} for version {version}");
            Error::new(Code::InvalidAction, message)
        })
    }
}

/// A call, with what it takes to answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Which condition keys do these policies ask for, and those of that identity?
    ContextKeys {
        /// The identity.
        source: Option<Source>,
        /// Texts of policies.
        policies: Vec<String>,
    },
    /// What would be decided?
    Simulate(Box<Simulate>),
}

impl Call {
    /// Reads the parameters of an operation.
    pub fn read(kind: CallKind, mut params: Params) -> Result<Self, Error> {
        let source = match kind {
            CallKind::GetContextKeysForPrincipalPolicy | CallKind::SimulatePrincipalPolicy => {
                Some(Source::take(&mut params)?)
            }
            CallKind::GetContextKeysForCustomPolicy | CallKind::SimulateCustomPolicy => None,
        };
        let call = match kind {
            CallKind::GetContextKeysForCustomPolicy
            | CallKind::GetContextKeysForPrincipalPolicy => Self::ContextKeys {
                source,
                policies: policy_list(&mut params, "PolicyInputList")?,
            },
            CallKind::SimulateCustomPolicy | CallKind::SimulatePrincipalPolicy => {
                Self::Simulate(Box::new(Simulate::take(&mut params, source)?))
            }
        };
        params.finish()?;
        Ok(call)
    }

    /// The condition keys that policies ask for, and those of the identity, sorted.
    pub fn keys_of(
        source: Option<&Source>,
        policies: &[String],
        state: &Snapshot,
    ) -> Result<BTreeSet<String>, Error> {
        let mut keys = BTreeSet::new();
        if let Some(source) = source {
            let found = source.find(state)?;
            keys.extend(
                found
                    .policies
                    .iter()
                    .flat_map(|policy| policy.context_keys()),
            );
        }
        for (at, text) in policies.iter().enumerate() {
            let name = format!("PolicyInputList.{}", at + 1);
            keys.extend(policy(Kind::Managed, &name, text)?.context_keys());
        }
        Ok(keys)
    }

    /// The identity that it is about.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Self::ContextKeys { source, .. } => source.as_ref(),
            Self::Simulate(simulate) => simulate.source.as_ref(),
        }
    }
}
