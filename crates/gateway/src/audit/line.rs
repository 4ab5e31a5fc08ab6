//! A record as one line of JSON.

use super::{Check, Decided, Record};
use blockhouse_types::AccountId;
use blockhouse_verifier_wire::Principal;
use serde::Serialize;
use std::{fmt, io::Write as _};

impl Record {
    /// Appends the line; `lost` records are missing before it.
    pub(crate) fn write(&self, line: &mut Vec<u8>, lost: u64) {
        let mut object = Object::begin(line);
        object.plain("time", self.time.to_iso());
        object.plain("request", self.request);
        match &self.link {
            None => object.text("link", None),
            Some(link) => object.plain("link", link),
        }
        object.text("key_id", self.key_id.as_deref());
        object.text("principal", self.principal.as_ref().map(arn).as_deref());
        object.plain("source", self.source);
        if let Some(endpoint) = &self.through {
            object.text("vpc", Some(&endpoint.vpc));
            object.text("vpce", Some(&endpoint.id));
            object.text("subnet", endpoint.subnet_of(self.source.ip()));
        }
        object.text("bucket", self.bucket.as_ref().map(|name| name.as_str()));
        object.text("key", self.key.as_ref().map(|key| key.as_str()));
        object.text("action", self.action);
        let verdict = match self.refused_by {
            None => "allowed",
            Some(Check::Gone) => "unanswered",
            Some(_) => "refused",
        };
        object.text("verdict", Some(verdict));
        match &self.refused_by {
            None => object.text("check", None),
            Some(check) => object.plain("check", check),
        }
        if self.statement.is_some() {
            object.text("statement", self.statement.as_deref());
        }
        match &self.decided {
            None => {}
            Some(Decided::Allowed(permission)) => object.document("allowed_by", permission),
            Some(Decided::Denied(explanation)) => object.document("why", explanation),
        }
        object.text("code", self.code);
        object.number("bytes", self.bytes);
        if lost > 0 {
            object.number("lost", lost);
        }
        line.extend_from_slice(b"}\n");
    }
}

/// `verify:signature`.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room => f.write_str("room"),
            Self::Preflight => f.write_str("preflight"),
            Self::Form => f.write_str("form"),
            Self::Verify(reason) => write!(f, "verify:{reason}"),
            Self::Parse => f.write_str("parse"),
            Self::Permit(reason) => write!(f, "permit:{reason}"),
            Self::Condition => f.write_str("condition"),
            Self::Body => f.write_str("body"),
            Self::State => f.write_str("state"),
            Self::Hidden => f.write_str("hidden"),
            Self::Node => f.write_str("node"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

/// A principal as policies name it.
fn arn(principal: &Principal) -> String {
    let of = |service: &str, account: &AccountId, rest: fmt::Arguments<'_>| {
        format!("arn:aws:{service}::{account}:{rest}")
    };
    match principal {
        Principal::Root { account } => of("iam", account, format_args!("root")),
        Principal::User { account, name } => of("iam", account, format_args!("user/{name}")),
        Principal::AssumedRole {
            account,
            role,
            session,
        } => of(
            "sts",
            account,
            format_args!("assumed-role/{role}/{session}"),
        ),
        Principal::FederatedUser { account, name } => {
            of("sts", account, format_args!("federated-user/{name}"))
        }
    }
}

/// A JSON object in the making.
struct Object<'a> {
    line: &'a mut Vec<u8>,
    separator: &'static [u8],
}

impl<'a> Object<'a> {
    fn begin(line: &'a mut Vec<u8>) -> Self {
        Self {
            line,
            separator: b"{",
        }
    }

    fn name(&mut self, name: &str) {
        self.line.extend_from_slice(self.separator);
        self.separator = b",";
        self.line.push(b'"');
        self.line.extend_from_slice(name.as_bytes());
        self.line.extend_from_slice(b"\":");
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        // Writing into a vector cannot fail.
        let _ = write!(self.line, "{value}");
    }

    /// A value that is a document; `null` when it cannot be written, which no type of ours knows.
    fn document(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        let begun = self.line.len();
        if serde_json::to_writer(&mut *self.line, value).is_err() {
            self.line.truncate(begun);
            self.line.extend_from_slice(b"null");
        }
    }

    /// A value that has no character to escape.
    fn plain(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        let _ = write!(self.line, "\"{value}\"");
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        self.name(name);
        let Some(value) = value else {
            return self.line.extend_from_slice(b"null");
        };
        self.line.push(b'"');
        let must = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let mut rest = value.as_bytes();
        while let Some(at) = rest.iter().position(must) {
            self.line.extend_from_slice(&rest[..at]);
            match rest[at] {
                byte @ (b'"' | b'\\') => self.line.extend_from_slice(&[b'\\', byte]),
                byte => {
                    let _ = write!(self.line, "\\u{byte:04x}");
                }
            }
            rest = &rest[at + 1..];
        }
        self.line.extend_from_slice(rest);
        self.line.push(b'"');
    }
}
