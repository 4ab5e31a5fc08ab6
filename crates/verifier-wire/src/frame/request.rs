//! What the gateway asks.

use super::{
    FORM_BYTES_MAX, FrameBuilder, FrameError, HEAD_BYTES_MAX, Message, Messages, Reader, TooLong,
    Writer,
};
use crate::{Call, ChainId, Link, LinkKind, Question};
use blockhouse_types::Timestamp;

const VERIFY: u8 = 1;
const LINK: u8 = 2;
const END_CHAIN: u8 = 3;
const ORDER: u8 = 4;
const CALL: u8 = 5;

/// The longest signature of a link: an ECDSA one, padded to the width that clients use, and room.
const SIGNATURE_BYTES_MAX: usize = 512;

/// A message to the verifier.
#[derive(Debug)]
pub struct Request<'a> {
    /// The asker's number for it.
    pub number: u32,
    /// What is asked.
    pub body: RequestBody<'a>,
}

/// What is asked.
#[derive(Debug)]
pub enum RequestBody<'a> {
    /// Who signed this?
    Verify(Asked<'a>),
    /// Does the next link hold?
    Link(ChainId, Link),
    /// Make the link that this orders.
    Order(Asked<'a>),
    /// Who signed this call, with a body of this SHA-256?
    Call([u8; 32], Asked<'a>),
    /// A chain is not needed any more.
    EndChain(ChainId),
}

/// Bytes of the lengths of a name and its value.
const PAIR_BYTES: usize = 4;

/// Names and values, as they arrived.
pub(super) type Table<'a> = Vec<(&'a str, &'a [u8])>;

/// A [`Question`] as it arrived: the owner of its tables.
#[derive(Debug)]
pub struct Asked<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: Table<'a>,
    tls: bool,
    form: Option<Table<'a>>,
    now: Timestamp,
}

impl<'a> Asked<'a> {
    /// The question.
    pub fn question(&self) -> Question<'_> {
        Question {
            method: self.method,
            path: self.path,
            query: self.query,
            headers: &self.headers,
            tls: self.tls,
            form: self.form.as_deref(),
            now: self.now,
        }
    }

    /// Whether it is of a head alone, without a form.
    pub fn is_head(&self) -> bool {
        self.form.is_none()
    }

    fn read(from: &mut Reader<'a>) -> Result<Self, FrameError> {
        let now = from.time("now")?;
        let tls = from.bool("tls")?;
        let start = from.0.len();
        let ([method, path, query], headers) = read_texts(from, "head")?;
        // Lengths included, so a little less than what the gateway may take.
        if start - from.0.len() > 2 * HEAD_BYTES_MAX {
            return Err(FrameError {
                what: "length of the head",
            });
        }
        let start = from.0.len();
        let form = from.option("form", |from| {
            let ([], fields) = read_texts(from, "form")?;
            Ok(fields)
        })?;
        if start - from.0.len() > 2 * FORM_BYTES_MAX {
            return Err(FrameError {
                what: "length of the form",
            });
        }
        Ok(Self {
            method,
            path,
            query,
            headers,
            tls,
            form,
            now,
        })
    }
}

