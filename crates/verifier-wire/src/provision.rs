//! How keys come to the verifier and temporary ones from it: frames on a socket of their own, which
//! the gateway has no way to open.
//!
//! | to the verifier | fields |
//! |---|---|
//! | 65 put key | id, principal, enabled, material |
//! | 66 remove key | id |
//! | 67 token key | its number u8, 32 bytes: seals from now on, and opens |
//! | 68 retire token key | its number u8: opens no more |
//! | 69 commit | none: everything before it counts from now on, all together |
//! | 70 mint | [`MintOrder`] |
//! | 71 forget keys | none: access keys that are not put after it are known no more |
//!
//! | from the verifier | fields |
//! |---|---|
//! | 193 applied | number of keys u32 |
//! | 194 refused | why |
//! | 195 minted | [`Minted`] |
//!
//! Only *commit* and *mint* are answered. What was put without a commit is forgotten with the socket.

use crate::{
    Claims, Principal,
    frame::{FrameBuilder, FrameError, Reader, TooLong, Writer},
};
use blockhouse_types::Timestamp;
use std::fmt;
use zeroize::Zeroizing;

const PUT_KEY: u8 = 65;
const REMOVE_KEY: u8 = 66;
const TOKEN_KEY: u8 = 67;
const RETIRE_TOKEN_KEY: u8 = 68;
const COMMIT: u8 = 69;
const MINT: u8 = 70;
const FORGET_KEYS: u8 = 71;
const APPLIED: u8 = 193;
const REFUSED: u8 = 194;
const MINTED: u8 = 195;

/// Day-derived keys of one access key at most: a year, for both services.
pub const DERIVED_KEYS_MAX: usize = 732;

/// An access key and whom it speaks for.
pub struct NewKey {
    /// Its public id.
    pub id: String,
    /// Who signs with it.
    pub principal: Principal,
    /// Whether it may sign; one that may not is unknown to clients.
    pub enabled: bool,
    /// What its signatures are judged by.
    pub material: Material,
}

/// What signatures of a key are judged by: the secret itself, or what was derived from it
/// elsewhere, so that whoever steals the node learns no secret that lasts.
pub enum Material {
    /// The secret access key.
    Secret(Zeroizing<String>),
    /// Keys of single days, and the public key of SigV4A.
    Derived {
        /// The HMAC key of each day and service, for the region of the node.
        days: Vec<DerivedKey>,
        /// The point's coordinates, big-endian; without them SigV4A signatures are refused.
        public: Option<[u8; 64]>,
    },
}

/// The signing key of one day and service.
pub struct DerivedKey {
    /// Eight digits: `20261125`.
    pub day: String,
    /// `s3` or `s3-outposts`.
    pub service: String,
    /// `HMAC(HMAC(HMAC(HMAC("AWS4" + secret, day), region), service), "aws4_request")`.
    pub key: Zeroizing<[u8; 32]>,
}

/// What a session token shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MintOrder {
    /// Whom the temporary key speaks for.
    pub principal: Principal,
    /// The long-term key that asked for it, if one did: the token dies with it.
    pub parent: Option<String>,
    /// Kind, times, policy, tags.
    pub claims: Claims,
}

/// Temporary credentials.
pub struct Minted {
    /// `ASIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: Zeroizing<String>,
    /// The token, which carries all that the verifier needs to know.
    pub session_token: String,
    /// When they end.
    pub expires_at: Timestamp,
}

/// A message to the verifier.
pub enum Provision {
    /// Adds a key, or puts it in the place of the one with its id.
    PutKey(NewKey),
    /// Removes a key.
    RemoveKey(String),
    /// Removes all access keys: those that follow are all there are.
    ForgetKeys,
    /// A key that seals tokens from now on.
    TokenKey(u8, Zeroizing<[u8; 32]>),
    /// Tokens that it sealed are worth nothing any more.
    RetireTokenKey(u8),
    /// Everything so far counts.
    Commit,
    /// Makes temporary credentials.
    Mint(Box<MintOrder>),
}

/// A message from the verifier.
pub enum Outcome {
    /// A commit was applied; so many keys there are.
    Applied(u32),
    /// Nothing was done.
    Refused(String),
    /// Temporary credentials.
    Minted(Box<Minted>),
}

/// None of these prints a secret.
macro_rules! named_only {
    ($($type:ident: $($field:ident),*;)*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )*};
}

named_only! {
    NewKey: id, principal, enabled;
    DerivedKey: day, service;
    Minted: access_key_id, expires_at;
}

