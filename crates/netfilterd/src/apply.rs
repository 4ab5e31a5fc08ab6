//! One namespace, from its making to its end.
//!
//! ```text
//!   open or make ─ settings ─ rules ─ links ─ addresses ─ on ─ routes      (and again, until it is so)
//!   links given back ─ name deleted                                        (its end)
//! ```

use crate::{
    kernel::{self, Home, Kernel, KernelError},
    rules::{self, RulesError, Sets},
};
use blockhouse_netfilter::{Link, Namespace as Place, Plan};
use blockhouse_netlink::{
    Cause, Failed, Idempotent as _,
    namespace::{BadNamespaceName, Namespace, NamespaceName},
    nft::NftSocket,
    route::RouteSocket,
};
use blockhouse_settings::NetworkProfile;

/// Why a network is not as planned.
#[derive(Debug, thiserror::Error)]
#[error("{network}")]
pub struct ApplyError {
    /// Which one.
    pub network: String,
    /// Why.
    #[source]
    pub why: Box<Why>,
}

/// The step that failed.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The namespace.
    #[error(transparent)]
    Namespace(#[from] Failed),
    /// Its name: our own fault.
    #[error(transparent)]
    Name(#[from] BadNamespaceName),
    /// Its links, addresses and routes.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Its rules.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// Its listeners.
    #[error(transparent)]
    Listeners(#[from] crate::listeners::ListenError),
}

/// A namespace that is there.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: NamespaceName,
    pub(crate) namespace: Namespace,
    pub(crate) cookie: u64,
    /// Its sockets, kept: entering a namespace to open one costs more than what is then asked.
    pub(crate) route: RouteSocket,
    pub(crate) nft: NftSocket,
    /// What is in force, as far as this process has seen to it.
    pub(crate) plan: Option<Plan>,
    /// The sets that its rules have.
    pub(crate) sets: Sets,
    /// The kernel's number of its rules as they were left.
    generation: Option<u32>,
}

/// What the name of a network's namespace is.
pub(crate) fn name_of(prefix: &str, place: &Place) -> Result<NamespaceName, BadNamespaceName> {
    format!("{prefix}-{place}").parse()
}

impl Network {
    /// Opens the namespace, or makes it.
    pub(crate) fn open(name: NamespaceName) -> Result<Self, Failed> {
        let namespace = match Namespace::open(&name) {
            Ok(namespace) => namespace,
            Err(failed) => {
                // A file that a dead process left behind without a namespace.
                if failed.cause == Cause::NotMounted {
                    Namespace::delete(&name).or_absent()?;
                }
                let namespace = Namespace::create(&name)?;
                kernel::prepare(&namespace)?;
                namespace
            }
        };
        let cookie = namespace.cookie()?.0;
        Ok(Self {
            name,
            route: RouteSocket::open_in(&namespace)?,
            nft: NftSocket::open_in(&namespace)?,
            namespace,
            cookie,
            plan: None,
            sets: Sets::default(),
            generation: None,
        })
    }

    /// Brings it to the plan. Rules come first: no link is switched on without them. Gives what was not
    /// so.
    pub(crate) fn apply(
        &mut self,
        plan: &Plan,
        home: &mut Home,
        profile: &NetworkProfile,
    ) -> Result<Vec<String>, Why> {
        let is_new = self.plan.as_ref() != Some(plan);
        let mut mended = Vec::new();
        let is_untouched = self.is_untouched()?;
        if is_new || !is_untouched {
            if self.plan.is_some() && !is_untouched {
                mended.push("its rules were changed".to_owned());
            }
            // Of rules that somebody else changed nothing is known.
            let before = self.plan.as_ref().filter(|_| is_untouched);
            let inside = (&self.namespace, &mut self.nft);
            if let Some(sets) = rules::apply(plan, before, inside)? {
                self.sets = sets;
            }
            self.generation = Some(self.nft.generation()?);
        }
        mended.extend(self.kernel(home, profile).apply(plan)?);
        self.plan = Some(plan.clone());
        Ok(mended)
    }

    /// Whether it is as this process left it: nobody else has changed its rules.
    fn is_untouched(&mut self) -> Result<bool, Failed> {
        Ok(Some(self.nft.generation()?) == self.generation)
    }

    fn kernel<'a>(&'a mut self, home: &'a mut Home, profile: &'a NetworkProfile) -> Kernel<'a> {
        Kernel {
            inside: &self.namespace,
            here: &mut self.route,
            home,
            profile,
        }
    }

    /// Gives back the links that are not in the plan, so that another network can have them.
    pub(crate) fn let_go(
        &mut self,
        planned: &[Link],
        home: &mut Home,
        profile: &NetworkProfile,
    ) -> Result<(), Why> {
        Ok(self
            .kernel(home, profile)
            .let_go(planned, &mut Vec::new())?)
    }

    /// Gives its links back and ends it.
    pub(crate) fn end(mut self, home: &mut Home, profile: &NetworkProfile) -> Result<(), Why> {
        self.let_go(&[], home, profile)?;
        Ok(Namespace::delete(&self.name).or_absent()?)
    }
}
