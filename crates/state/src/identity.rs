//! Who may be here: accounts, users, groups, roles and the policies that they have, with IAM's names and
//! quotas. Source: IAM user guide, "IAM and AWS STS quotas".

mod account;
mod group;
mod managed;
mod parts;
mod role;
mod unique_id;
mod user;

pub use account::Account;
pub use group::Group;
pub use managed::ManagedPolicy;
pub use parts::Born;
pub(crate) use parts::Tags;
pub use role::{Role, SESSION_SECS_MAX, SESSION_SECS_MIN};
pub use unique_id::UniqueId;
pub use user::User;
