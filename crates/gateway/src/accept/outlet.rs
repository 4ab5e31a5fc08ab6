//! A connection without TLS: what the store has in a file goes from there to the socket, and this
//! process never touches it.
//!
//! hyper hands over an answer as a list of slices, the head before the body. Slices that are long and lie
//! in a file are sent by `sendfile`, one at a time; those before them as they are, with word to the
//! kernel that more comes at once, so that a head makes no packet of its own.

use crate::Context as Gateway;
use blockhouse_store::ObjectStore;
use blockhouse_verifier_wire::Verifier;
use nix::{libc::MSG_MORE, sys::sendfile::sendfile};
use socket2::SockRef;
use std::{
    io::{self, IoSlice},
    os::fd::BorrowedFd,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Interest, ReadBuf},
    net::TcpStream,
};

/// Shorter slices are copied: that costs less than asking where they lie.
const SENDFILE_BYTES_MIN: usize = 32 << 10;

/// A socket, and the store that knows what lies in files.
pub(super) struct Outlet<S: ObjectStore, V: Verifier> {
    stream: TcpStream,
    gateway: Rc<Gateway<S, V>>,
}

impl<S: ObjectStore, V: Verifier> Outlet<S, V> {
    pub(super) fn new(stream: TcpStream, gateway: Rc<Gateway<S, V>>) -> Self {
        Self { stream, gateway }
    }

    /// Where a slice lies, if it is to be sent from there.
    fn file_of(&self, slice: &[u8]) -> Option<(BorrowedFd<'_>, u64)> {
        let store = &self.gateway.store;
        (slice.len() >= SENDFILE_BYTES_MIN).then(|| store.file_of(slice))?
    }

    /// Tries `send` whenever the socket has room, until it has sent something.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        mut send: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_io(Interest::WRITABLE, &mut send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                sent => return Poll::Ready(sent),
            }
        }
    }
}

impl<S: ObjectStore, V: Verifier> AsyncRead for Outlet<S, V> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: ObjectStore, V: Verifier> AsyncWrite for Outlet<S, V> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        for (number, slice) in bufs.iter().enumerate() {
            let Some((file, at)) = self.file_of(slice) else {
                continue;
            };
            let Ok(mut at) = i64::try_from(at) else {
                continue;
            };
            return match bufs.get(..number) {
                None | Some([]) => self.poll_send(cx, || {
                    Ok(sendfile(&self.stream, file, Some(&mut at), slice.len())?)
                }),
                Some(before) => self.poll_send(cx, || {
                    SockRef::from(&self.stream).send_vectored_with_flags(before, MSG_MORE)
                }),
            };
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
