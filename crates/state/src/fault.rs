use blockhouse_policy::MalformedPolicy;

/// A change that was refused, whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{resource}: {fault}")]
pub struct Invalid {
    /// The resource that cannot be so.
    pub resource: Box<str>,
    /// Why.
    pub fault: Fault,
}

/// What is wrong with a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It cannot have its name.
    #[error("no resource can have this name")]
    Name,
    /// It is no JSON, has a field that it cannot have, lacks one, or has one twice.
    #[error("{0}")]
    Json(String),
    /// The change has it twice.
    #[error("it is in the change twice")]
    Twice,
    /// There is another whose name differs in case alone.
    #[error("there is {other} already, and names that differ in case alone are one")]
    SameButCase {
        /// The other.
        other: Box<str>,
    },
    /// It refers to what is not there.
    #[error("there is no {missing}")]
    Missing {
        /// What.
        missing: Box<str>,
    },
    /// It is to go, and is not there.
    #[error("it is not there")]
    NotThere,
    /// A path that IAM does not know.
    #[error("a path begins and ends with / and has at most 512 visible characters")]
    Path,
    /// A tag that IAM does not know.
    #[error(
        "a tag's name has 1 to 128 characters and does not begin with aws:, its value at most 256"
    )]
    Tag,
    /// A name within it that cannot be one.
    #[error("{what}: {name:?} is no name")]
    Inner {
        /// What it names.
        what: &'static str,
        /// The name.
        name: Box<str>,
    },
    /// It is called otherwise than the object in it.
    #[error("it is called otherwise than {id}, which is in it")]
    Id {
        /// What is in it.
        id: Box<str>,
    },
    /// The objects of the network do not go together.
    #[error("{0}")]
    Network(String),
    /// An entry of an address list that does not belong there.
    #[error("{what}: {entry} cannot stand here")]
    Entry {
        /// Where.
        what: &'static str,
        /// The entry.
        entry: Box<str>,
    },
    /// An address list of the account could not be what it is any more.
    #[error("the address list of {bucket}: {why}")]
    List {
        /// Whose list.
        bucket: Box<str>,
        /// What is wrong with it.
        why: String,
    },
    /// A field that stays as it was made.
    #[error("{field} stays as it was made: make another")]
    Fixed {
        /// Which.
        field: &'static str,
    },
    /// A bucket that is not there, or another account's.
    #[error("the account has no bucket {bucket}")]
    NoSuchBucket {
        /// Its name.
        bucket: Box<str>,
    },
    /// Too many of something.
    #[error("{what}: at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// A policy that is none.
    #[error("policy {policy}: {fault}")]
    Policy {
        /// Which.
        policy: Box<str>,
        /// What is wrong with it.
        fault: Box<MalformedPolicy>,
    },
    /// Inline policies that are too long together.
    #[error("its inline policies have more than {max} characters together, white space aside")]
    PoliciesTooLong {
        /// How many they may have.
        max: usize,
    },
    /// A number outside of its bounds.
    #[error("{what}: {min} to {max}")]
    OutOfBounds {
        /// Of what.
        what: &'static str,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A field that the node gives.
    #[error("{field} is the node's to give: leave it out, or as it is")]
    Given {
        /// Which.
        field: &'static str,
    },
}
