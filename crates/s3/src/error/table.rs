//! The table of error kinds.

use http::StatusCode;

/// Writes the enum and its three columns from one table.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal, $status:literal, $message:literal;)*) => {
        /// What went wrong, in S3's words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $code, "`, ", stringify!($status), ": ", $message)]
                $kind,
            )*
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// The code that clients branch on.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)*
                }
            }

            /// The HTTP status as a number.
            pub fn status_code(self) -> u16 {
                match self {
                    $(Self::$kind => $status,)*
                }
            }

            /// AWS's message.
            pub fn message(self) -> &'static str {
                match self {
                    $(Self::$kind => $message,)*
                }
            }
        }
    };
}

impl ErrorKind {
    /// The HTTP status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

kinds! {
    // Who asks.
    AccessDenied = "AccessDenied", 403, "Access Denied";
    AuthorizationHeaderMalformed = "AuthorizationHeaderMalformed", 400,
        "The authorization header that you provided is not valid.";
    AuthorizationQueryParametersError = "AuthorizationQueryParametersError", 400,
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, \
         X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
    ExpiredToken = "ExpiredToken", 400, "The provided token has expired.";
    InvalidAccessKeyId = "InvalidAccessKeyId", 403,
        "The AWS Access Key Id you provided does not exist in our records.";
    InvalidToken = "InvalidToken", 400,
        "The provided token is malformed or otherwise invalid.";
    RequestTimeTooSkewed = "RequestTimeTooSkewed", 403,
        "The difference between the request time and the current time is too large.";
    SignatureDoesNotMatch = "SignatureDoesNotMatch", 403,
        "The request signature we calculated does not match the signature you provided. \
         Check your key and signing method.";
    XAmzContentSHA256Mismatch = "XAmzContentSHA256Mismatch", 400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.";

    // The request as such.
    BadRequest = "BadRequest", 400, "Bad Request";
    InvalidArgument = "InvalidArgument", 400, "Invalid Argument";
    InvalidRequest = "InvalidRequest", 400, "Invalid Request";
    InvalidPolicyDocument = "InvalidPolicyDocument", 400,
        "The content of the form does not meet the conditions specified in the policy document.";
    InvalidUri = "InvalidURI", 400, "Couldn't parse the specified URI.";
    IncompleteBody = "IncompleteBody", 400,
        "You did not provide the number of bytes specified by the Content-Length HTTP header";
    KeyTooLongError = "KeyTooLongError", 400, "Your key is too long";
    MalformedPostRequest = "MalformedPOSTRequest", 400,
        "The body of your POST request is not well-formed multipart/form-data.";
    MalformedXml = "MalformedXML", 400,
        "The XML you provided was not well-formed or did not validate against our published schema";
    MaxMessageLengthExceeded = "MaxMessageLengthExceeded", 400, "Your request was too big.";
    MaxPostPreDataLengthExceeded = "MaxPostPreDataLengthExceeded", 400,
        "Your POST request fields preceeding the upload file was too large.";
    MetadataTooLarge = "MetadataTooLarge", 400,
        "Your metadata headers exceed the maximum allowed metadata size";
    MethodNotAllowed = "MethodNotAllowed", 405,
        "The specified method is not allowed against this resource.";
    MissingContentLength = "MissingContentLength", 411,
        "You must provide the Content-Length HTTP header.";
    MissingRequestBody = "MissingRequestBodyError", 400, "Request Body is empty";
    NotImplemented = "NotImplemented", 501,
        "A header or query you provided implies functionality that is not implemented.";
    RequestHeaderSectionTooLarge = "RequestHeaderSectionTooLarge", 400,
        "Your request header section exceeds the maximum allowed header section size.";
    RequestTimeout = "RequestTimeout", 400,
        "Your socket connection to the server was not read from or written to within the timeout \
         period.";

    // The body.
    BadDigest = "BadDigest", 400,
        "The Content-MD5 you specified did not match what we received.";
    EntityTooLarge = "EntityTooLarge", 400,
        "Your proposed upload exceeds the maximum allowed size";
    EntityTooSmall = "EntityTooSmall", 400,
        "Your proposed upload is smaller than the minimum allowed size";
    InvalidChunkSizeError = "InvalidChunkSizeError", 403,
        "Only the last chunk is allowed to have a size less than 8192 bytes";
    InvalidDigest = "InvalidDigest", 400, "The Content-MD5 you specified was invalid.";
    MalformedTrailerError = "MalformedTrailerError", 400,
        "The request contained trailing data that was not well-formed or did not conform to our \
         published schema.";

    // Buckets.
    BucketAlreadyExists = "BucketAlreadyExists", 409,
        "The requested bucket name is not available. The bucket namespace is shared by all users \
         of the system. Please select a different name and try again.";
    BucketAlreadyOwnedByYou = "BucketAlreadyOwnedByYou", 409,
        "Your previous request to create the named bucket succeeded and you already own it.";
    BucketNotEmpty = "BucketNotEmpty", 409, "The bucket you tried to delete is not empty";
    IllegalLocationConstraintException = "IllegalLocationConstraintException", 400,
        "The unspecified location constraint is incompatible for the region specific endpoint this \
         request was sent to.";
    InvalidBucketName = "InvalidBucketName", 400, "The specified bucket is not valid.";
    InvalidBucketOwnerAwsAccountId = "InvalidBucketOwnerAWSAccountID", 400,
        "The value of the expected bucket owner parameter must be an AWS account ID";
    InvalidBucketState = "InvalidBucketState", 409,
        "The request is not valid with the current state of the bucket.";
    InvalidLocationConstraint = "InvalidLocationConstraint", 400,
        "The specified location-constraint is not valid";
    NoSuchAccessPoint = "NoSuchAccessPoint", 404, "The specified accesspoint does not exist";
    BucketHasAccessPointsAttached = "BucketHasAccessPointsAttached", 400,
        "The bucket that you are attempting to delete has access points attached. Delete your access \
         points and try again.";
    NoSuchBucket = "NoSuchBucket", 404, "The specified bucket does not exist";
    TooManyBuckets = "TooManyBuckets", 400,
        "You have attempted to create more buckets than allowed";

    // Settings of buckets.
    AccessControlListNotSupported = "AccessControlListNotSupported", 400,
        "The bucket does not allow ACLs";
    CorsForbidden = "AccessForbidden", 403,
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of \
         Origin, request method / Access-Control-Request-Method or \
         Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.";
    CorsNotEnabled = "AccessForbidden", 403, "CORSResponse: CORS is not enabled for this bucket.";
    IllegalVersioningConfigurationException = "IllegalVersioningConfigurationException", 400,
        "The Versioning element must be specified";
    InvalidTag = "InvalidTag", 400, "The tag provided was not a valid tag.";
    MalformedPolicy = "MalformedPolicy", 400, "This policy contains invalid Json";
    NoSuchBucketPolicy = "NoSuchBucketPolicy", 404, "The bucket policy does not exist";
    NoSuchConfiguration = "NoSuchConfiguration", 404,
        "The specified configuration does not exist.";
    NoSuchCorsConfiguration = "NoSuchCORSConfiguration", 404,
        "The CORS configuration does not exist";
    NoSuchLifecycleConfiguration = "NoSuchLifecycleConfiguration", 404,
        "The lifecycle configuration does not exist";
    NoSuchPublicAccessBlockConfiguration = "NoSuchPublicAccessBlockConfiguration", 404,
        "The public access block configuration was not found";
    NoSuchTagSet = "NoSuchTagSet", 404, "The TagSet does not exist";
    NoSuchWebsiteConfiguration = "NoSuchWebsiteConfiguration", 404,
        "The specified bucket does not have a website configuration";
    ObjectLockConfigurationNotFoundError = "ObjectLockConfigurationNotFoundError", 404,
        "Object Lock configuration does not exist for this bucket";
    ReplicationConfigurationNotFoundError = "ReplicationConfigurationNotFoundError", 404,
        "The replication configuration was not found";
    ServerSideEncryptionConfigurationNotFoundError =
        "ServerSideEncryptionConfigurationNotFoundError", 404,
        "The server side encryption configuration was not found";

    // Objects and uploads.
    ConditionalRequestConflict = "ConditionalRequestConflict", 409,
        "The conditional request cannot succeed due to a conflicting operation against this \
         resource.";
    InvalidPart = "InvalidPart", 400,
        "One or more of the specified parts could not be found. The part may not have been \
         uploaded, or the specified entity tag may not match the part's entity tag.";
    InvalidPartNumber = "InvalidPartNumber", 416, "The requested partnumber is not satisfiable";
    InvalidPartOrder = "InvalidPartOrder", 400,
        "The list of parts was not in ascending order. The parts list must be specified in order \
         by part number.";
    InvalidRange = "InvalidRange", 416, "The requested range is not satisfiable";
    InvalidRedirectLocation = "InvalidRedirectLocation", 400,
        "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.";
    InvalidStorageClass = "InvalidStorageClass", 400,
        "The storage class you specified is not valid";
    NoSuchKey = "NoSuchKey", 404, "The specified key does not exist.";
    NoSuchUpload = "NoSuchUpload", 404,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have \
         been aborted or completed.";
    NoSuchVersion = "NoSuchVersion", 404, "The specified version does not exist.";
    /// 304 has no body; code and message are for logs.
    NotModified = "NotModified", 304, "Not Modified";
    PreconditionFailed = "PreconditionFailed", 412,
        "At least one of the pre-conditions you specified did not hold";

    // The node.
    InsufficientCapacity = "InsufficientCapacity", 507,
        "There is not enough free space for this request. Deletes still work.";
    InternalError = "InternalError", 500,
        "We encountered an internal error. Please try again.";
    ServiceUnavailable = "ServiceUnavailable", 503,
        "Service is unable to handle request.";
    SlowDown = "SlowDown", 503, "Please reduce your request rate.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_legal_answer() {
        for kind in ErrorKind::ALL {
            assert_eq!(
                kind.status().as_u16(),
                kind.status_code(),
                "{}",
                kind.code()
            );
            let status = kind.status_code();
            assert!(
                (400..600).contains(&status) || status == 304,
                "{}",
                kind.code()
            );
            assert!(
                kind.code().bytes().all(|b| b.is_ascii_alphanumeric()),
                "{}",
                kind.code()
            );
            assert!(!kind.message().contains("  "), "{}", kind.code());
        }
    }
}
