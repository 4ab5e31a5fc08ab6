//! What the verifier answers.

use super::{
    FrameBuilder, FrameError, Message, Messages, Reader, TooLong, Writer,
    request::{read_texts, write_texts},
};
use crate::{
    AuthType, ChainId, Claims, Credential, Failure, Ordered, PayloadMode, Principal, Service,
    SessionKind, SignatureVersion, SignedHeaders, Verified,
};
use blockhouse_types::{AccountId, LinkId};

const VERIFIED: u8 = 129;
const REFUSED: u8 = 130;
const LINK: u8 = 131;
const NO_ROOM: u8 = 132;
const ORDERED: u8 = 133;

/// A message from the verifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The asker's number for it.
    pub number: u32,
    /// The answer.
    pub body: AnswerBody,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// Who signed.
    Verified(Box<Verified>),
    /// Why nobody is believed to have.
    Refused(Box<Failure>),
    /// The link that was ordered.
    Ordered(Box<Ordered>),
    /// Whether a link of a chain holds.
    Link(bool),
    /// Nobody judged: there is no room for one more chain.
    NoRoom,
}

impl FrameBuilder {
    /// Adds the answer that names who signed.
    pub fn verified(&mut self, number: u32, verified: &Verified) -> Result<(), TooLong> {
        self.push(VERIFIED, number, |to| write_verified(to, verified))
    }

    /// Adds an answer. Texts that a client is shown are cut to the length of their field.
    pub fn answer(&mut self, answer: &Answer) -> Result<(), TooLong> {
        let number = answer.number;
        match &answer.body {
            AnswerBody::Verified(verified) => self.verified(number, verified),
            AnswerBody::Refused(failure) => {
                self.push(REFUSED, number, |to| write_failure(to, failure))
            }
            AnswerBody::Ordered(ordered) => self.push(ORDERED, number, |to| {
                write_verified(to, &ordered.by)?;
                to.text(&ordered.method)?;
                to.text(&ordered.url)?;
                to.raw(&ordered.link.0);
                to.time(ordered.expires_at);
                Ok(())
            }),
            AnswerBody::Link(holds) => self.push(LINK, number, |to| {
                to.bool(*holds);
                Ok(())
            }),
            AnswerBody::NoRoom => self.push(NO_ROOM, number, |_| Ok(())),
        }
    }
}

impl Answer {
    /// The messages of a packet from the verifier.
    pub fn read_all(
        packet: &[u8],
    ) -> Result<impl Iterator<Item = Result<Self, FrameError>> + use<'_>, FrameError> {
        Ok(Messages::read(packet)?.map(|message| Self::read(message?)))
    }

    fn read(message: Message<'_>) -> Result<Self, FrameError> {
        let mut from = message.fields;
        let body = match message.kind {
            VERIFIED => AnswerBody::Verified(Box::new(read_verified(&mut from)?)),
            REFUSED => AnswerBody::Refused(Box::new(read_failure(&mut from)?)),
            ORDERED => AnswerBody::Ordered(Box::new(Ordered {
                by: read_verified(&mut from)?,
                method: from.string("method")?,
                url: from.string("url")?,
                link: from.array("link").map(LinkId)?,
                expires_at: from.time("expires at")?,
            })),
            LINK => AnswerBody::Link(from.bool("link")?),
            NO_ROOM => AnswerBody::NoRoom,
            _ => return Err(FrameError { what: "kind" }),
        };
        from.end()?;
        Ok(Self {
            number: message.number,
            body,
        })
    }
}

fn write_verified(to: &mut Writer<'_>, verified: &Verified) -> Result<(), TooLong> {
    let (kind, [name, session]) = names_of(&verified.principal);
    to.u8(kind);
    to.account(verified.principal.account());
    to.u8(match verified.auth_type {
        AuthType::Header => 0,
        AuthType::Query => 1,
        AuthType::Post => 2,
    });
    to.u8(match verified.signature_version {
        SignatureVersion::V4 => 0,
        SignatureVersion::V4a => 1,
    });
    to.u8(match verified.service {
        Service::S3 => 0,
        Service::S3Outposts => 1,
        Service::Iam => 2,
    });
    to.time(verified.signed_at);
    to.option(verified.expires_at, |to, moment| {
        to.time(moment);
        Ok(())
    })?;
    write_payload(to, &verified.payload);
    to.option(verified.link, |to, link| {
        to.raw(&link.0);
        Ok(())
    })?;
    to.option(verified.chain, |to, chain| {
        to.u64(chain.0);
        Ok(())
    })?;
    write_credential(to, &verified.credential)?;
    let signed_headers = verified.signed_headers.as_str();
    let texts = [name, session, &verified.access_key_id, signed_headers];
    write_texts(to, texts, &[])
}

