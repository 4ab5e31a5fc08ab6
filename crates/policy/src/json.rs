//! JSON, read strictly and with the place of everything.
//!
//! A policy that two readers understand differently is a hole, so nothing is forgiven here: a name
//! that stands twice in an object, a control character in a string, a lone surrogate, a leading
//! zero, anything behind the end. Each node knows where it stands in the text, because the person
//! who wrote the policy wants to be told where, not only what. Source: RFC 8259.

use std::borrow::Cow;

/// How deep objects and lists may stand in one another. A policy needs six.
pub(crate) const DEPTH_MAX: usize = 16;

/// A value and the bytes of the text that it takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node<'a> {
    /// The first byte.
    pub(crate) start: u32,
    /// The first byte behind it.
    pub(crate) end: u32,
    /// What it is.
    pub(crate) value: Value<'a>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    /// As written.
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    /// In the order written; no name twice.
    Object(Vec<Member<'a>>),
}

/// A name of an object, and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Where the name stands.
    pub(crate) at: u32,
    pub(crate) node: Node<'a>,
}

/// What is wrong, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: u32,
    pub(crate) what: FaultKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// No JSON.
    Syntax,
    /// Deeper than [`DEPTH_MAX`].
    TooDeep,
    /// A name that stands twice in one object.
    Duplicate(String),
}

/// Reads one document. The caller has bounded its length below 4 GiB.
pub(crate) fn read(text: &str) -> Result<Node<'_>, Fault> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_space();
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(reader.fault());
    }
    Ok(node)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn place(&self) -> u32 {
        u32::try_from(self.at).unwrap_or(u32::MAX)
    }

    fn fault(&self) -> Fault {
        Fault {
            at: self.place(),
            what: FaultKind::Syntax,
        }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) {
            Ok(())
        } else {
            Err(self.fault())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, Fault> {
        let start = self.place();
        let value = match self.peek() {
            Some(b'{' | b'[') if depth == DEPTH_MAX => {
                return Err(Fault {
                    at: start,
                    what: FaultKind::TooDeep,
                });
            }
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            _ => self.word()?,
        };
        let end = self.place();
        Ok(Node { start, end, value })
    }

    fn word(&mut self) -> Result<Value<'a>, Fault> {
        let words = [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("null", Value::Null),
        ];
        for (word, value) in words {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.fault())
    }

    fn list(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Fault> {
        self.expect(b'{')?;
        let mut members: Vec<Member<'a>> = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            let at = self.place();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let node = self.value(depth + 1)?;
            members.push(Member { name, at, node });
            self.skip_space();
            if self.take(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        refuse_duplicates(&members)?;
        Ok(Value::Object(members))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        self.expect(b'"')?;
        let text = self.text;
        let mut owned: Option<String> = None;
        let mut from = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let rest = &text[from..self.at];
                    self.at += 1;
                    return Ok(match owned {
                        None => Cow::Borrowed(rest),
                        Some(mut s) => {
                            s.push_str(rest);
                            Cow::Owned(s)
                        }
                    });
                }
                Some(b'\\') => {
                    let s = owned.get_or_insert_default();
                    s.push_str(&text[from..self.at]);
                    let c = self.escape()?;
                    s.push(c);
                    from = self.at;
                }
                Some(0..=0x1f) | None => return Err(self.fault()),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let start = self.fault();
        self.at += 1;
        let c = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode().ok_or(start);
            }
            _ => return Err(start),
        };
        self.at += 1;
        Ok(c)
    }

    /// Behind `\u`: four digits, and of a pair of surrogates the second half as well.
    fn unicode(&mut self) -> Option<char> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        if !(self.take(b'\\') && self.take(b'u')) {
            return None;
        }
        let low = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        let mut number = 0;
        for digit in digits {
            number = number << 4 | char::from(*digit).to_digit(16)?;
        }
        self.at += 4;
        Some(number)
    }

    fn number(&mut self) -> Result<&'a str, Fault> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            Err(self.fault())
        } else {
            Ok(())
        }
    }
}

fn refuse_duplicates(members: &[Member<'_>]) -> Result<(), Fault> {
    let mut names: Vec<(&str, u32)> = members.iter().map(|m| (&*m.name, m.at)).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0].0 == pair[1].0);
    match twice {
        Some([_, (name, at)]) => Err(Fault {
            at: *at,
            what: FaultKind::Duplicate((*name).to_owned()),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u32 {
        read(text).unwrap_err().at
    }

    #[test]
    fn every_form_reads() {
        let text =
            r#" {"a": [1, -0.5e+3, true, false, null, "x\u00e9\ud83d\ude00\n\/"], "b": {}} "#;
        let Value::Object(members) = read(text).unwrap().value else {
            panic!("an object");
        };
        let Value::List(items) = &members[0].node.value else {
            panic!("a list");
        };
        assert_eq!(items[1].value, Value::Number("-0.5e+3"));
        assert_eq!(items[5].value, Value::Text("x\u{e9}\u{1f600}\n/".into()));
        assert_eq!(
            &text[items[2].start as usize..items[2].end as usize],
            "true"
        );
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_stands() {
        assert_eq!(at(""), 0);
        assert_eq!(at("{\"a\":1} x"), 8);
        assert_eq!(at("[1,]"), 3);
        assert_eq!(at("[01]"), 2);
        assert_eq!(at("\"a\nb\""), 2);
        assert_eq!(at(r#""\ud800""#), 1);
        assert_eq!(at(r#""\x""#), 1);
        assert_eq!(at("\"open"), 5);
        assert_eq!(at("{'a':1}"), 1);
        assert_eq!(at("1."), 2);
        assert_eq!(at("-"), 1);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused_however_it_is_spelt() {
        let fault = read(r#"{"a":1,"b":2,"\u0061":3}"#).unwrap_err();
        assert_eq!(fault.what, FaultKind::Duplicate("a".to_owned()));
        assert_eq!(fault.at, 13);
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(
            read(&nested(DEPTH_MAX + 1)).unwrap_err().what,
            FaultKind::TooDeep
        );
    }
}
