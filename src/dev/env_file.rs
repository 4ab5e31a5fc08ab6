//! DIR/env: what clients and the other commands need to find the running node, for `source`.

use super::home::Home;
use crate::addresses::Addresses;
use anyhow::Result;
use blockhouse_settings::Account;
use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// Writes it for each account.
pub(super) fn write(
    home: &Home,
    region: &str,
    accounts: &[Account],
    addresses: &Addresses,
) -> Result<()> {
    let files = [home.env_file(), home.env_alt_file()];
    for (account, path) in accounts.iter().zip(files) {
        home.write_private(&path, &text(home, region, account, addresses)?)?;
    }
    Ok(())
}

fn text(home: &Home, region: &str, account: &Account, addresses: &Addresses) -> Result<String> {
    let url = |scheme: &str, address: SocketAddr| format!("{scheme}://{}", reachable(address));
    let mut variables = vec![
        (
            "AWS_ACCESS_KEY_ID",
            account.credential.access_key_id.clone(),
        ),
        (
            "AWS_SECRET_ACCESS_KEY",
            account.credential.secret_access_key.expose().to_owned(),
        ),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        ("AWS_CA_BUNDLE", home.ca_file().display().to_string()),
        ("BLOCKHOUSE_DATA", home.dir().display().to_string()),
        ("BLOCKHOUSE_ADMIN", url("http", addresses.admin)),
        ("AWS_ENDPOINT_URL_IAM", url("http", addresses.admin)),
        ("BLOCKHOUSE_ACCOUNT", account.id.to_string()),
    ];
    if let Some(address) = addresses.s3.first() {
        variables.push(("AWS_ENDPOINT_URL_S3", url("http", *address)));
    }
    if let Some(address) = addresses.s3_tls.first() {
        variables.push(("BLOCKHOUSE_ENDPOINT_S3_TLS", url("https", *address)));
    }
    let mut text = format!(
        "# For `source`: how to reach the node in {}.\n\
         # Temporary credentials of another endpoint would be sent along; they must go.\n\
         unset AWS_SESSION_TOKEN AWS_PROFILE\n",
        home.dir().display()
    );
    for (name, value) in variables {
        writeln!(text, "export {name}={}", quoted(&value))?;
    }
    Ok(text)
}

/// For a shell, whatever is inside.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

/// Where a client on this machine reaches a listener: one that listens everywhere is also here.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_survive_and_everywhere_is_here() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(
            reachable("[::]:9000".parse().unwrap()).to_string(),
            "[::1]:9000"
        );
        assert_eq!(
            reachable("0.0.0.0:1".parse().unwrap()).to_string(),
            "127.0.0.1:1"
        );
    }
}