fn read_verified(from: &mut Reader<'_>) -> Result<Verified, FrameError> {
    let refuse = |what| Err(FrameError { what });
    let (kind, account) = (from.u8("kind of principal")?, from.account("account")?);
    let auth_type = match from.u8("auth type")? {
        0 => AuthType::Header,
        1 => AuthType::Query,
        2 => AuthType::Post,
        _ => return refuse("auth type"),
    };
    let signature_version = match from.u8("signature version")? {
        0 => SignatureVersion::V4,
        1 => SignatureVersion::V4a,
        _ => return refuse("signature version"),
    };
    let service = match from.u8("service")? {
        0 => Service::S3,
        1 => Service::S3Outposts,
        2 => Service::Iam,
        _ => return refuse("service"),
    };
    let signed_at = from.time("signed at")?;
    let expires_at = from.option("expires at", |from| from.time("expires at"))?;
    let payload = read_payload(from)?;
    let link = from.option("link", |from| from.array("link").map(LinkId))?;
    let chain = from.option("chain", |from| from.u64("chain").map(ChainId))?;
    let credential = read_credential(from)?;
    let ([name, session, access_key_id, signed_headers], table) = read_texts(from, "names")?;
    if !table.is_empty() {
        return refuse("names");
    }
    Ok(Verified {
        principal: principal_of(kind, account, [name, session])?,
        access_key_id: access_key_id.into(),
        credential,
        auth_type,
        signature_version,
        signed_at,
        expires_at,
        service,
        payload,
        signed_headers: SignedHeaders::new(signed_headers),
        link,
        chain,
    })
}

pub(crate) fn write_principal(to: &mut Writer<'_>, principal: &Principal) -> Result<(), TooLong> {
    let (kind, names) = names_of(principal);
    to.u8(kind);
    to.account(principal.account());
    names.iter().try_for_each(|name| to.text(name))
}

pub(crate) fn read_principal(from: &mut Reader<'_>) -> Result<Principal, FrameError> {
    let kind = from.u8("kind of principal")?;
    let account = from.account("account")?;
    principal_of(kind, account, [from.text("name")?, from.text("session")?])
}

/// The number of a principal's kind, its name and that of its session. Those that its kind has not are
/// empty.
fn names_of(principal: &Principal) -> (u8, [&str; 2]) {
    match principal {
        Principal::Root { .. } => (0, ["", ""]),
        Principal::User { name, .. } => (1, [name, ""]),
        Principal::AssumedRole { role, session, .. } => (2, [role, session]),
        Principal::FederatedUser { name, .. } => (3, [name, ""]),
    }
}

/// The principal that [`names_of`] took apart: there is one spelling for each.
fn principal_of(
    kind: u8,
    account: AccountId,
    [name, session]: [&str; 2],
) -> Result<Principal, FrameError> {
    let refuse = |what| Err(FrameError { what });
    let named = match kind {
        0 => name.is_empty() && session.is_empty(),
        1 | 3 => session.is_empty(),
        _ => true,
    };
    if !named {
        return refuse("names of the principal");
    }
    let name = name.to_owned();
    Ok(match kind {
        0 => Principal::Root { account },
        1 => Principal::User { account, name },
        2 => Principal::AssumedRole {
            account,
            role: name,
            session: session.to_owned(),
        },
        3 => Principal::FederatedUser { account, name },
        _ => return refuse("kind of principal"),
    })
}

fn write_credential(to: &mut Writer<'_>, credential: &Credential) -> Result<(), TooLong> {
    let claims = match credential {
        Credential::LongTerm => None,
        Credential::Temporary(claims) => Some(claims),
    };
    to.option(claims, |to, claims| to.claims(claims))
}

