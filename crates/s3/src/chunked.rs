//! The aws-chunked framing, taken off without copying.
//!
//! ```text
//!   HEX[;chunk-signature=SIG]\r\n  DATA  \r\n  …  0[;chunk-signature=SIG]\r\n
//!   [name:value\r\n] [x-amz-trailer-signature:SIG\r\n]  \r\n
//! ```
//!
//! [`Decoder::push`] gives it what arrived, in any pieces; [`Decoder::next`] yields what that says,
//! until it wants more. Data are slices of what was pushed. The events of one signed chunk are
//! `ChunkStart`, `Data`…, `ChunkEnd`, so that who verifies hashes between the two and judges at the
//! end; the last chunk is empty and has its signature too. A trailer comes with the lines that its
//! signature is over.
//!
//! The announced length holds: more bytes are refused before they are yielded, fewer at the last
//! chunk. Lines and trailers are bounded. What ends early, or goes on after its end, is an error.

mod trailer;

use crate::error::{ErrorKind, S3Error};
use blockhouse_types::{Checksum, ChecksumAlgorithm};
use bytes::{Bytes, BytesMut};
use trailer::Trailer;

/// The longest line of a chunk's size and signature, or of a trailer; longer is refused.
const LINE_BYTES_MAX: usize = 1024;
/// Every signed chunk but the last one has at least this many bytes.
const SIGNED_CHUNK_BYTES_MIN: u64 = 8192;

/// Which framing the head announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Whether each chunk has a signature.
    pub signed: bool,
    /// Whether a trailer follows.
    pub trailer: bool,
    /// The checksum that the trailer must bring.
    pub checksum: Option<ChecksumAlgorithm>,
}

/// What the framing says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A chunk begins; the last one has length 0.
    ChunkStart {
        /// Its length in bytes.
        len: u64,
        /// Its signature as text, in signed mode.
        signature: Option<String>,
    },
    /// The next bytes of the chunk, never empty.
    Data(Bytes),
    /// The chunk is complete.
    ChunkEnd,
    /// The trailer.
    Trailer {
        /// Its lines, `name:value\n` each, without the signature: what the signature is over.
        canonical: Bytes,
        /// The announced checksum's value.
        checksum: Option<Checksum>,
        /// The signature, in signed mode.
        signature: Option<String>,
    },
    /// The body ended as it should.
    End,
}

/// Why a framed body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkedError {
    /// A line that is no chunk header, or data without their end.
    #[error("a chunk is malformed: {what}")]
    Malformed {
        /// What was expected.
        what: &'static str,
    },
    /// The bytes are fewer or more than the head announced.
    #[error("the decoded length is not the announced one")]
    Length,
    /// A signed chunk that is not the last one is too small.
    #[error("chunk {chunk} has {len} bytes only")]
    ChunkSize {
        /// Which, from 1.
        chunk: u64,
        /// Its length in bytes.
        len: u64,
    },
    /// The trailer is malformed, or lacks what was announced.
    #[error("the trailer is malformed")]
    Trailer,
    /// The trailer's checksum is no value of its algorithm.
    #[error("the trailer's checksum is invalid")]
    Checksum(ChecksumAlgorithm),
    /// The body ended too early.
    #[error("the body ended early")]
    Incomplete,
}

impl From<ChunkedError> for S3Error {
    fn from(error: ChunkedError) -> Self {
        match error {
            ChunkedError::Malformed { .. } => ErrorKind::IncompleteBody.into(),
            ChunkedError::Length | ChunkedError::Incomplete => ErrorKind::IncompleteBody.into(),
            ChunkedError::ChunkSize { chunk, len } => Self::from(ErrorKind::InvalidChunkSizeError)
                .element("Chunk", chunk.to_string())
                .element("BadChunkSize", len.to_string()),
            ChunkedError::Trailer => ErrorKind::MalformedTrailerError.into(),
            ChunkedError::Checksum(algorithm) => crate::checksum::invalid_value(algorithm),
        }
    }
}