impl Provision {
    /// Adds this to a frame.
    pub fn write(&self, frame: &mut FrameBuilder) -> Result<(), TooLong> {
        match self {
            Self::PutKey(key) => frame.push(PUT_KEY, 0, |to| write_key(to, key)),
            Self::RemoveKey(id) => frame.push(REMOVE_KEY, 0, |to| to.text(id)),
            Self::TokenKey(number, key) => frame.push(TOKEN_KEY, 0, |to| {
                to.u8(*number);
                to.raw(&**key);
                Ok(())
            }),
            Self::RetireTokenKey(number) => frame.push(RETIRE_TOKEN_KEY, 0, |to| {
                to.u8(*number);
                Ok(())
            }),
            Self::ForgetKeys => frame.push(FORGET_KEYS, 0, |_| Ok(())),
            Self::Commit => frame.push(COMMIT, 0, |_| Ok(())),
            Self::Mint(order) => frame.push(MINT, 0, |to| {
                to.principal(&order.principal)?;
                to.option(order.parent.as_deref(), Writer::text)?;
                to.claims(&order.claims)
            }),
        }
    }

    /// The messages of a packet.
    pub fn read_all(
        packet: &[u8],
    ) -> Result<impl Iterator<Item = Result<Self, FrameError>> + use<'_>, FrameError> {
        messages(packet, Self::read)
    }

    fn read(kind: u8, from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(match kind {
            PUT_KEY => Self::PutKey(read_key(from)?),
            REMOVE_KEY => Self::RemoveKey(from.string("access key")?),
            TOKEN_KEY => Self::TokenKey(
                from.u8("token key")?,
                Zeroizing::new(from.array("token key")?),
            ),
            RETIRE_TOKEN_KEY => Self::RetireTokenKey(from.u8("token key")?),
            FORGET_KEYS => Self::ForgetKeys,
            COMMIT => Self::Commit,
            MINT => Self::Mint(Box::new(MintOrder {
                principal: from.principal()?,
                parent: from.option("parent", |from| from.string("parent"))?,
                claims: from.claims()?,
            })),
            _ => return Err(FrameError { what: "kind" }),
        })
    }
}

