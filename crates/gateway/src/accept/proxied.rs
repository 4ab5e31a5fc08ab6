//! Listeners behind a load balancer: every connection begins with a header of PROXY protocol v2, that
//! says whose it is. Without one, or from anybody else, it is closed without a word.

use crate::{Entrance, Origin};
use blockhouse_proxy_protocol::{FIXED_BYTES, HEADER_BYTES_MAX, Header, ProxyError, parse};
use ipnet::IpNet;
use std::{collections::BTreeMap, io, net::IpAddr, sync::Arc, time::Duration};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

/// How long a load balancer may take for its header, which it has before it connects.
const HEADER_PATIENCE: Duration = Duration::from_secs(2);

/// The load balancer before a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its addresses; whatever is sent from elsewhere is not its word.
    pub trusted: Box<[IpNet]>,
    /// Which way in is meant by the id of a VPC endpoint that it tells.
    pub endpoints: BTreeMap<Box<str>, Arc<Entrance>>,
}

/// Why a connection is closed before it was heard.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unheard {
    #[error("it does not come from the load balancer")]
    Untrusted,
    #[error("no header came in time")]
    Late,
    #[error("it ended before its header did")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Header(#[from] ProxyError),
    #[error("it names a VPC endpoint that its load balancer does not stand for")]
    UnknownEndpoint,
    #[error("it is a look whether we are well")]
    Health,
}

impl LoadBalancer {
    /// Reads the header, and tells where the connection really comes from. Not a byte behind it is read.
    pub(super) async fn introduce(
        &self,
        stream: &mut TcpStream,
        origin: &Origin,
    ) -> Result<Origin, Unheard> {
        if !self.trusts(origin.peer().ip()) {
            return Err(Unheard::Untrusted);
        }
        let header = timeout(HEADER_PATIENCE, read(stream)).await;
        match header.map_err(|_| Unheard::Late)?? {
            Header::Local => Err(Unheard::Health),
            Header::Proxied { source, vpce, .. } => {
                let through = match vpce {
                    None => None,
                    Some(vpce) => {
                        let found = self.endpoints.get(&vpce);
                        Some(found.ok_or(Unheard::UnknownEndpoint)?)
                    }
                };
                Ok(origin.introduced(source, through))
            }
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|range| range.contains(&address))
    }
}

/// First what every header has, which tells how long it is; then the rest.
async fn read(stream: &mut TcpStream) -> Result<Header, Unheard> {
    let mut bytes = vec![0; FIXED_BYTES];
    stream.read_exact(&mut bytes).await?;
    // What cannot become a header is refused before more of it is waited for.
    if let Some((header, _)) = parse(&bytes)? {
        return Ok(header);
    }
    let rest = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    if FIXED_BYTES + rest > HEADER_BYTES_MAX {
        return Err(ProxyError::TooLong.into());
    }
    bytes.resize(FIXED_BYTES + rest, 0);
    stream.read_exact(&mut bytes[FIXED_BYTES..]).await?;
    match parse(&bytes)? {
        Some((header, _)) => Ok(header),
        None => Err(ProxyError::TooShort.into()),
    }
}