/// Where the decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a chunk's line.
    Header,
    /// Within a chunk.
    Data { left: u64 },
    /// Before the line end after a chunk's data.
    DataEnd,
    /// The last chunk's line was read.
    LastChunk,
    /// Within the trailer.
    Trailer,
    /// Before the empty line that ends a body without a trailer.
    FinalLine,
    /// The end is yet to be told.
    Ending,
    /// After the end, where one more empty line is borne: some clients send it.
    Ended { spare: u8 },
}

/// Takes the framing off.
#[derive(Debug)]
pub struct Decoder {
    mode: Mode,
    state: State,
    /// What was pushed and not yet used.
    input: Bytes,
    /// The beginning of a line of which the end has not arrived.
    line: BytesMut,
    /// Bytes of data yet to come.
    left: u64,
    /// Chunks begun.
    chunks: u64,
    /// The length of the last one.
    chunk_len: u64,
    trailer: Trailer,
}

impl Decoder {
    /// Begins a body of `decoded_len` bytes without its frames.
    pub fn new(mode: Mode, decoded_len: u64) -> Self {
        Self {
            mode,
            state: State::Header,
            input: Bytes::new(),
            line: BytesMut::new(),
            left: decoded_len,
            chunks: 0,
            chunk_len: 0,
            trailer: Trailer::default(),
        }
    }

    /// Gives it the next bytes. Best after [`Self::next`] said `None`: then nothing is copied.
    pub fn push(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            let mut joined = BytesMut::with_capacity(self.input.len() + bytes.len());
            joined.extend_from_slice(&self.input);
            joined.extend_from_slice(&bytes);
            self.input = joined.freeze();
        }
    }

    /// The next event; `None` when it wants more bytes. After an error it must not be asked again.
    #[expect(
        clippy::should_implement_trait,
        reason = "None means more input, not the end"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, ChunkedError> {
        loop {
            let step = match self.state {
                State::Header => self.header()?,
                State::Data { left } => self.data(left),
                State::DataEnd => self.data_end()?,
                State::LastChunk => Step::Event(self.last_chunk()),
                State::Trailer => self.trailer_line()?,
                State::FinalLine => self.final_line()?,
                State::Ending => {
                    self.state = State::Ended { spare: 2 };
                    Step::Event(Event::End)
                }
                State::Ended { spare } => self.after_end(spare)?,
            };
            match step {
                Step::Event(event) => return Ok(Some(event)),
                Step::Wants => return Ok(None),
                Step::Again => {}
            }
        }
    }

    /// Says that nothing more will come. Call it when [`Self::next`] wants more.
    pub fn finish(&self) -> Result<(), ChunkedError> {
        match self.state {
            State::Ended { .. } => Ok(()),
            _ => Err(ChunkedError::Incomplete),
        }
    }

    fn header(&mut self) -> Result<Step, ChunkedError> {
        let Some(line) = self.take_line()? else {
            return Ok(Step::Wants);
        };
        let line = line
            .strip_suffix(b"\r")
            .ok_or(malformed("a line ends with CR LF"))?;
        let (len, signature) = parse_header(line, self.mode.signed)?;
        if len == 0 {
            if self.left > 0 {
                return Err(ChunkedError::Length);
            }
            self.state = State::LastChunk;
        } else {
            let too_small = self.chunks > 0 && self.chunk_len < SIGNED_CHUNK_BYTES_MIN;
            if self.mode.signed && too_small {
                return Err(ChunkedError::ChunkSize {
                    chunk: self.chunks,
                    len: self.chunk_len,
                });
            }
            self.left = self.left.checked_sub(len).ok_or(ChunkedError::Length)?;
            self.state = State::Data { left: len };
        }
        self.chunks += 1;
        self.chunk_len = len;
        Ok(Step::Event(Event::ChunkStart { len, signature }))
    }

    fn data(&mut self, left: u64) -> Step {
        if self.input.is_empty() {
            return Step::Wants;
        }
        let take = usize::try_from(left).map_or(self.input.len(), |n| n.min(self.input.len()));
        let bytes = self.input.split_to(take);
        let left = left - take as u64;
        self.state = if left == 0 {
            State::DataEnd
        } else {
            State::Data { left }
        };
        Step::Event(Event::Data(bytes))
    }

    fn data_end(&mut self) -> Result<Step, ChunkedError> {
        match self.take_line()? {
            None => Ok(Step::Wants),
            Some(line) if *line == *b"\r" => {
                self.state = State::Header;
                Ok(Step::Event(Event::ChunkEnd))
            }
            Some(_) => Err(malformed("data end with CR LF")),
        }
    }

    fn last_chunk(&mut self) -> Event {
        self.state = if self.mode.trailer {
            State::Trailer
        } else {
            State::FinalLine
        };
        Event::ChunkEnd
    }

    fn trailer_line(&mut self) -> Result<Step, ChunkedError> {
        let Some(line) = self.take_line()? else {
            return Ok(Step::Wants);
        };
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        let complete = self.trailer.take(line, self.mode)?;
        if !complete {
            return Ok(Step::Again);
        }
        self.state = State::Ending;
        Ok(Step::Event(
            std::mem::take(&mut self.trailer).event(self.mode)?,
        ))
    }

    fn final_line(&mut self) -> Result<Step, ChunkedError> {
        match self.take_line()? {
            None => Ok(Step::Wants),
            Some(line) if *line == *b"\r" => {
                self.state = State::Ending;
                Ok(Step::Again)
            }
            Some(_) => Err(malformed("the body ends with CR LF")),
        }
    }

    fn after_end(&mut self, spare: u8) -> Result<Step, ChunkedError> {
        let expected = if spare == 2 { b'\r' } else { b'\n' };
        match self.input.first() {
            None => Ok(Step::Wants),
            Some(byte) if spare > 0 && *byte == expected => {
                let _ = self.input.split_to(1);
                self.state = State::Ended { spare: spare - 1 };
                Ok(Step::Again)
            }
            Some(_) => Err(malformed("nothing follows the end")),
        }
    }

    /// The next line without its LF; `None` when it has not arrived as a whole.
    fn take_line(&mut self) -> Result<Option<Bytes>, ChunkedError> {
        let room = (LINE_BYTES_MAX - self.line.len()).min(self.input.len());
        let window = self.input.get(..room).unwrap_or_default();
        let Some(at) = window.iter().position(|byte| *byte == b'\n') else {
            if room == LINE_BYTES_MAX - self.line.len() {
                return Err(malformed("a line is short"));
            }
            self.line.extend_from_slice(window);
            self.input.clear();
            return Ok(None);
        };
        let end = self.input.split_to(at);
        let _ = self.input.split_to(1);
        if self.line.is_empty() {
            return Ok(Some(end));
        }
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(&end);
        Ok(Some(line.freeze()))
    }
}

