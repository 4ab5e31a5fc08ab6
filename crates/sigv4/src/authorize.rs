//! Signs a request in its header, for who asks a node from the command line.

use crate::canonical::{Canonical, HostReading, PathForm, Request};
use crate::claim::Algorithm;
use crate::presign::Credentials;
use crate::query::{Query, TooManyParameters};
use crate::sign::StringToSign;
use blockhouse_types::hex;

/// The value of `Authorization` for a request whose headers are all there, in lower case: `host`,
/// `x-amz-date`, `x-amz-content-sha256`, and `x-amz-security-token` with temporary credentials. Every
/// one of them is signed. `date` is the value of `x-amz-date`, `payload_hash` that of
/// `x-amz-content-sha256`.
pub fn authorize(
    request: &Request<'_>,
    credentials: Credentials<'_>,
    (region, service): (&str, &str),
    (date, payload_hash): (&str, &str),
) -> Result<String, TooManyParameters> {
    let mut names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let names = names.join(";");
    let day = date.get(..8).unwrap_or(date);
    let scope = format!("{day}/{region}/{service}/aws4_request");
    let canonical = Canonical {
        request,
        query: &Query::parse(request.query)?,
        signed_headers: &names,
        payload_hash,
        path_form: PathForm::AsSent,
        host: HostReading::DefaultPortDropped,
    };
    let string_to_sign = StringToSign {
        algorithm: Algorithm::Hmac,
        date,
        scope: &scope,
        digest: canonical.digest(),
    };
    let key = credentials.secret.signing_key(day, region, service);
    Ok(format!(
        "{} Credential={}/{scope}, SignedHeaders={names}, Signature={}",
        Algorithm::Hmac.as_str(),
        credentials.access_key_id,
        hex(&string_to_sign.sign(&key)),
    ))
}
