//! Reads a document into a tree, within bounds.

use crate::error::{ErrorKind, S3Error};
use quick_xml::{Reader, events::Event};

/// The deepest nesting of elements; deeper is `MalformedXML`. S3's deepest document has six.
pub const DEPTH_MAX: usize = 12;
/// Elements of one document at most; more is `MalformedXML`. The largest legal document names
/// 10,000 parts with a number, a tag and a checksum each.
pub const ELEMENTS_MAX: usize = 50_000;

/// One element: its local name, its own text, its children in order. Attributes are not kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The name without a prefix.
    pub name: String,
    /// Its text, entities resolved, space kept.
    pub text: String,
    /// Elements within it.
    pub children: Vec<Element>,
}

/// Reads a document of which the root must be `root`. Empty input is no document.
pub fn parse_document(body: &[u8], root: &str) -> Result<Element, S3Error> {
    parse_long_document(body, root, ELEMENTS_MAX)
}

/// Reads a document of so many elements at most.
pub(super) fn parse_long_document(
    body: &[u8],
    root: &str,
    elements_max: usize,
) -> Result<Element, S3Error> {
    let tree = Tree {
        open: Vec::new(),
        root: None,
        elements_left: elements_max,
    };
    let element = tree.read(body).ok_or(ErrorKind::MalformedXml)?;
    if element.name == root {
        Ok(element)
    } else {
        Err(ErrorKind::MalformedXml.into())
    }
}

/// A tree in the making.
struct Tree {
    /// Elements that are still open, outermost first.
    open: Vec<Element>,
    /// The root, once it is closed.
    root: Option<Element>,
    elements_left: usize,
}

impl Tree {
    /// `None` is malformed.
    fn read(mut self, body: &[u8]) -> Option<Element> {
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_end_names = true;
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    self.start(tag.local_name().into_inner().to_owned())?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.text(&text)?,
                Event::CData(text) => self.text(&text)?,
                Event::GeneralRef(reference) => {
                    let character = resolve(&reference)?;
                    self.text(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::DocType(_) | Event::Empty(_) => return None,
                Event::Eof => {
                    return if self.open.is_empty() {
                        self.root
                    } else {
                        None
                    };
                }
            }
        }
    }

    fn start(&mut self, name: String) -> Option<()> {
        self.elements_left = self.elements_left.checked_sub(1)?;
        if self.open.len() >= DEPTH_MAX || self.root.is_some() {
            return None;
        }
        self.open.push(Element {
            name,
            ..Element::default()
        });
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        let element = self.open.pop()?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Some(())
    }

    /// Between elements there may be space only; whether an element mixes text and children is
    /// seen when it is taken apart.
    fn text(&mut self, text: &str) -> Option<()> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return None,
        }
        Some(())
    }
}

/// The five entities and character references; nothing else exists here.
fn resolve(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

impl Element {
    /// Its children, when it has only such names and no text among them.
    pub(crate) fn parts(&self, names: &[&str]) -> Result<&[Element], S3Error> {
        let known = self
            .children
            .iter()
            .all(|child| names.contains(&child.name.as_str()));
        if known && self.text.trim().is_empty() {
            Ok(&self.children)
        } else {
            Err(ErrorKind::MalformedXml.into())
        }
    }

    /// The child of that name; two of them are malformed.
    pub(crate) fn child(&self, name: &str) -> Result<Option<&Element>, S3Error> {
        let mut named = self.children.iter().filter(|child| child.name == name);
        match (named.next(), named.next()) {
            (child, None) => Ok(child),
            _ => Err(ErrorKind::MalformedXml.into()),
        }
    }

    /// Its text, when it has no children.
    pub(crate) fn leaf(&self) -> Result<&str, S3Error> {
        if self.children.is_empty() {
            Ok(&self.text)
        } else {
            Err(ErrorKind::MalformedXml.into())
        }
    }

    /// The text of the child of that name.
    pub(crate) fn child_text(&self, name: &str) -> Result<Option<&str>, S3Error> {
        self.child(name)?.map(Element::leaf).transpose()
    }

    /// The text of a child that must be there.
    pub(crate) fn required_text(&self, name: &str) -> Result<&str, S3Error> {
        self.child_text(name)?
            .ok_or_else(|| ErrorKind::MalformedXml.into())
    }

    /// A number in the text of the child of that name.
    pub(crate) fn child_number<N: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<N>, S3Error> {
        let number = |text: &str| {
            text.trim()
                .parse()
                .map_err(|_| ErrorKind::MalformedXml.into())
        };
        self.child_text(name)?.map(number).transpose()
    }

    /// `true` or `false` in the text of the child of that name.
    pub(crate) fn child_bool(&self, name: &str) -> Result<Option<bool>, S3Error> {
        let flag = |text: &str| match text.trim() {
            "true" | "TRUE" | "True" | "1" => Ok(true),
            "false" | "FALSE" | "False" | "0" => Ok(false),
            _ => Err(ErrorKind::MalformedXml.into()),
        };
        self.child_text(name)?.map(flag).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text_of(body: &str) -> Result<String, S3Error> {
        parse_document(body.as_bytes(), "a").map(|element| element.text)
    }

    #[test]
    fn reads_text_as_it_is_meant() {
        for (body, text) in [
            ("<a> x </a>", " x "),
            (
                "<?xml version=\"1.0\"?>\n<!-- c --><a>1&amp;2&lt;&gt;&quot;&apos;</a>\n",
                "1&2<>\"'",
            ),
            (
                "\u{feff}<p:a xmlns:p=\"urn:x\">&#x41;&#66;&#x1F600;</p:a>",
                "AB😀",
            ),
            (
                "<a xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><![CDATA[<&>]]></a>",
                "<&>",
            ),
            ("<a/>", ""),
            ("<a>&#x1;</a>", "\u{1}"),
        ] {
            assert_eq!(text_of(body).as_deref(), Ok(text), "{body}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for body in [
            "",
            " ",
            "a",
            "<a>",
            "<a></b>",
            "</a>",
            "<b/>",
            "<a/><a/>",
            "<a/>x",
            "x<a/>",
            "<a>&nbsp;</a>",
            "<a>&#xD800;</a>",
            "<a>&#99999999999;</a>",
            "<a>& b</a>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<!DOCTYPE a><a/>",
        ] {
            assert!(text_of(body).is_err(), "{body}");
        }
        assert!(parse_document(b"<a>\xff</a>", "a").is_err());
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(parse_document(deep(DEPTH_MAX).as_bytes(), "a").is_ok());
        assert!(parse_document(deep(DEPTH_MAX + 1).as_bytes(), "a").is_err());
        // 700 KB of nesting is refused at the thirteenth element.
        assert!(parse_document(deep(100_000).as_bytes(), "a").is_err());
        assert!(parse_document("<a>".repeat(233_333).as_bytes(), "a").is_err());
        let wide = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n));
        assert!(parse_document(wide(ELEMENTS_MAX - 1).as_bytes(), "a").is_ok());
        assert!(parse_document(wide(ELEMENTS_MAX).as_bytes(), "a").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_document(&body, "a");
        }

        #[test]
        fn reads_what_the_writer_wrote(text in any::<String>()) {
            let mut xml = crate::xml::Writer::new(0);
            xml.text("a", &text);
            prop_assert_eq!(text_of(std::str::from_utf8(&xml.finish()).unwrap()), Ok(text));
        }
    }
}
