//! A question, read strictly: whatever is odd is no question.

use hickory_proto::{
    op::{Edns, Header, Query},
    rr::{Name, RData, Record, RecordType},
    serialize::binary::{BinDecodable, BinDecoder},
};

/// Bytes of a question at most; a longer one is FORMERR. Its name has 255, its OPT some hundred: cookies,
/// padding.
pub const QUERY_BYTES_MAX: usize = 4096;

const HEADER_BYTES: usize = 12;
const TYPE_AND_CLASS_BYTES: usize = 4;

/// What is asked.
pub(crate) struct Question {
    pub(crate) asked: Query,
    pub(crate) edns: Option<Edns>,
}

impl Question {
    /// Reads what stands behind the header: one question, one OPT at most, and the end. `None` is FORMERR.
    pub(crate) fn read(header: &Header, message: &[u8]) -> Option<Self> {
        let counts = &header.counts;
        if message.len() > QUERY_BYTES_MAX
            || (counts.queries, counts.answers, counts.authorities) != (1, 0, 0)
        {
            return None;
        }
        let mut rest = BinDecoder::new(message);
        rest.read_slice(HEADER_BYTES).ok()?;
        let asked = Query::read(&mut rest).ok()?;
        // There is nothing before the first name that it could point to. It comes back byte for byte.
        if rest.index() != HEADER_BYTES + encoded_bytes(asked.name()) + TYPE_AND_CLASS_BYTES {
            return None;
        }
        let edns = match counts.additionals {
            0 => None,
            1 => Some(read_edns(&mut rest)?),
            // "If a query message with more than one OPT RR is received, a FORMERR (RCODE=1) MUST be
            // returned" (RFC 6891, section 6.1.1). Nothing else belongs there: no key is shared with us.
            _ => return None,
        };
        rest.is_empty().then_some(Self { asked, edns })
    }
}

fn read_edns(rest: &mut BinDecoder<'_>) -> Option<Edns> {
    let record = Record::read(rest).ok()?;
    match record.data {
        // The latter has no options.
        RData::OPT(_) | RData::Update0(RecordType::OPT) => Some(Edns::from(&record)),
        _ => None,
    }
}

/// Bytes of a name that points nowhere.
fn encoded_bytes(name: &Name) -> usize {
    name.iter().map(|label| 1 + label.len()).sum::<usize>() + 1
}
