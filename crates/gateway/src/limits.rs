//! The bounds of the gateway, and what happens when each is reached.

/// Bytes of one request's head (line and headers). S3 itself takes 8 KiB of headers; a presigned
/// link with a long token needs more in its line. Beyond it: 431 and the connection closes. The
/// number of headers is bounded by the HTTP library at 100, with the same answer.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Bytes that a connection buffers on its way in.
pub const READ_BUFFER_BYTES_MAX: usize = 256 * 1024;

/// Connections that wait in the kernel for accept, for each listener and thread.
pub const ACCEPT_QUEUE_MAX: i32 = 1024;

/// Connections beyond the cap that are being told so at any moment. More are closed without a word.
pub const REFUSALS_MAX: usize = 64;

/// The bounds that a node may set for itself; all are for one I/O thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections. One more gets 503 SlowDown and is closed.
    pub connections_max: usize,
    /// Requests in flight. One more gets 503 SlowDown; its connection stays.
    pub in_flight_max: usize,
    /// How long clients may take.
    pub patience: Patience,
    /// Seconds that requests in flight have left once a drain begins; then they are cut.
    pub drain_secs: u32,
}

/// How many seconds a client may take. Whoever takes longer is cut off without an answer: half of
/// an answer may be under way already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Between requests, and before the first byte of the first.
    pub idle_secs: u32,
    /// From the first byte of a head to its end, TLS handshake included.
    pub head_secs: u32,
    /// While a body is awaited, or an answer waits to be taken: so often some progress is due.
    pub progress_secs: u32,
    /// How many bytes of progress that is.
    pub progress_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 8192,
            in_flight_max: 1024,
            patience: Patience::default(),
            drain_secs: 25,
        }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle_secs: 75,
            head_secs: 30,
            progress_secs: 30,
            progress_bytes_min: 4096,
        }
    }
}
