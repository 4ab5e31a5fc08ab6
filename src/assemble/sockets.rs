use crate::addresses::Addresses;
use anyhow::{Context as _, Result};
use blockhouse_gateway::{
    ListenerId,
    accept::{Door, bind},
    tls::server_config,
};
use blockhouse_settings::{NodeSettings, TlsFiles};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
};

/// Every listener of the node.
pub(super) struct Sockets {
    /// The S3 listeners of each I/O thread.
    pub(super) doors: Vec<Vec<Door>>,
    pub(super) admin: TcpListener,
    /// The certificate, for listeners that are not bound here.
    pub(super) tls: Option<Arc<rustls::ServerConfig>>,
    pub(super) addresses: Addresses,
}

impl Sockets {
    /// Binds them all, for so many threads. The certificate is read first.
    pub(super) fn bind(settings: &NodeSettings, threads: usize) -> Result<Self> {
        let tls = settings.tls.as_ref().map(read_tls).transpose()?;
        let listen = &settings.listen;
        let admin = bind(listen.admin, 1)?.pop().context("no admin listener")?;
        let mut sockets = Self {
            doors: (0..threads).map(|_| Vec::new()).collect(),
            addresses: Addresses {
                s3: Vec::new(),
                s3_tls: Vec::new(),
                admin: admin.local_addr()?,
            },
            admin,
            tls: tls.clone(),
        };
        for address in &listen.s3 {
            let bound = sockets.open(*address, None)?;
            sockets.addresses.s3.push(bound);
        }
        for address in &listen.s3_tls {
            let bound = sockets.open(*address, tls.as_ref())?;
            sockets.addresses.s3_tls.push(bound);
        }
        Ok(sockets)
    }

    fn open(
        &mut self,
        address: SocketAddr,
        tls: Option<&Arc<rustls::ServerConfig>>,
    ) -> Result<SocketAddr> {
        let number = self.doors.first().map_or(0, Vec::len);
        let id = ListenerId(u32::try_from(number)?);
        let listeners = bind(address, self.doors.len())?;
        let bound = listeners.first().context("no I/O thread")?.local_addr()?;
        for (doors, listener) in self.doors.iter_mut().zip(listeners) {
            doors.push(Door {
                id,
                listener,
                tls: tls.cloned(),
                entrance: Arc::default(),
                check: None,
                proxy: None,
            });
        }
        Ok(bound)
    }
}

fn read_tls(files: &TlsFiles) -> Result<Arc<rustls::ServerConfig>> {
    let read =
        |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    let (chain, key) = (read(&files.chain)?, read(&files.key)?);
    server_config(&chain, &key).with_context(|| format!("{}", files.chain.display()))
}
