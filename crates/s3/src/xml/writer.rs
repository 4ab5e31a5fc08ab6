//! Writes answers.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::io::Write as _;

/// The namespace of S3's documents.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What `encoding-type=url` leaves as it is, beside letters and digits.
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// A name as `encoding-type=url` shows it: `/` stays, a space is `%20`, which clients that decode
/// `+` as a space and clients that do not read alike.
fn url_encoded(name: &str) -> percent_encoding::PercentEncode<'_> {
    utf8_percent_encode(name, NAME)
}

/// A document in the making. Elements are closed by who opened them; text is escaped here.
///
/// A character that XML 1.0 cannot hold, not even as a reference, is written as the reference it
/// would be (`&#x1;`), as S3 does: only a client that asked for no encoding and has such a key can
/// meet it, and it learns the key. Errors, which every client must be able to read, show U+FFFD.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    strict: bool,
}

impl Writer {
    /// Begins a document; `capacity_bytes` is a guess of its size.
    pub fn new(capacity_bytes: usize) -> Self {
        let mut out = Vec::with_capacity(capacity_bytes);
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out, strict: false }
    }

    /// Begins a document that every XML 1.0 reader accepts, whatever text it quotes.
    pub fn strict(capacity_bytes: usize) -> Self {
        Self {
            strict: true,
            ..Self::new(capacity_bytes)
        }
    }

    /// `<name>`.
    pub fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    /// `<name xmlns="...">`, the root of a document.
    pub fn root(&mut self, name: &str) {
        self.root_of(name, NAMESPACE);
    }

    /// The root of a document of another service.
    pub fn root_of(&mut self, name: &str, namespace: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b" xmlns=\"");
        self.out.extend_from_slice(namespace.as_bytes());
        self.out.extend_from_slice(b"\">");
    }

    /// How long the document is so far, in bytes.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// `</name>`.
    pub fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    /// `<name>value</name>`.
    pub fn text(&mut self, name: &str, value: &str) {
        self.open(name);
        self.escape(value);
        self.close(name);
    }

    /// `<name>value</name>` with a value that needs no escape: a number, a date, a token.
    pub fn plain(&mut self, name: &str, value: impl std::fmt::Display) {
        self.open(name);
        // Writing into a vector cannot fail.
        let _ = write!(self.out, "{value}");
        self.close(name);
    }

    /// `<name>"value"</name>`, as entity tags stand in documents.
    pub fn quoted(&mut self, name: &str, value: impl std::fmt::Display) {
        self.open(name);
        let _ = write!(self.out, "&quot;{value}&quot;");
        self.close(name);
    }

    /// A key, prefix, delimiter or marker: percent-encoded when the client asked for that.
    pub fn name(&mut self, name: &str, value: &str, encoding_url: bool) {
        if encoding_url {
            self.plain(name, url_encoded(value));
        } else {
            self.text(name, value);
        }
    }

    /// Text without an element of its own.
    pub fn raw_text(&mut self, text: &str) {
        self.escape(text);
    }

    /// Bytes that are XML already.
    pub fn raw(&mut self, xml: &str) {
        self.out.extend_from_slice(xml.as_bytes());
    }

    /// The document.
    pub fn finish(self) -> Bytes {
        self.out.into()
    }

    fn escape(&mut self, text: &str) {
        let mut rest = text;
        while let Some(at) = rest.find(needs_escape) {
            let (clean, tail) = rest.split_at(at);
            self.out.extend_from_slice(clean.as_bytes());
            let mut characters = tail.chars();
            if let Some(character) = characters.next() {
                self.escape_one(character);
            }
            rest = characters.as_str();
        }
        self.out.extend_from_slice(rest.as_bytes());
    }

    fn escape_one(&mut self, character: char) {
        match character {
            '&' => self.out.extend_from_slice(b"&amp;"),
            '<' => self.out.extend_from_slice(b"&lt;"),
            '>' => self.out.extend_from_slice(b"&gt;"),
            '"' => self.out.extend_from_slice(b"&quot;"),
            _ if self.strict && !legal_in_xml(character) => {
                self.out.extend_from_slice("\u{fffd}".as_bytes());
            }
            _ => {
                let _ = write!(self.out, "&#x{:X};", u32::from(character));
            }
        }
    }
}

/// `\t`, `\n` and `\r` are legal, but a reader would change a bare `\r` into `\n`.
fn needs_escape(character: char) -> bool {
    matches!(
        character,
        '&' | '<' | '>' | '"' | '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}'
    )
}

fn legal_in_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(mut writer: Writer, text: &str, url: bool) -> String {
        writer.name("K", text, url);
        let all = String::from_utf8(writer.finish().to_vec()).unwrap();
        all.split_once("<K>")
            .unwrap()
            .1
            .strip_suffix("</K>")
            .unwrap()
            .to_owned()
    }

    #[test]
    fn escapes() {
        let odd = "a<b>&\"c'\r\u{1}\u{ffff}é😀";
        let loose = "a&lt;b&gt;&amp;&quot;c'&#xD;&#x1;&#xFFFF;é😀";
        assert_eq!(written(Writer::new(0), odd, false), loose);
        let strict = "a&lt;b&gt;&amp;&quot;c'&#xD;\u{fffd}\u{fffd}é😀";
        assert_eq!(written(Writer::strict(0), odd, false), strict);
        let url = "a/b%20c%2Bd%26-_.~%01%C3%A9";
        assert_eq!(written(Writer::new(0), "a/b c+d&-_.~\u{1}é", true), url);
    }
}