/// A token's claims; also what a sealed token holds.
pub(crate) fn write_claims(to: &mut Writer<'_>, claims: &Claims) -> Result<(), TooLong> {
    to.u8(match claims.session {
        SessionKind::SessionToken => 0,
        SessionKind::AssumedRole => 1,
        SessionKind::FederationToken => 2,
        SessionKind::InstanceProfile => 3,
    });
    to.time(claims.issued_at);
    to.time(claims.expires_at);
    to.option(claims.policy.as_deref(), Writer::text)?;
    to.texts(claims.tags.iter().map(|(key, _)| key.as_str()))?;
    to.texts(claims.tags.iter().map(|(_, value)| value.as_str()))
}

fn read_credential(from: &mut Reader<'_>) -> Result<Credential, FrameError> {
    let claims = from.option("claims", Reader::claims)?;
    Ok(match claims {
        None => Credential::LongTerm,
        Some(claims) => Credential::Temporary(Box::new(claims)),
    })
}

pub(crate) fn read_claims(from: &mut Reader<'_>) -> Result<Claims, FrameError> {
    let session = match from.u8("kind of session")? {
        0 => SessionKind::SessionToken,
        1 => SessionKind::AssumedRole,
        2 => SessionKind::FederationToken,
        3 => SessionKind::InstanceProfile,
        _ => {
            return Err(FrameError {
                what: "kind of session",
            });
        }
    };
    let (issued_at, expires_at) = (from.time("issued at")?, from.time("token expiry")?);
    let policy = from.option("policy", |from| from.string("policy"))?;
    let (keys, values) = (from.strings("tag keys")?, from.strings("tag values")?);
    if keys.len() != values.len() {
        return Err(FrameError { what: "tags" });
    }
    Ok(Claims {
        session,
        issued_at,
        expires_at,
        policy,
        tags: keys.into_iter().zip(values).collect(),
    })
}

fn write_payload(to: &mut Writer<'_>, payload: &PayloadMode) {
    match payload {
        PayloadMode::Sha256(digest) => {
            to.u8(0);
            to.raw(digest);
        }
        PayloadMode::Unsigned => to.u8(1),
        PayloadMode::UnsignedTrailer => to.u8(2),
        PayloadMode::SignedChunks { trailer: false } => to.u8(3),
        PayloadMode::SignedChunks { trailer: true } => to.u8(4),
    }
}

fn read_payload(from: &mut Reader<'_>) -> Result<PayloadMode, FrameError> {
    Ok(match from.u8("payload mode")? {
        0 => PayloadMode::Sha256(from.array("payload digest")?),
        1 => PayloadMode::Unsigned,
        2 => PayloadMode::UnsignedTrailer,
        3 => PayloadMode::SignedChunks { trailer: false },
        4 => PayloadMode::SignedChunks { trailer: true },
        _ => {
            return Err(FrameError {
                what: "payload mode",
            });
        }
    })
}

/// The bounds by which a head may be refused; the name of one travels as its place in this list, any
/// other as the last.
const BOUNDS: [&str; 4] = [
    "number of headers",
    "number of query parameters",
    "length of the head",
    "the head",
];

fn write_failure(to: &mut Writer<'_>, failure: &Failure) -> Result<(), TooLong> {
    to.u8(code(failure));
    match failure {
        Failure::Anonymous
        | Failure::NotYetValid
        | Failure::SignatureV2
        | Failure::SeveralMechanisms
        | Failure::NoDate
        | Failure::NoContentSha256 => Ok(()),
        Failure::SignatureDoesNotMatch {
            access_key_id,
            string_to_sign,
            signature_provided,
            canonical_request,
        } => {
            to.text_cut(access_key_id)?;
            to.text_cut(string_to_sign)?;
            to.text_cut(signature_provided)?;
            to.text_cut(canonical_request)
        }
        Failure::TimeTooSkewed {
            request_time,
            server_time,
        } => {
            to.time(*server_time);
            to.text_cut(request_time)
        }
        Failure::Expired {
            expires_secs,
            expired_at,
            server_time,
        } => {
            to.u64(*expires_secs);
            to.time(*expired_at);
            to.time(*server_time);
            Ok(())
        }
        Failure::UnknownAccessKey {
            access_key_id: text,
        }
        | Failure::InvalidToken { token: text }
        | Failure::ExpiredToken { token: text }
        | Failure::UnsupportedAuthorizationType { value: text }
        | Failure::BadContentSha256 { value: text } => to.text_cut(text),
        Failure::QueryParameters { message, region }
        | Failure::HeaderMalformed { message, region } => {
            to.text_cut(message)?;
            to.option(region.as_deref(), Writer::text_cut)
        }
        Failure::FormField {
            name,
            value,
            message,
            region,
        } => {
            to.text_cut(name)?;
            to.text_cut(value)?;
            to.text_cut(message)?;
            to.option(region.as_deref(), Writer::text_cut)
        }
        Failure::HeadersNotSigned { names } => to.texts(names.iter().map(String::as_str)),
        Failure::TooLarge { bound } => {
            let place = BOUNDS.iter().position(|b| b == bound);
            to.u8(place.unwrap_or(BOUNDS.len() - 1) as u8);
            Ok(())
        }
    }
}