/// Reads what [`write_texts`] wrote. All that is text is looked at in one piece.
pub(super) fn read_texts<'a, const N: usize>(
    from: &mut Reader<'a>,
    what: &'static str,
) -> Result<([&'a str; N], Table<'a>), FrameError> {
    let mut lengths = [0; N];
    for length in &mut lengths {
        *length = from.u16(what)?.into();
    }
    let count = usize::from(from.u16(what)?);
    let pairs = from.bytes(count * PAIR_BYTES, what)?.as_chunks().0;
    let pairs = pairs.iter().map(|[n0, n1, v0, v1]| {
        let length = |bytes| usize::from(u16::from_le_bytes(bytes));
        (length([*n0, *n1]), length([*v0, *v1]))
    });
    let names_bytes: usize = pairs.clone().map(|(name, _)| name).sum();
    let text = from.bytes(lengths.iter().sum::<usize>() + names_bytes, what)?;
    let mut left = simdutf8::basic::from_utf8(text).map_err(|_| FrameError { what })?;
    let mut take = |length| {
        let (text, rest) = left.split_at_checked(length).ok_or(FrameError { what })?;
        left = rest;
        Ok(text)
    };
    let mut texts = [""; N];
    for (text, length) in texts.iter_mut().zip(lengths) {
        *text = take(length)?;
    }
    let mut table = Vec::with_capacity(count);
    for (name_bytes, value_bytes) in pairs {
        table.push((take(name_bytes)?, from.bytes(value_bytes, what)?));
    }
    Ok((texts, table))
}

/// Writes texts, names and values: all lengths, then what is text, then the values.
pub(super) fn write_texts<const N: usize>(
    to: &mut Writer<'_>,
    texts: [&str; N],
    table: &[(&str, &[u8])],
) -> Result<(), TooLong> {
    let short = |length| u16::try_from(length).map_err(|_| TooLong);
    for text in texts {
        to.u16(short(text.len())?);
    }
    to.u16(short(table.len())?);
    for (name, value) in table {
        to.u16(short(name.len())?);
        to.u16(short(value.len())?);
    }
    for text in texts.iter().chain(table.iter().map(|(name, _)| name)) {
        to.raw(text.as_bytes());
    }
    table.iter().for_each(|(_, value)| to.raw(value));
    Ok(())
}

/// Bytes of names and values.
fn table_bytes(table: &[(&str, &[u8])]) -> usize {
    table.iter().map(|(n, v)| n.len() + v.len()).sum()
}

/// Refuses a question that is longer than what the gateway may take.
fn fits(question: &Question<'_>) -> Result<(), TooLong> {
    let head_bytes = question.method.len()
        + question.path.len()
        + question.query.len()
        + table_bytes(question.headers);
    let form_bytes = question.form.map_or(0, table_bytes);
    match head_bytes > HEAD_BYTES_MAX || form_bytes > FORM_BYTES_MAX {
        true => Err(TooLong),
        false => Ok(()),
    }
}

fn write_question(to: &mut Writer<'_>, question: &Question<'_>) -> Result<(), TooLong> {
    to.time(question.now);
    to.bool(question.tls);
    let head = [question.method, question.path, question.query];
    write_texts(to, head, question.headers)?;
    to.option(question.form, |to, form| write_texts(to, [], form))
}

impl FrameBuilder {
    /// Adds a question.
    pub fn verify(&mut self, number: u32, question: Question<'_>) -> Result<(), TooLong> {
        self.ask(VERIFY, number, question)
    }

    /// Adds an order for a link.
    pub fn order(&mut self, number: u32, question: Question<'_>) -> Result<(), TooLong> {
        self.ask(ORDER, number, question)
    }

    fn ask(&mut self, kind: u8, number: u32, question: Question<'_>) -> Result<(), TooLong> {
        fits(&question)?;
        self.push(kind, number, |to| write_question(to, &question))
    }

    /// Adds a call.
    pub fn call(&mut self, number: u32, call: &Call<'_>) -> Result<(), TooLong> {
        fits(&call.question)?;
        self.push(CALL, number, |to| {
            to.raw(&call.body_sha256);
            write_question(to, &call.question)
        })
    }

    /// Adds the next link of a chain.
    pub fn link(&mut self, number: u32, chain: ChainId, link: &Link) -> Result<(), TooLong> {
        if link.signature.len() > SIGNATURE_BYTES_MAX {
            return Err(TooLong);
        }
        self.push(LINK, number, |to| {
            to.u64(chain.0);
            to.bool(link.kind == LinkKind::Trailer);
            to.raw(&link.digest);
            to.text(&link.signature)
        })
    }

    /// Adds the end of a chain.
    pub fn end_chain(&mut self, chain: ChainId) -> Result<(), TooLong> {
        self.push(END_CHAIN, 0, |to| {
            to.u64(chain.0);
            Ok(())
        })
    }
}

impl<'a> Request<'a> {
    /// The messages of a packet from a gateway.
    pub fn read_all(
        packet: &'a [u8],
    ) -> Result<impl Iterator<Item = Result<Self, FrameError>>, FrameError> {
        Ok(Messages::read(packet)?.map(|message| Self::read(message?)))
    }

    fn read(message: Message<'a>) -> Result<Self, FrameError> {
        let mut from = message.fields;
        let body = match message.kind {
            VERIFY => RequestBody::Verify(Asked::read(&mut from)?),
            ORDER => RequestBody::Order(Asked::read(&mut from)?),
            CALL => RequestBody::Call(from.array("digest of the body")?, Asked::read(&mut from)?),
            LINK => read_link(&mut from)?,
            END_CHAIN => RequestBody::EndChain(ChainId(from.u64("chain")?)),
            _ => return Err(FrameError { what: "kind" }),
        };
        from.end()?;
        Ok(Self {
            number: message.number,
            body,
        })
    }
}

fn read_link<'a>(from: &mut Reader<'a>) -> Result<RequestBody<'a>, FrameError> {
    let chain = ChainId(from.u64("chain")?);
    let kind = match from.bool("kind of link")? {
        true => LinkKind::Trailer,
        false => LinkKind::Chunk,
    };
    let digest = from.array("digest")?;
    let signature = from.string("signature")?;
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(FrameError { what: "signature" });
    }
    let link = Link {
        digest,
        signature,
        kind,
    };
    Ok(RequestBody::Link(chain, link))
}
