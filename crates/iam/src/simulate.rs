//! What SimulateCustomPolicy and SimulatePrincipalPolicy ask, and the bounds of it.
//!
//! Source: IAM API reference, SimulateCustomPolicy. Beyond AWS, the caller may be any principal, a role
//! among them, and there may be no policy at all.

mod run;

pub(crate) use run::policy;
pub use run::{ANSWER_BYTES_MAX, MATCHED_MAX, Run};

use crate::{Error, Params, Source, params::shown};
use blockhouse_policy::EntryType;
use blockhouse_types::AccountId;

/// Members of the lists at most; IAM bounds them by the length of the request alone.
const POLICIES_MAX: usize = 100;
const ACTIONS_MAX: usize = 1000;
const RESOURCES_MAX: usize = 1000;
const ENTRIES_MAX: usize = 256;
const VALUES_MAX: usize = 1000;

/// Results of one answer. Source: IAM API reference, `maxItemsType` and MaxItems.
const ITEMS_MAX: usize = 1000;
const ITEMS_USUAL: usize = 100;

/// Bytes of the text of a policy. Source: `policyDocumentType`.
const POLICY_LEN_MAX: usize = 131_072;

/// A question to the simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulate {
    pub(crate) source: Option<Source>,
    policies: Vec<String>,
    boundary: Option<String>,
    actions: Vec<String>,
    resources: Vec<String>,
    resource_policy: Option<String>,
    owner: Option<AccountId>,
    caller: Option<String>,
    context: Vec<Entry>,
    /// Which pair of action and resource comes first.
    from: usize,
    items_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    of: EntryType,
    values: Vec<String>,
}

impl Simulate {
    pub(crate) fn take(params: &mut Params, source: Option<Source>) -> Result<Self, Error> {
        if params.take("ResourceHandlingOption").is_some() {
            // All of them are scenarios of EC2, which has no resources here.
            return Err(Error::input(
                "Invalid Input ResourceHandlingOption: no such scenario",
            ));
        }
        let mut boundary = policy_list(params, "PermissionsBoundaryPolicyInputList")?;
        if boundary.len() > 1 {
            return Err(Error::input(
                "The list of Permissions Boundary policies cannot exceed 1 items.",
            ));
        }
        let mut resources = params.list("ResourceArns", RESOURCES_MAX)?;
        check("resourceArns", &resources, 1, 2048)?;
        if resources.is_empty() {
            resources.push("*".to_owned());
        }
        let resource_policy = params.take("ResourcePolicy");
        check(
            "resourcePolicy",
            resource_policy.as_slice(),
            1,
            POLICY_LEN_MAX,
        )?;
        let simulate = Self {
            policies: policy_list(params, "PolicyInputList")?,
            boundary: boundary.pop(),
            actions: actions(params)?,
            resource_policy,
            owner: params
                .take("ResourceOwner")
                .map(|arn| owner(&arn))
                .transpose()?,
            caller: params.take("CallerArn"),
            context: context(params)?,
            from: marker(params)?,
            items_max: items_max(params)?,
            source,
            resources,
        };
        if simulate.from > simulate.pairs() {
            return Err(Error::validation("Invalid Marker."));
        }
        Ok(simulate)
    }

    /// Pairs of an action and a resource.
    fn pairs(&self) -> usize {
        self.actions.len() * self.resources.len()
    }
}

pub(crate) fn policy_list(params: &mut Params, name: &str) -> Result<Vec<String>, Error> {
    let policies = params.list(name, POLICIES_MAX)?;
    check(name, &policies, 1, POLICY_LEN_MAX)?;
    Ok(policies)
}

fn actions(params: &mut Params) -> Result<Vec<String>, Error> {
    let actions = params.list("ActionNames", ACTIONS_MAX)?;
    if actions.is_empty() {
        return Err(Error::validation(
            "Value at 'actionNames' must not be empty",
        ));
    }
    check("actionNames", &actions, 3, 128)?;
    let is_action = |name: &str| {
        name.split_once(':')
            .is_some_and(|(service, name)| !service.is_empty() && !name.is_empty())
    };
    match actions
        .iter()
        .find(|name| name.contains(['*', '?']) || !is_action(name))
    {
        None => Ok(actions),
        Some(name) => Err(Error::input(format!(
            "Invalid Input ActionName: {}",
            shown(name)
        ))),
    }
}

fn owner(arn: &str) -> Result<AccountId, Error> {
    let account = arn
        .strip_prefix("arn:aws:iam::")
        .and_then(|rest| rest.strip_suffix(":root"));
    let account = account.and_then(|account| AccountId::parse(account).ok());
    account.ok_or_else(|| Error::input(format!("Invalid Input ResourceOwner: {}", shown(arn))))
}

fn context(params: &mut Params) -> Result<Vec<Entry>, Error> {
    let mut fault = None;
    let entries = params.members("ContextEntries", ENTRIES_MAX, |params, member| {
        let name = params.take(&format!("{member}.ContextKeyName"))?;
        let of = params.take(&format!("{member}.ContextKeyType"));
        let entry = entry(params, member, name, of.as_deref().unwrap_or_default());
        entry.map_err(|error| fault = Some(error)).ok()
    })?;
    if let Some(fault) = fault {
        return Err(fault);
    }
    for (at, entry) in entries.iter().enumerate() {
        if entries[..at]
            .iter()
            .any(|other| other.name.eq_ignore_ascii_case(&entry.name))
        {
            let name = shown(&entry.name);
            return Err(Error::input(format!("Duplicate context key name: {name}")));
        }
    }
    Ok(entries)
}

fn entry(params: &mut Params, member: &str, name: String, of: &str) -> Result<Entry, Error> {
    check("contextKeyName", std::slice::from_ref(&name), 5, 256)?;
    let Some((of, is_list)) = EntryType::parse(of) else {
        return Err(Error::validation(format!(
            "Value '{}' at 'contextKeyType' failed to satisfy constraint: Member must satisfy enum value \
             set: [string, stringList, numeric, numericList, boolean, booleanList, ip, ipList, binary, \
             binaryList, date, dateList]",
            shown(of)
        )));
    };
    let values = params.list(&format!("{member}.ContextKeyValues"), VALUES_MAX)?;
    if !is_list && values.len() > 1 {
        return Err(Error::input(format!(
            "Invalid context value for {}: several values of a type that is no list",
            shown(&name)
        )));
    }
    Ok(Entry { name, of, values })
}

fn marker(params: &mut Params) -> Result<usize, Error> {
    match params.take("Marker") {
        None => Ok(0),
        Some(text) => text
            .parse()
            .map_err(|_| Error::validation("Invalid Marker.")),
    }
}

fn items_max(params: &mut Params) -> Result<usize, Error> {
    let Some(text) = params.take("MaxItems") else {
        return Ok(ITEMS_USUAL);
    };
    let number = text.parse().ok().filter(|n| (1..=ITEMS_MAX).contains(n));
    number.ok_or_else(|| {
        Error::validation(format!(
            "Value at 'maxItems' failed to satisfy constraint: Member must have value between 1 and {ITEMS_MAX}"
        ))
    })
}

/// Refuses texts that are too short or too long, in characters.
fn check(name: &str, texts: &[String], min: usize, max: usize) -> Result<(), Error> {
    let fits = |text: &String| (min..=max).contains(&text.chars().count());
    match texts.iter().all(fits) {
        true => Ok(()),
        false => Err(Error::validation(format!(
            "Value at '{name}' failed to satisfy constraint: Member must have length between {min} and {max}"
        ))),
    }
}