/// The messages of a packet, each read by `read` to its end.
fn messages<'p, T, F>(
    packet: &'p [u8],
    read: F,
) -> Result<impl Iterator<Item = Result<T, FrameError>> + use<'p, T, F>, FrameError>
where
    F: Fn(u8, &mut Reader<'p>) -> Result<T, FrameError>,
{
    let messages = crate::frame::Messages::read(packet)?;
    Ok(messages.map(move |message| {
        let message = message?;
        let mut from = message.fields;
        let read = read(message.kind, &mut from)?;
        from.end()?;
        Ok(read)
    }))
}

fn write_key(to: &mut Writer<'_>, key: &NewKey) -> Result<(), TooLong> {
    to.text(&key.id)?;
    to.principal(&key.principal)?;
    to.bool(key.enabled);
    match &key.material {
        Material::Secret(secret) => {
            to.u8(0);
            to.text(secret)
        }
        Material::Derived { days, public } => {
            if days.len() > DERIVED_KEYS_MAX {
                return Err(TooLong);
            }
            to.u8(1);
            to.u16(days.len() as u16);
            for key in days {
                to.text(&key.day)?;
                to.text(&key.service)?;
                to.raw(&*key.key);
            }
            to.option(public.as_ref(), |to, point| {
                to.raw(point);
                Ok(())
            })
        }
    }
}

fn read_key(from: &mut Reader<'_>) -> Result<NewKey, FrameError> {
    Ok(NewKey {
        id: from.string("access key")?,
        principal: from.principal()?,
        enabled: from.bool("enabled")?,
        material: match from.u8("material")? {
            0 => Material::Secret(Zeroizing::new(from.string("secret")?)),
            1 => read_derived(from)?,
            _ => return Err(FrameError { what: "material" }),
        },
    })
}

fn read_derived(from: &mut Reader<'_>) -> Result<Material, FrameError> {
    let what = "derived keys";
    let count = usize::from(from.u16(what)?);
    if count > DERIVED_KEYS_MAX {
        return Err(FrameError { what });
    }
    let mut key = || {
        Ok(DerivedKey {
            day: from.string("day")?,
            service: from.string("service")?,
            key: Zeroizing::new(from.array(what)?),
        })
    };
    let days = (0..count).map(|_| key()).collect::<Result<_, _>>()?;
    let public = from.option("public key", |from| from.array("public key"))?;
    Ok(Material::Derived { days, public })
}

impl Outcome {
    /// Adds this to a frame.
    pub fn write(&self, frame: &mut FrameBuilder) -> Result<(), TooLong> {
        match self {
            Self::Applied(keys) => frame.push(APPLIED, 0, |to| {
                to.u32(*keys);
                Ok(())
            }),
            Self::Refused(why) => frame.push(REFUSED, 0, |to| to.text_cut(why)),
            Self::Minted(minted) => frame.push(MINTED, 0, |to| {
                to.text(&minted.access_key_id)?;
                to.text(&minted.secret_access_key)?;
                to.text(&minted.session_token)?;
                to.time(minted.expires_at);
                Ok(())
            }),
        }
    }

    /// The messages of a packet.
    pub fn read_all(
        packet: &[u8],
    ) -> Result<impl Iterator<Item = Result<Self, FrameError>> + use<'_>, FrameError> {
        messages(packet, Self::read)
    }

    fn read(kind: u8, from: &mut Reader<'_>) -> Result<Self, FrameError> {
        Ok(match kind {
            APPLIED => Self::Applied(from.u32("keys")?),
            REFUSED => Self::Refused(from.string("why")?),
            MINTED => Self::Minted(Box::new(Minted {
                access_key_id: from.string("access key")?,
                secret_access_key: Zeroizing::new(from.string("secret")?),
                session_token: from.string("token")?,
                expires_at: from.time("expiry")?,
            })),
            _ => return Err(FrameError { what: "kind" }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SessionKind, frame::tests::framed};
    use blockhouse_types::AccountId;
    use proptest::prelude::*;

    fn principal() -> Principal {
        Principal::Root {
            account: AccountId::from_number(7).unwrap(),
        }
    }

    fn key(material: Material) -> Provision {
        Provision::PutKey(NewKey {
            id: "AKIA0".to_owned(),
            principal: principal(),
            enabled: true,
            material,
        })
    }

    /// Written, read and written again: the same bytes.
    #[test]
    fn every_message_comes_back() {
        let derived = Material::Derived {
            days: vec![DerivedKey {
                day: "20261125".to_owned(),
                service: "s3".to_owned(),
                key: Zeroizing::new([3; 32]),
            }],
            public: Some([4; 64]),
        };
        let claims = Claims {
            session: SessionKind::AssumedRole,
            issued_at: Timestamp::from_secs(1),
            expires_at: Timestamp::from_secs(2),
            policy: Some("{}".to_owned()),
            tags: vec![("k".to_owned(), "v".to_owned())],
        };
        let mut frame = FrameBuilder::of_secrets();
        for message in [
            key(Material::Secret(Zeroizing::new("hush".to_owned()))),
            key(derived),
            Provision::RemoveKey("AKIA1".to_owned()),
            Provision::TokenKey(1, Zeroizing::new([5; 32])),
            Provision::RetireTokenKey(0),
            Provision::ForgetKeys,
            Provision::Commit,
            Provision::Mint(Box::new(MintOrder {
                principal: principal(),
                parent: Some("AKIA0".to_owned()),
                claims,
            })),
        ] {
            message.write(&mut frame).unwrap();
        }
        let mut again = FrameBuilder::of_secrets();
        for message in Provision::read_all(frame.bytes()).unwrap() {
            message.unwrap().write(&mut again).unwrap();
        }
        assert_eq!(frame.bytes(), again.bytes());

        let mut frame = FrameBuilder::of_secrets();
        let minted = Minted {
            access_key_id: "ASIA0".to_owned(),
            secret_access_key: Zeroizing::new("hush".to_owned()),
            session_token: "t".to_owned(),
            expires_at: Timestamp::from_secs(9),
        };
        assert!(!format!("{minted:?}").contains("hush"));
        for outcome in [
            Outcome::Applied(3),
            Outcome::Refused("no".to_owned()),
            Outcome::Minted(Box::new(minted)),
        ] {
            outcome.write(&mut frame).unwrap();
        }
        let mut again = FrameBuilder::of_secrets();
        for outcome in Outcome::read_all(frame.bytes()).unwrap() {
            outcome.unwrap().write(&mut again).unwrap();
        }
        assert_eq!(frame.bytes(), again.bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(kind: u8, packet: Vec<u8>) {
            for packet in [&packet[..], framed(kind, &packet).bytes()] {
                if let Ok(messages) = Provision::read_all(packet) { messages.for_each(drop); }
                if let Ok(messages) = Outcome::read_all(packet) { messages.for_each(drop); }
            }
        }
    }
}
