//! What a call is refused with.

/// A refusal, for the client to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Which one.
    pub code: Code,
    /// Why, in words.
    pub message: String,
}

impl Error {
    /// A refusal with its reason.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, message }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(Code::ValidationError, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidInput, message)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $status:literal;)*) => {
        /// The codes of errors. Sources: IAM API reference, "Common Errors", and the errors of its
        /// operations.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            /// As it is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// The status of the answer.
            pub fn status(self) -> u16 {
                match self { $(Self::$code => $status,)* }
            }
        }
    };
}

codes! {
    /// Who asks may not.
    AccessDenied 403;
    /// The temporary credentials have ended.
    ExpiredToken 403;
    /// The signature's parts are not all there.
    IncompleteSignature 400;
    /// The node could not.
    InternalFailure 500;
    /// There is no such operation.
    InvalidAction 400;
    /// There is no such key, or no such token.
    InvalidClientTokenId 403;
    /// A value that makes no sense.
    InvalidInput 400;
    /// No operation is named.
    MissingAction 400;
    /// Nobody signed.
    MissingAuthenticationToken 403;
    /// There is no such identity.
    NoSuchEntity 404;
    /// The node cannot now.
    ServiceUnavailable 503;
    /// The signature is not of this call.
    SignatureDoesNotMatch 403;
    /// A parameter that is not as it must be.
    ValidationError 400;
}
