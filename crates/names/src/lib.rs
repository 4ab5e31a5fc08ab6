//! The name service of a VPC: where its S3 endpoint is, and nothing else.
//!
//! ```text
//!   s3.example.internal                               the endpoint's addresses; SOA, NS
//!   BUCKET.s3.example.internal                        its addresses, for every name a bucket could have
//!   POINT-ACCOUNT.op-….s3.example.internal            its addresses: access points, and their aliases
//!   op-….s3.example.internal, what only ends a name   there, and empty
//!   any other below s3.example.internal               NXDOMAIN
//!   any other name                                    REFUSED
//! ```
//!
//! [`answer`] takes a question as it came and gives the answer as it goes; sockets are the caller's. A VPC
//! has a [`Zone`] of its own, so that two VPCs hear different addresses of one name. Which buckets and
//! access points there are is not told: every name that one could have is there.
//!
//! # What it never does
//! * It asks nobody, remembers nothing and logs nothing: no recursion, no cache, no transfer of a zone.
//! * It answers no answer. What has QR set, or is too short for a header, is dropped, so that two servers
//!   cannot be made to talk to each other.
//! * It is no amplifier. An answer is longer than its question by 36 bytes at most (that there is no such
//!   name), or by 16 for each IPv4 or 28 for each IPv6 address where those are more. With one address of
//!   each family that is at most 2.9 times as long, for a domain of one letter, and twice as long for
//!   `s3.example.internal`; a resolver's questions, which bring EDNS, are answered with less. ANY brings
//!   one set of records (RFC 8482). Over UDP an answer has 512 bytes at most, or as many as the question
//!   allows by EDNS and never more than 1232; where it has more, none is sent but TC, for the question to
//!   come again over TCP.
//! * It does not change a name's letters. The question comes back as it was asked, and names are
//!   compared without case, as resolvers that guard themselves with mixed case (0x20) expect.
//!
//! # How a question is refused
//! | question | answer |
//! |---|---|
//! | shorter than a header, or QR set | none |
//! | another opcode than QUERY | NOTIMP, a header alone |
//! | not one question, records where none belong, a name in pieces, bytes behind the end, two OPT | FORMERR, a header alone |
//! | EDNS of another version than 0 | BADVERS |
//! | another class, another name, a transfer | REFUSED |
//!
//! Names are those that SDKs call: `Domains` of the S3 parser reads the same out of `Host`.
#![forbid(unsafe_code)]

mod question;
#[cfg(test)]
mod tests;
mod zone;

pub use question::QUERY_BYTES_MAX;
pub use zone::{ADDRESSES_MAX, DOMAIN_LEN_MAX, DOMAINS_MAX, InvalidZone, Zone};

use hickory_proto::{
    op::{Edns, Header, Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::{A, AAAA, NS, SOA},
    },
    serialize::binary::{BinDecodable, BinDecoder},
};
use question::Question;
use zone::Node;

/// Bytes of an answer over UDP at most, whatever the question allows. Source: DNS flag day 2020; more may
/// be fragmented on its way.
pub const UDP_BYTES_MAX: u16 = 1232;

/// Bytes of an answer over UDP to a question without EDNS. Source: RFC 1035, section 4.2.1.
const PLAIN_UDP_BYTES_MAX: u16 = 512;

/// Seconds that anything may be remembered, what is not there included: so long an endpoint may still be
/// looked for at an address that it had.
const TTL_SECS: u32 = 60;

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// In a connection; the two bytes of length are the caller's.
    Tcp,
}

/// The answer to a question; `None` where there is none to give.
pub fn answer(zone: &Zone, query: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let header = Header::read(&mut BinDecoder::new(query)).ok()?;
    if header.message_type == MessageType::Response {
        return None;
    }
    let mut reply = Message::new(header.id, MessageType::Response, header.op_code);
    reply.metadata = Metadata::response_from_request(&header.metadata);
    // Nothing is checked here, whether asked for or not: RFC 4035, section 3.1.6.
    reply.metadata.checking_disabled = false;
    if header.op_code != OpCode::Query {
        reply.metadata.response_code = ResponseCode::NotImp;
        return written(&reply);
    }
    let Some(question) = Question::read(&header, query) else {
        reply.metadata.response_code = ResponseCode::FormErr;
        return written(&reply);
    };
    reply.add_query(question.asked.clone());
    if let Some(asked) = &question.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_BYTES_MAX);
        edns.set_dnssec_ok(asked.flags().dnssec_ok);
        reply.set_edns(edns);
    }
    match &question.edns {
        // "If a responder does not implement the VERSION level of the request, then it MUST respond with
        // RCODE=BADVERS" (RFC 6891, section 6.1.3).
        Some(edns) if edns.version() != 0 => reply.metadata.response_code = ResponseCode::BADVERS,
        _ => fill(&mut reply, zone, &question),
    }
    let whole = written(&reply)?;
    match whole.len() <= room(&question, transport) {
        true => Some(whole),
        false => written(&reply.truncate()),
    }
}

