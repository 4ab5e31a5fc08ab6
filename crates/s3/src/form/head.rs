//! The head of a part: its name, and the file's.

use super::{FormError, MALFORMED};

/// What a part's head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartHead {
    pub(super) name: String,
    /// The file's name, without the path before it.
    pub(super) filename: Option<String>,
}

impl PartHead {
    /// Reads the lines of a head. Those other than `Content-Disposition` say nothing that counts.
    pub(super) fn parse(head: &[u8]) -> Result<Self, FormError> {
        let head = std::str::from_utf8(head).map_err(|_| MALFORMED)?;
        let mut disposition = None;
        for line in head.split("\r\n") {
            let (name, value) = line.split_once(':').ok_or(MALFORMED)?;
            if name.eq_ignore_ascii_case("content-disposition")
                && disposition.replace(value).is_some()
            {
                return Err(MALFORMED);
            }
        }
        let disposition = disposition.ok_or(MALFORMED)?;
        let (kind, rest) = disposition.split_once(';').ok_or(MALFORMED)?;
        if !kind.trim().eq_ignore_ascii_case("form-data") {
            return Err(MALFORMED);
        }
        let parameters = parameters(rest)?;
        let name = parameters.of("name").filter(|name| !name.is_empty());
        Ok(Self {
            name: name.ok_or(MALFORMED)?,
            filename: parameters.of("filename").map(|path| base_name(&path)),
        })
    }
}

/// What stands behind the last separator: some browsers send the path of the file on their machine.
fn base_name(path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next();
    name.unwrap_or_default().to_owned()
}

/// Parameters of a header, each name once.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The parameter of that lower-case name.
    pub(super) fn of(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
}

/// Reads `a=b; c="d"`.
pub(super) fn parameters(mut text: &str) -> Result<Parameters, FormError> {
    let mut found = Parameters::default();
    loop {
        text = text.trim_start_matches([' ', '\t', ';']);
        if text.is_empty() {
            return Ok(found);
        }
        let (name, rest) = text.split_once('=').ok_or(MALFORMED)?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let (value, rest) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
                (value.trim_end().to_owned(), rest)
            }
        };
        let name = name.trim().to_ascii_lowercase();
        if found.of(&name).is_some() {
            return Err(MALFORMED);
        }
        found.0.push((name, value));
        text = rest.trim_start_matches([' ', '\t']);
        if !text.is_empty() && !text.starts_with(';') {
            return Err(MALFORMED);
        }
    }
}

/// The text up to its closing quote, and what follows. Browsers send a quote within as `%22`, curl as
/// `\"`; any other backslash is itself, as in `C:\path`.
fn unquoted(text: &str) -> Result<(String, &str), FormError> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let at = rest.find(['"', '\\']).ok_or(MALFORMED)?;
        let (clean, found) = rest.split_at(at);
        value.push_str(clean);
        if let Some(after) = found.strip_prefix("\\\"") {
            value.push('"');
            rest = after;
        } else if let Some(after) = found.strip_prefix('\\') {
            value.push('\\');
            rest = after;
        } else {
            return Ok((value, found.get(1..).unwrap_or_default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str) -> Option<(String, Option<String>)> {
        let head = PartHead::parse(head.as_bytes()).ok()?;
        Some((head.name, head.filename))
    }

    #[test]
    fn names_as_clients_write_them() {
        let is = |head: &str, name: &str, filename: Option<&str>| {
            let expected = Some((name.to_owned(), filename.map(str::to_owned)));
            assert_eq!(read(head), expected, "{head}");
        };
        let of = |rest: &str| format!("Content-Disposition: form-data; {rest}");
        is(&of("name=\"key\""), "key", None);
        is(&of("name=key"), "key", None);
        is(&of("name=\"file\"; filename=\"\""), "file", Some(""));
        is(
            &of("filename=\"ä;b.txt\"; name=\"file\""),
            "file",
            Some("ä;b.txt"),
        );
        is(
            &of("name=\"file\"; filename=\"C:\\dir\\a.txt\""),
            "file",
            Some("a.txt"),
        );
        is(
            &of("name=\"file\"; filename=\"/tmp/a \\\"b\\\".txt\""),
            "file",
            Some("a \"b\".txt"),
        );
        let lines = "content-type: text/plain\r\nCONTENT-DISPOSITION:FORM-DATA;NAME=\"k\"\r\nx: y";
        is(lines, "k", None);
        // RFC 7578, 4.2: "filename*" must not be used, and is not.
        is(&of("name=\"file\"; filename*=utf-8''x"), "file", None);
    }

    #[test]
    fn anything_else_is_malformed() {
        for head in [
            "",
            "no colon",
            "Content-Type: text/plain",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"\"",
            "Content-Disposition: form-data; name=\"a",
            "Content-Disposition: form-data; name",
            "Content-Disposition: form-data; name=\"a\" x",
            "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
            "Content-Disposition: file; name=\"file\"",
            "Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b",
        ] {
            assert_eq!(read(head), None, "{head}");
        }
        assert_eq!(
            PartHead::parse(b"Content-Disposition: form-data; name=\xff"),
            Err(MALFORMED)
        );
    }
}
