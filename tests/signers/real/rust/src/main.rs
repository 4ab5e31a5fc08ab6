//! aws-sdk-rust signs, a node judges: `blockhouse-rust-signers BUCKET FILE`, the node and the key from
//! the environment variables that AWS's tools read.
//!
//! A line for each form: its name, `ok` or what went wrong. The file is sent as a body that is read
//! while it is sent, which the SDK does in chunks.

use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
        interceptors::BeforeTransmitInterceptorContextRef, retry::RetryConfig,
    },
    error::BoxError,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::ChecksumAlgorithm,
};
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4a,
};
use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::TcpStream,
    process::ExitCode,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

const CONTENT: &[u8] = b"signed by the SDK for Rust";
const LIFE: Duration = Duration::from_secs(300);

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let node = Node::from_environment();
    let outcomes = [
        ("header", node.header().await),
        ("presigned", node.presigned().await),
        ("chunked", node.chunked().await),
        ("v4a header", node.v4a(SignatureLocation::Headers)),
        ("v4a presigned", node.v4a(SignatureLocation::QueryParams)),
    ];
    let mut all_held = true;
    for (form, outcome) in outcomes {
        match outcome {
            Ok(()) if form == "chunked" => println!("{form}: ok {}", node.payload.last()),
            Ok(()) => println!("{form}: ok"),
            Err(error) => {
                all_held = false;
                println!("{form}: {}", format!("{error:?}").replace('\n', " "));
            }
        }
    }
    println!("v4a chunked: n/a its signer takes SigV4A for whole bodies alone");
    if all_held {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The node, a bucket on it, and what was sent last.
struct Node {
    client: Client,
    credentials: Credentials,
    url: String,
    bucket: String,
    file: String,
    payload: Payload,
}

impl Node {
    fn from_environment() -> Self {
        let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let mut arguments = env::args().skip(1);
        let mut argument = || arguments.next().expect("usage: BUCKET FILE");
        let (bucket, file) = (argument(), argument());
        let credentials = Credentials::new(
            variable("AWS_ACCESS_KEY_ID"),
            variable("AWS_SECRET_ACCESS_KEY"),
            None,
            None,
            "environment",
        );
        let (url, payload) = (variable("AWS_ENDPOINT_URL_S3"), Payload::default());
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(variable("AWS_REGION")))
            .endpoint_url(&url)
            .force_path_style(true)
            .credentials_provider(credentials.clone())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .retry_config(RetryConfig::disabled())
            .interceptor(payload.clone())
            .build();
        Self {
            client: Client::from_conf(config),
            credentials,
            url,
            bucket,
            file,
            payload,
        }
    }

    /// Signed in the head, with the body's hash.
    async fn header(&self) -> Outcome {
        let key = "by rust/ü +&";
        let put = self.client.put_object().bucket(&self.bucket).key(key);
        put.body(ByteStream::from_static(CONTENT)).send().await?;
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .send()
            .await?;
        expect(
            got.body.collect().await?.to_vec() == CONTENT,
            "another content came back",
        )
    }

    /// Links, used by a client that knows no S3.
    async fn presigned(&self) -> Outcome {
        let life = PresigningConfig::expires_in(LIFE)?;
        let put = self.client.put_object().bucket(&self.bucket).key("by link");
        let put = put.presigned(life.clone()).await?;
        let headers: Vec<_> = put.headers().collect();
        expect(
            self.send("PUT", put.uri(), &headers, CONTENT)?.0 == 200,
            "PUT by a link",
        )?;
        let get = self.client.get_object().bucket(&self.bucket).key("by link");
        let get = get.presigned(life).await?;
        expect(
            self.send("GET", get.uri(), &[], b"")? == (200, CONTENT.to_vec()),
            "GET by a link",
        )?;
        let other = get.uri().replace("by%20link", "by%20another");
        expect(
            self.send("GET", &other, &[], b"")?.0 == 403,
            "a changed link was taken",
        )
    }

    /// A body that is read while it is sent.
    async fn chunked(&self) -> Outcome {
        let body = ByteStream::from_path(&self.file).await?;
        let put = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key("chunked")
            .body(body);
        put.checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await?;
        let word = self.payload.last();
        expect(
            word.starts_with("STREAMING-"),
            &format!("it was sent as {word}"),
        )?;
        let got = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key("chunked")
            .send()
            .await?;
        let same = got.body.collect().await?.to_vec() == std::fs::read(&self.file)?;
        expect(same, "another content came back")
    }

    /// SigV4A by the SDK's own signer: its client takes it for access points of several regions alone.
    fn v4a(&self, place: SignatureLocation) -> Outcome {
        let url = format!(
            "{}/{}/by%20link",
            self.url.trim_end_matches('/'),
            self.bucket
        );
        let mut settings = SigningSettings::default();
        settings.signature_location = place;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.expires_in = (place == SignatureLocation::QueryParams).then_some(LIFE);
        settings.payload_checksum_kind = match place {
            SignatureLocation::QueryParams => PayloadChecksumKind::NoHeader,
            _ => PayloadChecksumKind::XAmzSha256,
        };
        let identity = self.credentials.clone().into();
        let parameters = v4a::SigningParams::builder()
            .identity(&identity)
            .region_set("*")
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()?
            .into();
        let body = SignableBody::UnsignedPayload;
        let signable = SignableRequest::new("GET", &url, std::iter::empty(), body)?;
        let (instructions, _) = sign(signable, &parameters)?.into_parts();
        let mut request = http::Request::get(&url).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        let headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| Ok((name.as_str(), value.to_str()?)))
            .collect::<Result<_, http::header::ToStrError>>()?;
        let target = request.uri().to_string();
        let (status, content) = self.send("GET", &target, &headers, b"")?;
        let said = String::from_utf8_lossy(&content).into_owned();
        expect(
            status == 200 && content == CONTENT,
            &format!("{status} {said}"),
        )?;
        let changed = target.replace("by%20link", "chunked");
        expect(
            self.send("GET", &changed, &headers, b"")?.0 == 403,
            "a changed path was taken",
        )
    }

    /// One request in plain HTTP/1.1; gives status and body.
    fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
        let (_, rest) = url.split_once("://").ok_or("not a URL")?;
        let (host, target) = rest.split_once('/').ok_or("no path")?;
        let mut head =
            format!("{method} /{target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        let told = |name: &str| ["host", "content-length", "connection"].contains(&name);
        for (name, value) in headers.iter().filter(|(name, _)| !told(name)) {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        let mut socket = TcpStream::connect(host)?;
        socket.write_all(head.as_bytes())?;
        socket.write_all(body)?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer)?;
        let end = answer
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .ok_or("no head")?;
        let status = String::from_utf8_lossy(&answer[9..12]).parse()?;
        Ok((status, answer.split_off(end + 4)))
    }
}

fn expect(holds: bool, what: &str) -> Outcome {
    if holds { Ok(()) } else { Err(what.into()) }
}

/// How the body that was sent last is bound to its signature.
#[derive(Debug, Clone, Default)]
struct Payload(Arc<Mutex<String>>);

impl Payload {
    fn last(&self) -> String {
        self.0.lock().map(|word| word.clone()).unwrap_or_default()
    }
}

impl Intercept for Payload {
    fn name(&self) -> &'static str {
        "payload"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let word = context.request().headers().get("x-amz-content-sha256");
        if let (Some(word), Ok(mut last)) = (word, self.0.lock())
            && context.request().method() == "PUT"
        {
            word.clone_into(&mut last);
        }
        Ok(())
    }
}
