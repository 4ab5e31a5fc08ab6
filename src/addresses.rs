//! Where a node listens, in fact: what was port 0 has a number here. One line of text between the
//! node and its launcher.

use anyhow::{Context as _, Result, bail};
use blockhouse_settings::Listen;
use std::{fmt, net::SocketAddr, str::FromStr};

/// The addresses of a running node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) s3: Vec<SocketAddr>,
    pub(crate) s3_tls: Vec<SocketAddr>,
    pub(crate) admin: SocketAddr,
}

impl From<Addresses> for Listen {
    fn from(addresses: Addresses) -> Self {
        let Addresses { s3, s3_tls, admin } = addresses;
        Self { s3, s3_tls, admin }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for address in &self.s3 {
            write!(f, "s3={address} ")?;
        }
        for address in &self.s3_tls {
            write!(f, "s3-tls={address} ")?;
        }
        write!(f, "admin={}", self.admin)
    }
}

impl FromStr for Addresses {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let (mut s3, mut s3_tls, mut admin) = (Vec::new(), Vec::new(), None);
        for word in line.split_whitespace() {
            let (name, address) = word.split_once('=').context("no address")?;
            let address = address.parse()?;
            match name {
                "s3" => s3.push(address),
                "s3-tls" => s3_tls.push(address),
                "admin" => admin = Some(address),
                other => bail!("{other} is no listener"),
            }
        }
        Ok(Self {
            s3,
            s3_tls,
            admin: admin.context("no admin listener")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back() {
        let line = "s3=127.0.0.1:9000 s3=[::1]:9000 s3-tls=127.0.0.1:9443 admin=127.0.0.1:9002";
        assert_eq!(line.parse::<Addresses>().unwrap().to_string(), line);
        assert!("s3=127.0.0.1:9000".parse::<Addresses>().is_err());
    }
}
