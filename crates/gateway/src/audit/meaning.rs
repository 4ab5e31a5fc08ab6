//! What the checks of the audit mean, in words for a person.

/// The check, and what it means that it said no.
const MEANINGS: [(&str, &str); 50] = [
    ("room", "the node had no room for one more request"),
    (
        "preflight",
        "the bucket has no CORS rule for what the page asks",
    ),
    ("form", "the form in the body is none"),
    (
        "verify:anonymous",
        "nobody signed, and the call needs a signature",
    ),
    (
        "verify:signature",
        "the signature is not that of the key for exactly this request: another secret, or something changed on the way",
    ),
    (
        "verify:clock",
        "the request is dated too far from the node's clock",
    ),
    ("verify:expired", "the link had expired"),
    (
        "verify:not-yet-valid",
        "the link is dated ahead of the node's clock",
    ),
    ("verify:key", "there is no such access key here, or no more"),
    (
        "verify:token",
        "the session token is none of this node's, or not of this key",
    ),
    ("verify:token-expired", "the session token had expired"),
    (
        "verify:parameters",
        "what says who signed cannot be read, or is for another region or service",
    ),
    (
        "verify:another-service",
        "it was signed for an access point and came to another name, or the other way round",
    ),
    (
        "verify:version-2",
        "it was signed by the second version of signatures, which is never believed",
    ),
    (
        "verify:several-mechanisms",
        "it says in several places who signed",
    ),
    ("verify:no-date", "a signature without a date"),
    (
        "verify:headers-not-signed",
        "headers that matter are not covered by the signature",
    ),
    (
        "verify:payload-word",
        "what is signed of the body is missing or makes no sense",
    ),
    (
        "verify:too-large",
        "there is more of it than a signature may cover",
    ),
    ("verify:unreachable", "the verifier could not be asked"),
    (
        "parse",
        "the head makes no sense, or the policy of the form does not allow it",
    ),
    (
        "permit:anonymous",
        "nobody signed, and nothing here is for everybody",
    ),
    (
        "permit:address",
        "the bucket's address list does not admit where it came from",
    ),
    ("permit:no-such-bucket", "there is no such bucket"),
    (
        "permit:no-such-identity",
        "the user or role that signed is no more, or was made anew since",
    ),
    ("permit:explicit-deny", "a statement of a policy denies it"),
    (
        "permit:anonymous-access-point",
        "nobody signed: access points are never open to everybody",
    ),
    (
        "permit:beyond-reach",
        "the access point is for a VPC that it did not come from, or its bucket is another account's by now",
    ),
    (
        "permit:not-allowed-by-guardrail",
        "the node's guardrail does not allow it",
    ),
    (
        "permit:not-allowed-by-endpoint",
        "the VPC endpoint's policy does not allow it",
    ),
    (
        "permit:not-allowed-by-identity",
        "no policy of the caller's allows it, nor does the bucket's",
    ),
    (
        "permit:not-allowed-by-boundary",
        "the permissions boundary does not allow it",
    ),
    (
        "permit:not-allowed-by-session",
        "the session's policy does not allow it",
    ),
    (
        "permit:not-allowed-by-access-point",
        "the access point's policy does not allow it",
    ),
    (
        "permit:not-allowed-by-bucket",
        "the bucket is another account's, and its policy does not allow it",
    ),
    (
        "permit:link-terms",
        "the link's own terms do not allow it: another source, or a use that it is not for",
    ),
    ("permit:link-revoked", "the link was revoked"),
    (
        "permit:link-unknown",
        "the one-time link cannot be told from another",
    ),
    ("permit:link-used", "the one-time link was used already"),
    (
        "permit:override-without-signature",
        "only who signed may choose headers of the answer",
    ),
    (
        "permit:another-owner-expected",
        "the caller expected the bucket to be another account's",
    ),
    (
        "permit:by-link",
        "such a call is signed in its header, never by a link",
    ),
    ("permit:not-the-root", "such a call is the account root's"),
    (
        "permit:not-the-owner",
        "what it is about is another account's",
    ),
    (
        "condition",
        "a condition of the request's own, If-…, did not hold",
    ),
    ("body", "the body is not what was promised of it"),
    (
        "state",
        "there is no such thing, or it is not in a state for that",
    ),
    (
        "hidden",
        "there is no such key, and the caller, who may not list the bucket, was not to learn that",
    ),
    ("node", "the node could not"),
    (
        "gone",
        "the client went away before it was answered; what it asked for may be done",
    ),
];

/// What it means that the check, as the audit spells it, said no; `None` for one that it does not know.
pub fn meaning(check: &str) -> Option<&'static str> {
    let mut meanings = MEANINGS.iter();
    Some(meanings.find(|(name, _)| *name == check)?.1)
}
