//! What the kernel says of a question: that it is done, or an error, which may come with words.

use super::{Attributes, MESSAGE_HEADER, Malformed, Message, padded, text};
use nix::errno::Errno;

/// The kernel's words about an error are cut here, in bytes.
pub(super) const DETAIL_LEN_MAX: usize = 256;

/// `NLMSGERR_ATTR_MSG`: what is wrong, in words.
pub(super) const ERROR_WORDS: u16 = 1;

/// What the kernel says of a question: done, or an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The question's sequence number.
    pub seq: u32,
    /// The error.
    pub errno: Option<Errno>,
    /// What the kernel adds in words.
    pub detail: Option<String>,
}

impl Verdict {
    /// Reads a message of kind `NLMSG_ERROR`, or the end of a list, which may be an error too.
    ///
    /// ```text
    ///   error u32, negative; of NLMSG_ERROR: the question's header, and its body unless CAPPED
    ///   attributes, if ACK_TLVS
    /// ```
    pub fn read(message: &Message<'_>) -> Result<Self, Malformed> {
        let (errno, rest) = message
            .body
            .split_first_chunk()
            .ok_or(Malformed::Length("an error"))?;
        let errno = i32::from_ne_bytes(*errno);
        let rest = match i32::from(message.kind) {
            libc::NLMSG_ERROR => Self::behind_question(message.flags, rest)?,
            _ => rest,
        };
        let has_words = i32::from(message.flags) & libc::NLM_F_ACK_TLVS != 0;
        let detail = has_words.then(|| Self::words(rest)).transpose()?.flatten();
        Ok(Self {
            seq: message.seq,
            errno: (errno != 0).then(|| Errno::from_raw(errno.saturating_neg())),
            detail,
        })
    }

    /// What is behind the question that an error repeats.
    fn behind_question(flags: u16, rest: &[u8]) -> Result<&[u8], Malformed> {
        let (len, _) = rest
            .split_first_chunk()
            .ok_or(Malformed::Length("an error"))?;
        let len = match i32::from(flags) & libc::NLM_F_CAPPED != 0 {
            true => MESSAGE_HEADER,
            false => usize::try_from(u32::from_ne_bytes(*len)).unwrap_or(usize::MAX),
        };
        // An error without attributes ends here, and may end unpadded.
        Ok(rest.get(padded(len)..).unwrap_or_default())
    }

    fn words(attributes: &[u8]) -> Result<Option<String>, Malformed> {
        for attribute in Attributes::of(attributes) {
            let attribute = attribute?;
            if attribute.kind == ERROR_WORDS {
                let short = attribute.value.get(..DETAIL_LEN_MAX);
                return Ok(Some(text(short.unwrap_or(attribute.value))));
            }
        }
        Ok(None)
    }
}
