//! Errors about who signed, with the elements that AWS shows of them.

use super::{ErrorKind, S3Error};
use blockhouse_types::Timestamp;

/// The skew that a signature's time may have, in milliseconds.
const SKEW_MILLIS_MAX: &str = "900000";

impl S3Error {
    /// 403 SignatureDoesNotMatch, with what was signed by our reading, also as hexadecimal bytes:
    /// most mismatches are a character that a terminal does not show. A form has no canonical
    /// request: pass an empty one.
    pub fn signature_does_not_match(
        access_key_id: &str,
        string_to_sign: &str,
        signature_provided: &str,
        canonical_request: &str,
    ) -> Self {
        let error = Self::from(ErrorKind::SignatureDoesNotMatch)
            .element("AWSAccessKeyId", access_key_id)
            .element("StringToSign", string_to_sign)
            .element("SignatureProvided", signature_provided)
            .element("StringToSignBytes", spaced_hex(string_to_sign));
        if canonical_request.is_empty() {
            return error;
        }
        error
            .element("CanonicalRequest", canonical_request)
            .element("CanonicalRequestBytes", spaced_hex(canonical_request))
    }

    /// 403 RequestTimeTooSkewed; `request_time` as sent.
    pub fn request_time_too_skewed(request_time: &str, server_time: Timestamp) -> Self {
        Self::from(ErrorKind::RequestTimeTooSkewed)
            .element("RequestTime", request_time)
            .element("ServerTime", server_time.to_iso_secs())
            .element("MaxAllowedSkewMilliseconds", SKEW_MILLIS_MAX)
    }

    /// 403 AccessDenied for a presigned link that has ended.
    pub fn link_expired(expires_secs: u64, expired_at: Timestamp, server_time: Timestamp) -> Self {
        Self::from(ErrorKind::AccessDenied)
            .message("Request has expired")
            .element("X-Amz-Expires", expires_secs.to_string())
            .element("Expires", expired_at.to_iso_secs())
            .element("ServerTime", server_time.to_iso_secs())
    }

    /// 403 AccessDenied for a presigned link that begins later.
    pub fn link_not_yet_valid() -> Self {
        Self::from(ErrorKind::AccessDenied).message("Request is not valid yet")
    }

    /// 403 InvalidAccessKeyId.
    pub fn unknown_access_key(access_key_id: &str) -> Self {
        Self::from(ErrorKind::InvalidAccessKeyId).element("AWSAccessKeyId", access_key_id)
    }

    /// 400 InvalidToken.
    pub fn invalid_token(token: &str) -> Self {
        Self::from(ErrorKind::InvalidToken).element("Token-0", token)
    }

    /// 400 ExpiredToken.
    pub fn expired_token(token: &str) -> Self {
        Self::from(ErrorKind::ExpiredToken).element("Token-0", token)
    }

    /// 400 AuthorizationQueryParametersError in AWS's words; the region that was expected, when it
    /// was the region.
    pub fn query_parameters(message: String, region: Option<String>) -> Self {
        with_region(
            ErrorKind::AuthorizationQueryParametersError,
            message,
            region,
        )
    }

    /// 400 InvalidArgument for a field of a form, likewise.
    pub fn form_field(name: &str, value: &str, message: String, region: Option<String>) -> Self {
        with_region(ErrorKind::InvalidArgument, message, region)
            .element("ArgumentName", name)
            .element("ArgumentValue", value)
    }

    /// 400 AuthorizationHeaderMalformed, likewise. Clients retry with the region shown.
    pub fn header_malformed(message: String, region: Option<String>) -> Self {
        with_region(ErrorKind::AuthorizationHeaderMalformed, message, region)
    }

    /// 400 InvalidArgument for an unknown word before the credential.
    pub fn unsupported_authorization_type(value: &str) -> Self {
        Self::invalid_argument("Authorization", value, "Unsupported Authorization Type")
    }

    /// 400 InvalidRequest for signature version 2.
    pub fn signature_v2() -> Self {
        Self::invalid_request(
            "The authorization mechanism you have provided is not supported. \
             Please use AWS4-HMAC-SHA256.",
        )
    }

    /// 400 InvalidArgument for a header and a query that both sign.
    pub fn several_mechanisms(authorization: &str) -> Self {
        Self::invalid_argument(
            "Authorization",
            authorization,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
             query string parameter or the Authorization header should be specified",
        )
    }

    /// 403 AccessDenied for a request without a date.
    pub fn no_date() -> Self {
        Self::from(ErrorKind::AccessDenied)
            .message("AWS authentication requires a valid Date or x-amz-date header")
    }

    /// 403 AccessDenied for `x-amz-*` headers that were not signed.
    pub fn headers_not_signed(names: &[String]) -> Self {
        Self::from(ErrorKind::AccessDenied)
            .message("There were headers present in the request which were not signed")
            .element("HeadersNotSigned", names.join(", "))
    }

    /// 400 InvalidRequest without `x-amz-content-sha256`.
    pub fn no_content_sha256() -> Self {
        Self::invalid_request("Missing required header for this request: x-amz-content-sha256")
    }

    /// 400 InvalidArgument for a value of it that means nothing.
    pub fn bad_content_sha256(value: &str) -> Self {
        Self::invalid_argument(
            "x-amz-content-sha256",
            value,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
             STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
             STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
        )
    }

    /// 400 for a head that passes a bound of the verifier's.
    pub fn head_too_large(bound: &str) -> Self {
        Self::from(ErrorKind::RequestHeaderSectionTooLarge).element("Bound", bound)
    }

    /// 400 XAmzContentSHA256Mismatch; both digests.
    pub fn content_sha256_mismatch(client: &[u8; 32], computed: &[u8; 32]) -> Self {
        Self::from(ErrorKind::XAmzContentSHA256Mismatch)
            .element("ClientComputedContentSHA256", blockhouse_types::hex(client))
            .element("S3ComputedContentSHA256", blockhouse_types::hex(computed))
    }
}

fn with_region(kind: ErrorKind, message: String, region: Option<String>) -> S3Error {
    let error = S3Error::from(kind).message(message);
    match region {
        Some(region) => error.element("Region", region),
        None => error,
    }
}

/// `61 62 63`: bytes as AWS shows them in its elements.
fn spaced_hex(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() * 3);
    for (i, byte) in text.bytes().enumerate() {
        if i > 0 {
            shown.push(' ');
        }
        shown.push_str(&blockhouse_types::hex(&[byte]));
    }
    shown
}
