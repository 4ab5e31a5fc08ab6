//! Fields: written and read back one by one, with the name of the first that is odd.

use super::{
    FrameError, TooLong,
    answer::{read_claims, read_principal, write_claims, write_principal},
};
use crate::{Claims, Principal};
use blockhouse_types::{AccountId, Timestamp};

/// Appends fields to a message or another plain record.
#[derive(Debug)]
pub struct Writer<'a>(pub(crate) &'a mut Vec<u8>);

impl<'a> Writer<'a> {
    /// Appends to these bytes.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self(bytes)
    }

    /// A byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// 0 or 1.
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// Two bytes.
    pub fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes whose number both sides know.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Up to 65,535 bytes behind their number.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.u16(u16::try_from(bytes.len()).map_err(|_| TooLong)?);
        self.raw(bytes);
        Ok(())
    }

    /// A text of up to 65,535 bytes.
    pub fn text(&mut self, text: &str) -> Result<(), TooLong> {
        self.bytes(text.as_bytes())
    }

    /// A text that a client is shown: what is beyond the length of a text field is cut off, at the
    /// beginning of a character.
    pub fn text_cut(&mut self, text: &str) -> Result<(), TooLong> {
        self.text(&text[..text.floor_char_boundary(u16::MAX.into())])
    }

    /// Texts behind their number.
    pub fn texts<'t>(
        &mut self,
        texts: impl ExactSizeIterator<Item = &'t str>,
    ) -> Result<(), TooLong> {
        self.u16(u16::try_from(texts.len()).map_err(|_| TooLong)?);
        for text in texts {
            self.text(text)?;
        }
        Ok(())
    }

    /// 1 and the value, or 0.
    pub fn option<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Result<(), TooLong>,
    ) -> Result<(), TooLong> {
        self.bool(value.is_some());
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// Whom a key speaks for.
    pub fn principal(&mut self, principal: &Principal) -> Result<(), TooLong> {
        write_principal(self, principal)
    }

    /// What a session token says.
    pub fn claims(&mut self, claims: &Claims) -> Result<(), TooLong> {
        write_claims(self, claims)
    }

    /// A moment, in milliseconds.
    pub fn time(&mut self, moment: Timestamp) {
        self.u64(moment.millis());
    }

    /// An account's number.
    pub fn account(&mut self, account: AccountId) {
        self.u64(account.number());
    }
}

/// Takes fields from the front of a message. What is missing or odd is an error with its name.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// Takes from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// As many bytes.
    pub fn bytes(&mut self, len: usize, what: &'static str) -> Result<&'a [u8], FrameError> {
        let (bytes, rest) = self.0.split_at_checked(len).ok_or(FrameError { what })?;
        self.0 = rest;
        Ok(bytes)
    }

    /// As many bytes as the array has.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], FrameError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(FrameError { what })?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// A byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, FrameError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// 0 or 1.
    pub fn bool(&mut self, what: &'static str) -> Result<bool, FrameError> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(FrameError { what }),
        }
    }

    /// Two bytes.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, FrameError> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Four bytes.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, FrameError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Eight bytes.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, FrameError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Bytes behind their number.
    pub fn field(&mut self, what: &'static str) -> Result<&'a [u8], FrameError> {
        let len = self.u16(what)?;
        self.bytes(len.into(), what)
    }

    /// A text in UTF-8.
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.field(what)?).map_err(|_| FrameError { what })
    }

    /// A text in UTF-8, owned.
    pub fn string(&mut self, what: &'static str) -> Result<String, FrameError> {
        self.text(what).map(str::to_owned)
    }

    /// Texts behind their number.
    pub fn strings(&mut self, what: &'static str) -> Result<Vec<String>, FrameError> {
        let count = self.u16(what)?;
        // No capacity ahead of the bytes: the count is the sender's word.
        (0..count).map(|_| self.string(what)).collect()
    }

    /// A value behind 1, none behind 0.
    pub fn option<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, FrameError>,
    ) -> Result<Option<T>, FrameError> {
        self.bool(what)?.then(|| read(self)).transpose()
    }

    /// Whom a key speaks for.
    pub fn principal(&mut self) -> Result<Principal, FrameError> {
        read_principal(self)
    }

    /// What a session token says.
    pub fn claims(&mut self) -> Result<Claims, FrameError> {
        read_claims(self)
    }

    /// A moment.
    pub fn time(&mut self, what: &'static str) -> Result<Timestamp, FrameError> {
        self.u64(what).map(Timestamp::from_millis)
    }

    /// An account.
    pub fn account(&mut self, what: &'static str) -> Result<AccountId, FrameError> {
        AccountId::from_number(self.u64(what)?).ok_or(FrameError { what })
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), FrameError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(FrameError {
                what: "bytes behind the end",
            })
        }
    }
}
