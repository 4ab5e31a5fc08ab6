//! One signed request to a node's administrator address, and its answer.

use crate::{
    cli::NodeArgs,
    presign::{SERVICE, variable},
};
use anyhow::{Context as _, Result, bail};
use blockhouse_sigv4::{Credentials, Request, SecretKey, authorize};
use blockhouse_types::{Clock, SystemClock, hex};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{env, time::Duration};
use tokio::net::TcpStream;

/// How long a node may take for its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Asks; what the node refuses is an error in its own words.
pub(super) fn node(args: &NodeArgs, method: &str, path: &str, body: &str) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = ask(args, method, path, body);
    runtime.block_on(async {
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answer) => answer,
            Err(_) => bail!("the node at {} does not answer", args.admin),
        }
    })
}

async fn ask(args: &NodeArgs, method: &str, path: &str, body: &str) -> Result<Value> {
    let host = args
        .admin
        .strip_prefix("http://")
        .map(|host| host.trim_end_matches('/'));
    let host = host.with_context(|| format!("{:?} is not http://HOST:PORT", args.admin))?;
    let stream = TcpStream::connect(host)
        .await
        .with_context(|| format!("no node answers at {}", args.admin))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asked = async {
        let request = signed(args, host, method, path, body)?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| anyhow::anyhow!(error))?
            .to_bytes();
        let document: Value = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is no administrator address", args.admin))?;
        if status.is_success() {
            return Ok(document);
        }
        let text = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
        bail!(
            "{}: {} (request {})",
            text("code"),
            text("message"),
            text("request_id")
        )
    };
    tokio::select! {
        answer = asked => answer,
        Err(broken) = connection => Err(broken.into()),
    }
}

fn signed(
    args: &NodeArgs,
    host: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<http::Request<Full<Bytes>>> {
    let access_key_id = variable("AWS_ACCESS_KEY_ID")?;
    let secret = SecretKey::new(variable("AWS_SECRET_ACCESS_KEY")?);
    let token = env::var("AWS_SESSION_TOKEN")
        .ok()
        .filter(|token| !token.is_empty());
    let date = SystemClock.now().to_basic();
    let digest =
        hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes()).as_ref());
    let mut headers = vec![
        ("host", host),
        ("x-amz-content-sha256", &digest),
        ("x-amz-date", &date),
    ];
    headers.extend(
        token
            .as_deref()
            .map(|token| ("x-amz-security-token", token)),
    );
    let bytes: Vec<(&str, &[u8])> = headers.iter().map(|(n, v)| (*n, v.as_bytes())).collect();
    let request = Request {
        method,
        path,
        query: "",
        headers: &bytes,
        tls: false,
    };
    let credentials = Credentials {
        access_key_id: &access_key_id,
        secret: &secret,
        session_token: token.as_deref(),
    };
    let signature = authorize(
        &request,
        credentials,
        (&args.region, SERVICE),
        (&date, &digest),
    )?;
    let mut request = http::Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("authorization", signature);
    Ok(request.body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?)
}