/// Bytes that the answer may have.
fn room(question: &Question, transport: Transport) -> usize {
    let edns = question.edns.as_ref();
    usize::from(match transport {
        Transport::Tcp => u16::MAX,
        Transport::Udp => edns.map_or(PLAIN_UDP_BYTES_MAX, |edns| {
            edns.max_payload().clamp(PLAIN_UDP_BYTES_MAX, UDP_BYTES_MAX)
        }),
    })
}

/// A message as bytes. Ours is too short to have none; one without them is dropped.
fn written(message: &Message) -> Option<Vec<u8>> {
    message.to_vec().ok()
}

/// Answers out of the zone.
fn fill(reply: &mut Message, zone: &Zone, question: &Question) {
    let (name, kind) = (question.asked.name(), question.asked.query_type());
    let found = match question.asked.query_class() {
        DNSClass::IN if !is_operation(kind) => zone.find(name),
        _ => None,
    };
    let Some((apex, node)) = found else {
        reply.metadata.response_code = ResponseCode::Refused;
        return;
    };
    reply.metadata.authoritative = true;
    if node == Node::Missing {
        reply.metadata.response_code = ResponseCode::NXDomain;
    }
    let records = records(zone, name, node, kind);
    if records.is_empty() {
        // "Name servers authoritative for a zone MUST include the SOA record of the zone in the authority
        // section of the response when reporting an NXDOMAIN or indicating that no data of the requested
        // type exists" (RFC 2308, section 3).
        reply.add_authority(record(&apex, soa(&apex)));
    }
    reply.add_answers(records);
}

/// Types that ask for something to be done, and are none of any record: transfers and the like. Source:
/// RFC 6895, section 3.1: "QTYPEs and Meta-TYPEs" are 128 to 255. ANY, the last of them, is answered.
fn is_operation(kind: RecordType) -> bool {
    (128..255).contains(&u16::from(kind))
}

/// What there is of that type at a name.
fn records(zone: &Zone, name: &Name, node: Node, kind: RecordType) -> Vec<Record> {
    let is_host = matches!(node, Node::Apex | Node::Host);
    let v4 = || {
        zone.v4
            .iter()
            .map(|address| RData::A(A(*address)))
            .collect()
    };
    let v6 = || {
        zone.v6
            .iter()
            .map(|address| RData::AAAA(AAAA(*address)))
            .collect()
    };
    let data: Vec<RData> = match kind {
        RecordType::A if is_host => v4(),
        RecordType::AAAA if is_host => v6(),
        // "A DNS responder that receives an ANY query MAY decline to provide a conventional ANY response
        // or MAY instead send a response with a single RRset" (RFC 8482, section 4).
        RecordType::ANY if is_host && zone.v4.is_empty() => v6(),
        RecordType::ANY if is_host => v4(),
        RecordType::SOA if node == Node::Apex => vec![soa(name)],
        // The endpoint serves its own names: a server that is asked for is asked at its address.
        RecordType::NS if node == Node::Apex => vec![RData::NS(NS(name.clone()))],
        _ => Vec::new(),
    };
    data.into_iter().map(|data| record(name, data)).collect()
}

fn record(name: &Name, data: RData) -> Record {
    Record::from_rdata(name.clone(), TTL_SECS, data)
}

/// The zone's own record. Nobody transfers it, and so its number never changes. Its mailbox is the domain
/// itself, which nobody reads: a name more would make every "there is none" longer.
fn soa(apex: &Name) -> RData {
    const SERIAL: u32 = 1;
    const HOUR_SECS: i32 = 3600;
    RData::SOA(SOA::new(
        apex.clone(),
        apex.clone(),
        SERIAL,
        HOUR_SECS,
        HOUR_SECS,
        HOUR_SECS,
        TTL_SECS,
    ))
}
