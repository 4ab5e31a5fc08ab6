//! Tells the service manager how far we are. Source: sd_notify(3).

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// What a service manager may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every listener answers.
    Ready,
    /// The drain has begun.
    Stopping,
}

/// The service manager, if one waits for word (`NOTIFY_SOCKET`).
#[derive(Debug)]
pub struct ServiceManager(Option<UnixDatagram>);

impl ServiceManager {
    /// Connects to it. Later a process may be shut in so far that it reaches nobody new.
    pub fn reach() -> io::Result<Self> {
        let Some(path) = env::var_os("NOTIFY_SOCKET") else {
            return Ok(Self(None));
        };
        let address = match path.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(&path)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        Ok(Self(Some(socket)))
    }

    /// Tells it how far we are.
    pub fn tell(&self, state: State) -> io::Result<()> {
        let Some(socket) = &self.0 else {
            return Ok(());
        };
        let word: &[u8] = match state {
            State::Ready => b"READY=1",
            State::Stopping => b"STOPPING=1",
        };
        socket.send(word)?;
        Ok(())
    }
}
