//! Answers and errors as IAM writes them. Source: the service's model, `xmlNamespace` and the shapes of
//! its operations.

use crate::{CallKind, Error};
use blockhouse_policy::Evaluation;
use blockhouse_s3::xml::Writer;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// One result: the decision on one pair of action and resource, and what it is made of.
pub(crate) struct Evaluated {
    pub(crate) evaluation: Evaluation,
    /// The statements that determine it: the policy's name and type; lines and columns of its begin and
    /// end.
    pub(crate) matched: Vec<(String, &'static str, [u32; 4])>,
    /// Across accounts, what each side says alone.
    pub(crate) parts: BTreeMap<&'static str, &'static str>,
    pub(crate) within_boundary: Option<bool>,
    pub(crate) within_guardrail: Option<bool>,
}

/// The answer to a simulation in the making.
#[derive(Debug)]
pub(crate) struct Answer {
    kind: CallKind,
    xml: Writer,
}

impl Answer {
    pub(crate) fn new(kind: CallKind) -> Self {
        let mut xml = begin(kind);
        xml.open("EvaluationResults");
        Self { kind, xml }
    }

    pub(crate) fn len(&self) -> usize {
        self.xml.len()
    }

    pub(crate) fn add(&mut self, evaluated: &Evaluated) {
        let xml = &mut self.xml;
        let evaluation = &evaluated.evaluation;
        let specific = evaluation.resource != "*";
        xml.open("member");
        xml.text("EvalActionName", &evaluation.action);
        xml.text("EvalResourceName", &evaluation.resource);
        xml.plain("EvalDecision", evaluation.decision);
        statements(xml, evaluated);
        // Of resources that are named, what is missing stands with each of them.
        missing(xml, if specific { &[] } else { &evaluation.missing });
        if let Some(allowed) = evaluated.within_guardrail {
            xml.open("OrganizationsDecisionDetail");
            xml.plain("AllowedByOrganizations", allowed);
            xml.close("OrganizationsDecisionDetail");
        }
        within_boundary(xml, evaluated);
        if specific {
            parts(xml, evaluated);
            xml.open("ResourceSpecificResults");
            xml.open("member");
            xml.text("EvalResourceName", &evaluation.resource);
            xml.plain("EvalResourceDecision", evaluation.decision);
            statements(xml, evaluated);
            missing(xml, &evaluation.missing);
            if !evaluated.parts.is_empty() {
                parts(xml, evaluated);
            }
            within_boundary(xml, evaluated);
            xml.close("member");
            xml.close("ResourceSpecificResults");
        }
        xml.close("member");
    }

    /// Ends it; `more` is where the next answer begins.
    pub(crate) fn finish(self, more: Option<usize>, request_id: &str) -> Bytes {
        let Self { kind, mut xml } = self;
        xml.close("EvaluationResults");
        xml.plain("IsTruncated", more.is_some());
        if let Some(more) = more {
            xml.plain("Marker", more);
        }
        end(kind, xml, request_id)
    }
}

fn statements(xml: &mut Writer, evaluated: &Evaluated) {
    xml.open("MatchedStatements");
    for (id, of, [line, column, last_line, last_column]) in &evaluated.matched {
        xml.open("member");
        xml.text("SourcePolicyId", id);
        xml.plain("SourcePolicyType", of);
        for (name, line, column) in [
            ("StartPosition", line, column),
            ("EndPosition", last_line, last_column),
        ] {
            xml.open(name);
            xml.plain("Line", line);
            xml.plain("Column", column);
            xml.close(name);
        }
        xml.close("member");
    }
    xml.close("MatchedStatements");
}

fn missing(xml: &mut Writer, names: &[String]) {
    xml.open("MissingContextValues");
    members(xml, names);
    xml.close("MissingContextValues");
}

fn members<'a>(xml: &mut Writer, texts: impl IntoIterator<Item = &'a String>) {
    for text in texts {
        xml.text("member", text);
    }
}

fn parts(xml: &mut Writer, evaluated: &Evaluated) {
    xml.open("EvalDecisionDetails");
    for (source, decision) in &evaluated.parts {
        xml.open("entry");
        xml.plain("key", source);
        xml.plain("value", decision);
        xml.close("entry");
    }
    xml.close("EvalDecisionDetails");
}

fn within_boundary(xml: &mut Writer, evaluated: &Evaluated) {
    if let Some(allowed) = evaluated.within_boundary {
        xml.open("PermissionsBoundaryDecisionDetail");
        xml.plain("AllowedByPermissionsBoundary", allowed);
        xml.close("PermissionsBoundaryDecisionDetail");
    }
}

/// The answer to a question for condition keys.
pub fn context_keys(kind: CallKind, keys: &BTreeSet<String>, request_id: &str) -> Bytes {
    let mut xml = begin(kind);
    xml.open("ContextKeyNames");
    members(&mut xml, keys);
    xml.close("ContextKeyNames");
    end(kind, xml, request_id)
}

/// A refusal. Source: IAM user guide, "Making query requests", errors.
pub fn error(error: &Error, request_id: &str) -> Bytes {
    let mut xml = Writer::strict(512);
    xml.root_of("ErrorResponse", NAMESPACE);
    xml.open("Error");
    xml.plain(
        "Type",
        if error.code.status() < 500 {
            "Sender"
        } else {
            "Receiver"
        },
    );
    xml.plain("Code", error.code.as_str());
    xml.text("Message", &error.message);
    xml.close("Error");
    xml.plain("RequestId", request_id);
    xml.close("ErrorResponse");
    xml.finish()
}

fn begin(kind: CallKind) -> Writer {
    let mut xml = Writer::strict(4096);
    xml.root_of(&format!("{}Response", kind.as_str()), NAMESPACE);
    xml.open(&format!("{}Result", kind.as_str()));
    xml
}

fn end(kind: CallKind, mut xml: Writer, request_id: &str) -> Bytes {
    xml.close(&format!("{}Result", kind.as_str()));
    xml.open("ResponseMetadata");
    xml.plain("RequestId", request_id);
    xml.close("ResponseMetadata");
    xml.close(&format!("{}Response", kind.as_str()));
    xml.finish()
}