/// What one step of the machine came to.
enum Step {
    Event(Event),
    Wants,
    Again,
}

fn malformed(what: &'static str) -> ChunkedError {
    ChunkedError::Malformed { what }
}

/// `HEX` or `HEX;chunk-signature=SIG`.
fn parse_header(line: &[u8], signed: bool) -> Result<(u64, Option<String>), ChunkedError> {
    let line = std::str::from_utf8(line).map_err(|_| malformed("a chunk header is ASCII"))?;
    let (size, signature) = match line.split_once(';') {
        None => (line, None),
        Some((size, extension)) => {
            let signature = extension.trim().strip_prefix("chunk-signature=");
            (
                size,
                Some(signature.ok_or(malformed("the extension is chunk-signature"))?),
            )
        }
    };
    let hex = (1..=16).contains(&size.len()) && size.bytes().all(|b| b.is_ascii_hexdigit());
    let len = hex.then(|| u64::from_str_radix(size, 16).ok()).flatten();
    let len = len.ok_or(malformed("a chunk begins with its size"))?;
    match (signed, signature) {
        (true, Some(signature)) => Ok((len, Some(unpadded(signature)))),
        (false, None) => Ok((len, None)),
        (true, None) => Err(malformed("a signed chunk has its signature")),
        (false, Some(_)) => Err(malformed("an unsigned chunk has no signature")),
    }
}

/// ECDSA signatures are padded with `*` to a fixed width.
fn unpadded(signature: &str) -> String {
    signature.trim_end_matches('*').to_owned()
}

#[cfg(test)]
mod tests;
