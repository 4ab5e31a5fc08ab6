//! Calls of APIs other than S3: one signature in the header, over the body, for the service `iam`.
//!
//! Source: IAM user guide, "Create a signed AWS API request": the last line of the canonical request
//! is the hash of the body, whether a header says it or not.

use super::{Decision, House, Judge, signature::Signature, unknown_key};
use crate::refusal;
use blockhouse_sigv4::{
    Canonical, Claim, Form, HostReading, PathForm, Query, Request, unsigned_headers,
};
use blockhouse_types::hex;
use blockhouse_verifier_wire::{Call, Failure, PayloadMode, Verified};

/// The services that calls may be signed for.
pub(super) const CALL_SERVICES: [&str; 1] = ["iam"];

impl Judge {
    /// Judges a call. One that is signed in its query is refused: a call is no link.
    pub fn judge_call(&self, call: Call<'_>) -> Result<Verified, Box<Failure>> {
        let decision = self.0.judge_call(&call);
        let decision = decision.unwrap_or_else(Decision::refusal);
        decision.told().map(|(verified, _)| verified)
    }
}

impl House {
    fn judge_call(&self, call: &Call<'_>) -> Result<Decision, Box<Failure>> {
        let question = &call.question;
        let request = Request {
            method: question.method,
            path: question.path,
            query: question.query,
            headers: question.headers,
            tls: question.tls,
        };
        let query = Query::parse(question.query).map_err(|_| Failure::TooLarge {
            bound: "number of query parameters",
        })?;
        let claim = Claim::read(&request, &query)
            .map_err(refusal::of_claim)?
            .ok_or(Failure::Anonymous)?;
        if claim.form != Form::Header {
            return Err(Failure::Anonymous.into());
        }
        let (scope, service) = self.read_credential(&claim, &CALL_SERVICES)?;
        claim
            .check_time(question.now)
            .map_err(|fault| refusal::of_time(fault, &claim, question.now))?;
        let (signer, is_known) = self.find_signer(scope.access_key_id, &claim, question.now)?;
        let payload_hash = hex(&call.body_sha256);
        let canonical = Canonical {
            request: &request,
            query: &query,
            signed_headers: &claim.signed_headers,
            payload_hash: &payload_hash,
            path_form: PathForm::Normalized,
            host: HostReading::DefaultPortDropped,
        };
        let signature = Signature::new(&signer, &claim, scope, &self.region);
        let judged = match self.check_signature(&signature, &claim, canonical, None) {
            // As of requests, this must not tell whether the key is there.
            Err(failure) => Err(failure),
            Ok(_) if !is_known || **signer.id() != *scope.access_key_id => {
                return Err(unknown_key(scope.access_key_id));
            }
            Ok(_) => {
                let names = unsigned_headers(request.headers, &claim.signed_headers);
                match names.is_empty() {
                    false => Err(Failure::HeadersNotSigned { names }.into()),
                    true => {
                        let payload = PayloadMode::Sha256(call.body_sha256);
                        Ok((signer.verified(&claim, service, payload), None))
                    }
                }
            }
        };
        Ok(Decision { judged, is_known })
    }
}
