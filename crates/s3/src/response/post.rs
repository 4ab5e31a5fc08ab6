//! Answers to a browser's form upload.

use super::{Response, value};
use crate::{operation::Success, output::PostObjectOutput, xml::Writer};
use http::{StatusCode, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a value keeps in a URL, beside letters and digits. A slash is not among them, as on AWS.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

impl PostObjectOutput<'_> {
    /// 200, 201, 204 or 303, as the form wishes.
    pub fn response(&self, success: &Success) -> Response {
        let mut response = self.put.response();
        let location = format!("{}{}", self.bucket_url, encoded(self.key.as_str()));
        response.headers.insert(header::LOCATION, value(&location));
        match success {
            Success::NoContent => response.status = StatusCode::NO_CONTENT,
            Success::Empty => {}
            Success::Document => {
                let document = Response::xml(self.document(&location));
                response.headers.extend(document.headers);
                response.status = StatusCode::CREATED;
                response.body = document.body;
            }
            Success::Redirect(url) => {
                let target = value(self.target(url));
                response.headers.insert(header::LOCATION, target);
                response.status = StatusCode::SEE_OTHER;
            }
        }
        response
    }

    /// Without a namespace, as AWS writes it.
    fn document(&self, location: &str) -> bytes::Bytes {
        let mut xml = Writer::new(512);
        xml.open("PostResponse");
        xml.text("Location", location);
        xml.plain("Bucket", self.bucket);
        xml.text("Key", self.key.as_str());
        xml.quoted("ETag", self.put.etag);
        xml.close("PostResponse");
        xml.finish()
    }

    /// The form's URL with bucket, key and tag in its query, before a fragment if it has one.
    fn target(&self, url: &str) -> String {
        let (address, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        let joint = if address.contains('?') { '&' } else { '?' };
        let (bucket, key) = (encoded(self.bucket.as_str()), encoded(self.key.as_str()));
        let etag = encoded(&format!("\"{}\"", self.put.etag)).to_string();
        format!("{address}{joint}bucket={bucket}&key={key}&etag={etag}{fragment}")
    }
}

fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, VALUE)
}
