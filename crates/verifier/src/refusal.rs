//! From what the signature rules object to, to the failure that the gateway shows.

use blockhouse_sigv4::{
    Claim, ClaimError, FormFault, HeaderFault, QueryFault, ScopeError, TimeFault,
};
use blockhouse_types::Timestamp;
use blockhouse_verifier_wire::Failure;

/// The failure of a claim that could not be read.
pub(crate) fn of_claim(error: ClaimError) -> Failure {
    match error {
        ClaimError::SeveralMechanisms => Failure::SeveralMechanisms,
        ClaimError::SignatureV2 | ClaimError::Header(HeaderFault::Version2) => Failure::SignatureV2,
        ClaimError::Header(HeaderFault::UnsupportedType { value }) => {
            Failure::UnsupportedAuthorizationType { value }
        }
        ClaimError::Header(fault) => Failure::HeaderMalformed {
            message: fault.to_string(),
            region: region_of_header(fault),
        },
        ClaimError::Query(fault) => Failure::QueryParameters {
            message: fault.to_string(),
            region: region_of_query(fault),
        },
        ClaimError::Form(fault) => of_form(fault),
        ClaimError::NoDate => Failure::NoDate,
        ClaimError::TooManyHeaders => Failure::TooLarge {
            bound: "number of headers",
        },
    }
}

/// The failure of a claim that does not count at `now`.
pub(crate) fn of_time(fault: TimeFault, claim: &Claim<'_>, now: Timestamp) -> Failure {
    match fault {
        TimeFault::Skewed => Failure::TimeTooSkewed {
            request_time: claim.date.to_string(),
            server_time: now,
        },
        TimeFault::Expired {
            expires_secs,
            expired_at,
        } => Failure::Expired {
            expires_secs,
            expired_at,
            server_time: now,
        },
        TimeFault::NotYetValid => Failure::NotYetValid,
    }
}

fn of_form(fault: FormFault) -> Failure {
    let message = fault.to_string();
    let (name, value) = fault.field();
    let (name, value) = (name.to_owned(), value.to_owned());
    let region = match fault {
        FormFault::Scope {
            error: ScopeError::Region { expected, .. },
            ..
        } => Some(expected),
        _ => None,
    };
    Failure::FormField {
        name,
        value,
        message,
        region,
    }
}

fn region_of_header(fault: HeaderFault) -> Option<String> {
    match fault {
        HeaderFault::Scope(ScopeError::Region { expected, .. })
        | HeaderFault::RegionSet { expected, .. } => Some(expected),
        _ => None,
    }
}

fn region_of_query(fault: QueryFault) -> Option<String> {
    match fault {
        QueryFault::Scope(ScopeError::Region { expected, .. })
        | QueryFault::RegionSet { expected, .. } => Some(expected),
        _ => None,
    }
}
