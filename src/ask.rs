//! One signed request to a node, at its administrator address or as an S3 client, and its answer.

use crate::{
    cli::{NodeArgs, S3Args},
    presign::{SERVICE, variable},
};
use anyhow::{Context as _, Result, bail};
use blockhouse_s3::xml::parse_document;
use blockhouse_sigv4::{Credentials, Request, SecretKey, authorize};
use blockhouse_types::{Clock, SystemClock, hex};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{env, time::Duration};
use tokio::net::TcpStream;

/// How long a node may take for its answer: as long as it takes to make hundreds of networks at once.
const PATIENCE: Duration = Duration::from_secs(240);

/// The same where nothing depends on it.
const LITTLE_PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of an answer at most.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// What is asked, and where.
struct Question<'a> {
    /// `http://HOST:PORT`
    url: &'a str,
    region: &'a str,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: Bytes,
}

/// Asks at the administrator address; what the node refuses is an error in its own words.
pub(crate) fn admin(args: &NodeArgs, method: &str, path: &str, body: &str) -> Result<Value> {
    let text = admin_text(args, method, path, body)?;
    Ok(serde_json::from_str(&text)?)
}

/// The same; the answer is JSON, as the node wrote it.
pub(crate) fn admin_text(args: &NodeArgs, method: &str, path: &str, body: &str) -> Result<String> {
    let question = Question {
        url: &args.admin,
        region: &args.region,
        method,
        path,
        query: "",
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let (status, answer) = send(&question, PATIENCE)?;
    let other = || format!("{} is no administrator address", args.admin);
    let document: Value = serde_json::from_slice(&answer).with_context(other)?;
    if status.is_success() {
        return String::from_utf8(answer.into()).with_context(other);
    }
    let text = |name: &str| document[name].as_str().unwrap_or_default();
    refused(text("code"), text("message"), text("request_id"))
}

/// Asks for a subresource of a bucket, as an S3 client; likewise.
pub(crate) fn bucket(
    args: &S3Args,
    method: &str,
    (bucket, subresource): (&str, &str),
    body: Bytes,
) -> Result<Bytes> {
    let (status, answer) = of_bucket(args, method, (bucket, subresource), body, PATIENCE)?;
    if status.is_success() {
        return Ok(answer);
    }
    let error = parse_document(&answer, "Error")
        .map_err(|_| anyhow::anyhow!("{} is no S3 endpoint: {status}", args.endpoint))?;
    let text = |name: &str| {
        let part = error.children.iter().find(|part| part.name == name);
        part.map_or("", |part| &part.text)
    };
    refused(text("Code"), text("Message"), text("RequestId"))
}

/// A subresource of a bucket, if the node gives it, and soon; for what is good to know and no more.
pub(crate) fn bucket_if_given(args: &S3Args, named: (&str, &str)) -> Option<Bytes> {
    let asked = of_bucket(args, "GET", named, Bytes::new(), LITTLE_PATIENCE);
    let (status, answer) = asked.ok()?;
    status.is_success().then_some(answer)
}

fn of_bucket(
    args: &S3Args,
    method: &str,
    (bucket, subresource): (&str, &str),
    body: Bytes,
    patience: Duration,
) -> Result<(StatusCode, Bytes)> {
    let question = Question {
        url: &args.endpoint,
        region: &args.region,
        method,
        path: &format!("/{bucket}"),
        query: &format!("{subresource}="),
        body,
    };
    send(&question, patience)
}

fn refused<T>(code: &str, message: &str, request: &str) -> Result<T> {
    bail!("{code}: {message} (request {request})")
}

fn send(question: &Question<'_>, patience: Duration) -> Result<(StatusCode, Bytes)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match tokio::time::timeout(patience, ask(question)).await {
            Ok(answer) => answer,
            Err(_) => bail!("the node at {} does not answer", question.url),
        }
    })
}

async fn ask(question: &Question<'_>) -> Result<(StatusCode, Bytes)> {
    let url = question.url;
    let host = url
        .strip_prefix("http://")
        .map(|host| host.trim_end_matches('/'));
    let host = host.with_context(|| format!("{url:?} is not http://HOST:PORT"))?;
    let stream = TcpStream::connect(host)
        .await
        .with_context(|| format!("no node answers at {url}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let asked = async {
        let answer = sender.send_request(signed(question, host)?).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        Ok((status, body.to_bytes()))
    };
    tokio::select! {
        answer = asked => answer,
        Err(broken) = connection => Err(broken.into()),
    }
}

fn signed(question: &Question<'_>, host: &str) -> Result<http::Request<Full<Bytes>>> {
    let &Question {
        region,
        method,
        path,
        query,
        ref body,
        ..
    } = question;
    let access_key_id = variable("AWS_ACCESS_KEY_ID")?;
    let secret = SecretKey::new(variable("AWS_SECRET_ACCESS_KEY")?);
    let token = env::var("AWS_SESSION_TOKEN")
        .ok()
        .filter(|token| !token.is_empty());
    let date = SystemClock.now().to_basic();
    let digest = hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body).as_ref());
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
        query,
        headers: &bytes,
        tls: false,
    };
    let credentials = Credentials {
        access_key_id: &access_key_id,
        secret: &secret,
        session_token: token.as_deref(),
    };
    let signature = authorize(&request, credentials, (region, SERVICE), (&date, &digest))?;
    let uri = match query {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    };
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.header("authorization", signature);
    Ok(request.body(Full::new(body.clone()))?)
}