/// The number of a failure on the wire.
fn code(failure: &Failure) -> u8 {
    match failure {
        Failure::Anonymous => 0,
        Failure::SignatureDoesNotMatch { .. } => 1,
        Failure::TimeTooSkewed { .. } => 2,
        Failure::Expired { .. } => 3,
        Failure::NotYetValid => 4,
        Failure::UnknownAccessKey { .. } => 5,
        Failure::InvalidToken { .. } => 6,
        Failure::ExpiredToken { .. } => 7,
        Failure::QueryParameters { .. } => 8,
        Failure::HeaderMalformed { .. } => 9,
        Failure::UnsupportedAuthorizationType { .. } => 10,
        Failure::SignatureV2 => 11,
        Failure::SeveralMechanisms => 12,
        Failure::NoDate => 13,
        Failure::HeadersNotSigned { .. } => 14,
        Failure::NoContentSha256 => 15,
        Failure::BadContentSha256 { .. } => 16,
        Failure::TooLarge { .. } => 17,
        Failure::FormField { .. } => 18,
    }
}

fn read_failure(from: &mut Reader<'_>) -> Result<Failure, FrameError> {
    Ok(match from.u8("failure")? {
        0 => Failure::Anonymous,
        1 => Failure::SignatureDoesNotMatch {
            access_key_id: from.string("access key")?,
            string_to_sign: from.string("string to sign")?,
            signature_provided: from.string("signature")?,
            canonical_request: from.string("canonical request")?,
        },
        2 => Failure::TimeTooSkewed {
            server_time: from.time("server time")?,
            request_time: from.string("request time")?,
        },
        3 => Failure::Expired {
            expires_secs: from.u64("expires")?,
            expired_at: from.time("expired at")?,
            server_time: from.time("server time")?,
        },
        4 => Failure::NotYetValid,
        5 => Failure::UnknownAccessKey {
            access_key_id: from.string("access key")?,
        },
        6 => Failure::InvalidToken {
            token: from.string("token")?,
        },
        7 => Failure::ExpiredToken {
            token: from.string("token")?,
        },
        8 => Failure::QueryParameters {
            message: from.string("message")?,
            region: from.option("region", |from| from.string("region"))?,
        },
        9 => Failure::HeaderMalformed {
            message: from.string("message")?,
            region: from.option("region", |from| from.string("region"))?,
        },
        10 => Failure::UnsupportedAuthorizationType {
            value: from.string("authorization")?,
        },
        11 => Failure::SignatureV2,
        12 => Failure::SeveralMechanisms,
        13 => Failure::NoDate,
        14 => Failure::HeadersNotSigned {
            names: from.strings("header names")?,
        },
        15 => Failure::NoContentSha256,
        16 => Failure::BadContentSha256 {
            value: from.string("payload word")?,
        },
        17 => {
            let place = usize::from(from.u8("bound")?);
            let bound = *BOUNDS.get(place).ok_or(FrameError { what: "bound" })?;
            Failure::TooLarge { bound }
        }
        18 => Failure::FormField {
            name: from.string("field")?,
            value: from.string("value")?,
            message: from.string("message")?,
            region: from.option("region", |from| from.string("region"))?,
        },
        _ => return Err(FrameError { what: "failure" }),
    })
}
