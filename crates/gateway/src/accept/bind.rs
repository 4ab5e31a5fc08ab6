use crate::limits::ACCEPT_QUEUE_MAX;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener},
};

/// Why nobody can listen on an address.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// The address as asked for.
    pub address: SocketAddr,
    /// What the kernel says of it.
    pub source: io::Error,
}

/// Listens on `address` with `count` sockets, among which the kernel deals the connections. Port 0
/// is any free port, the same for all; ask a socket which.
///
/// Fails when anybody listens there already. That is asked by a first socket that does not share:
/// two nodes of one user would otherwise share a port without a word (SO_REUSEPORT).
pub fn bind(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindError> {
    claim(address, count).map_err(|source| BindError { address, source })
}

fn claim(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let alone = socket(address)?;
    alone.bind(&address.into())?;
    let bound = alone.local_addr()?.as_socket().unwrap_or(address);
    drop(alone);
    (0..count.max(1)).map(|_| listen(bound)).collect()
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(ACCEPT_QUEUE_MAX)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // A restart must not wait for the last connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Linux hands this down to every accepted socket: one call less for each connection.
    socket.set_tcp_nodelay(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sockets_share_one_port_and_nobody_else_gets_it() {
        let first = bind("127.0.0.1:0".parse().unwrap(), 2).unwrap();
        let address = first[0].local_addr().unwrap();
        assert_eq!(first[1].local_addr().unwrap(), address);
        let refused = bind(address, 1).unwrap_err();
        assert_eq!(refused.source.kind(), io::ErrorKind::AddrInUse);
        assert!(refused.to_string().contains(&address.to_string()));
    }
}
