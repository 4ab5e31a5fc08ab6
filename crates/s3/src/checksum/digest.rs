//! Digests while bytes flow.

use super::mismatch;
use crate::{
    error::{ErrorKind, S3Error},
    parse::BodyPromise,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blockhouse_types::{Checksum, ChecksumAlgorithm};
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use std::fmt;
use xxhash_rust::{xxh3::Xxh3, xxh64::Xxh64};

/// One algorithm at work.
pub struct Digest {
    algorithm: ChecksumAlgorithm,
    state: State,
}

/// The CRC states and XXH3's are large; a digest lives as long as a body and is never moved in
/// bulk, but bodies without one should stay small.
enum State {
    Crc(Box<crc_fast::Digest>),
    Sha1(Sha1),
    Sha256(Sha256),
    Sha512(Box<Sha512>),
    Md5(Md5),
    XxHash64(Xxh64),
    XxHash3(Box<Xxh3>),
    XxHash128(Box<Xxh3>),
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.algorithm.name())
    }
}

impl Digest {
    /// Begins.
    pub fn new(algorithm: ChecksumAlgorithm) -> Self {
        use ChecksumAlgorithm as A;
        let crc = |algorithm| State::Crc(Box::new(crc_fast::Digest::new(algorithm)));
        let state = match algorithm {
            A::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            A::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            A::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            A::Sha1 => State::Sha1(Sha1::new()),
            A::Sha256 => State::Sha256(Sha256::new()),
            A::Sha512 => State::Sha512(Box::new(Sha512::new())),
            A::Md5 => State::Md5(Md5::new()),
            A::XxHash64 => State::XxHash64(Xxh64::new(0)),
            A::XxHash3 => State::XxHash3(Box::new(Xxh3::new())),
            A::XxHash128 => State::XxHash128(Box::new(Xxh3::new())),
        };
        Self { algorithm, state }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(digest) => digest.update(bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha256(digest) => digest.update(bytes),
            State::Sha512(digest) => digest.update(bytes),
            State::Md5(digest) => digest.update(bytes),
            State::XxHash64(digest) => digest.update(bytes),
            State::XxHash3(digest) | State::XxHash128(digest) => digest.update(bytes),
        }
    }

    /// The value.
    pub fn finish(self) -> Checksum {
        let value = match self.state {
            State::Crc(digest) => {
                let bytes = digest.finalize().to_be_bytes();
                bytes[8 - self.algorithm.len_bytes()..].to_vec()
            }
            State::Sha1(digest) => digest.finalize().to_vec(),
            State::Sha256(digest) => digest.finalize().to_vec(),
            State::Sha512(digest) => digest.finalize().to_vec(),
            State::Md5(digest) => digest.finalize().to_vec(),
            State::XxHash64(digest) => digest.digest().to_be_bytes().to_vec(),
            State::XxHash3(digest) => digest.digest().to_be_bytes().to_vec(),
            State::XxHash128(digest) => digest.digest128().to_be_bytes().to_vec(),
        };
        full(self.algorithm, value)
    }
}

/// A value of which the length is right by construction.
#[expect(
    clippy::expect_used,
    reason = "each arm above yields the algorithm's length; tested"
)]
pub(super) fn full(algorithm: ChecksumAlgorithm, value: Vec<u8>) -> Checksum {
    Checksum::full(algorithm, value).expect("a digest has its algorithm's length")
}

/// Which digests a body needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// MD5, of which the entity tag is made, or that was promised.
    pub md5: bool,
    /// SHA-256 of the payload, because the signature bound it.
    pub sha256: bool,
    /// The checksum that is promised, or that shall be kept.
    pub checksum: Option<ChecksumAlgorithm>,
}

impl Wants {
    /// Whether MD5 is among them, whatever for.
    pub fn any_md5(self) -> bool {
        self.md5 || self.checksum == Some(ChecksumAlgorithm::Md5)
    }

    /// Whether SHA-256 is among them, whatever for.
    pub fn any_sha256(self) -> bool {
        self.sha256 || self.checksum == Some(ChecksumAlgorithm::Sha256)
    }
}

/// All digests of one body in one pass.
#[derive(Debug)]
pub struct BodyDigests {
    md5: Option<Md5>,
    sha256: Option<Sha256>,
    sum: BodySum,
}

/// What a body needs beside its MD5 and SHA-256: the length, and a checksum that is neither. It is
/// computed where the bytes pass by, also when they are hashed elsewhere.
#[derive(Debug)]
pub struct BodySum {
    /// `None` also when it is one of those two.
    checksum: Option<Digest>,
    wants: Wants,
    len: u64,
}

/// What a body's digests turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// MD5, when it was wanted.
    pub md5: Option<[u8; 16]>,
    /// SHA-256, when it was wanted.
    pub sha256: Option<[u8; 32]>,
    /// The checksum, when one was wanted.
    pub checksum: Option<Checksum>,
    /// The body's length in bytes.
    pub len: u64,
}

impl BodyDigests {
    /// Begins.
    pub fn new(wants: Wants) -> Self {
        Self {
            md5: wants.any_md5().then(Md5::new),
            sha256: wants.any_sha256().then(Sha256::new),
            sum: BodySum::new(wants),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        // By pieces that stay in the first-level cache while every digest reads them.
        for piece in bytes.chunks(16 << 10) {
            if let Some(digest) = &mut self.md5 {
                digest.update(piece);
            }
            if let Some(digest) = &mut self.sha256 {
                digest.update(piece);
            }
            self.sum.update(piece);
        }
    }

    /// The values.
    pub fn finish(self) -> Digests {
        let md5 = self.md5.map(|digest| digest.finalize().into());
        let sha256 = self.sha256.map(|digest| digest.finalize().into());
        self.sum.finish(md5, sha256)
    }
}

impl BodySum {
    /// Begins.
    pub fn new(wants: Wants) -> Self {
        use ChecksumAlgorithm::{Md5 as MD5, Sha256 as SHA256};
        let other = wants
            .checksum
            .filter(|algorithm| !matches!(algorithm, MD5 | SHA256));
        Self {
            checksum: other.map(Digest::new),
            wants,
            len: 0,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(digest) = &mut self.checksum {
            digest.update(bytes);
        }
        self.len += bytes.len() as u64;
    }

    /// The values, with the hashes that whoever hashed found. Each is there when [`Wants::any_md5`]
    /// and [`Wants::any_sha256`] asked for it.
    pub fn finish(self, md5: Option<[u8; 16]>, sha256: Option<[u8; 32]>) -> Digests {
        let checksum = match (self.wants.checksum, &md5, &sha256) {
            (Some(ChecksumAlgorithm::Md5), Some(value), _) => {
                Some(full(ChecksumAlgorithm::Md5, value.to_vec()))
            }
            (Some(ChecksumAlgorithm::Sha256), _, Some(value)) => {
                Some(full(ChecksumAlgorithm::Sha256, value.to_vec()))
            }
            _ => self.checksum.map(Digest::finish),
        };
        Digests {
            md5: md5.filter(|_| self.wants.md5),
            sha256: sha256.filter(|_| self.wants.sha256),
            checksum,
            len: self.len,
        }
    }
}

impl Digests {
    /// Holds the values against what the head promised, what the trailer said and what was signed.
    /// The signed digest is judged first: it alone says who is to blame.
    pub fn verify(
        &self,
        promise: &BodyPromise,
        trailer: Option<&Checksum>,
        signed_sha256: Option<&[u8; 32]>,
    ) -> Result<(), S3Error> {
        if let (Some(signed), Some(computed)) = (signed_sha256, &self.sha256)
            && signed != computed
        {
            return Err(S3Error::content_sha256_mismatch(signed, computed));
        }
        if let (Some(expected), Some(computed)) = (&promise.content_md5, &self.md5)
            && expected != computed
        {
            return Err(S3Error::from(ErrorKind::BadDigest)
                .element("ExpectedDigest", STANDARD.encode(expected))
                .element("CalculatedDigest", STANDARD.encode(computed)));
        }
        let promised = promise
            .checksum
            .as_ref()
            .and_then(|p| p.value.as_ref())
            .or(trailer);
        match (promised, &self.checksum) {
            (Some(promised), Some(computed)) if promised != computed => {
                Err(mismatch(promised.algorithm()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::PromisedChecksum;

    fn digests(wants: Wants) -> Digests {
        let mut body = BodyDigests::new(wants);
        body.update(b"hel");
        body.update(b"lo");
        body.finish()
    }

    #[test]
    fn one_pass_gives_all() {
        for algorithm in ChecksumAlgorithm::ALL {
            for sha256 in [false, true] {
                let all = digests(Wants {
                    md5: true,
                    sha256,
                    checksum: Some(algorithm),
                });
                let mut alone = Digest::new(algorithm);
                alone.update(b"hello");
                assert_eq!(all.checksum, Some(alone.finish()));
                assert_eq!(all.sha256.is_some(), sha256);
                assert_eq!(
                    blockhouse_types::hex(&all.md5.unwrap()),
                    "5d41402abc4b2a76b9719d911017c592"
                );
                assert_eq!(all.len, 5);
            }
        }
    }

    #[test]
    fn promises_are_kept_or_named() {
        let got = digests(Wants {
            md5: true,
            sha256: true,
            checksum: Some(ChecksumAlgorithm::Crc32),
        });
        let kind = |promise: &BodyPromise, trailer: Option<&Checksum>, signed| {
            got.verify(promise, trailer, signed).map_err(|e| e.kind())
        };
        let none = BodyPromise::default();
        assert_eq!(kind(&none, None, got.sha256.as_ref()), Ok(()));
        assert_eq!(
            kind(&none, None, Some(&[0; 32])),
            Err(ErrorKind::XAmzContentSHA256Mismatch)
        );
        let md5 = |md5| BodyPromise {
            content_md5: Some(md5),
            ..BodyPromise::default()
        };
        assert_eq!(kind(&md5(got.md5.unwrap()), None, None), Ok(()));
        assert_eq!(kind(&md5([0; 16]), None, None), Err(ErrorKind::BadDigest));
        let wrong = full(ChecksumAlgorithm::Crc32, vec![0; 4]);
        assert_eq!(kind(&none, got.checksum.as_ref(), None), Ok(()));
        assert_eq!(kind(&none, Some(&wrong), None), Err(ErrorKind::BadDigest));
        let promise = BodyPromise {
            checksum: Some(PromisedChecksum {
                algorithm: ChecksumAlgorithm::Crc32,
                value: Some(wrong),
            }),
            ..BodyPromise::default()
        };
        assert_eq!(kind(&promise, None, None), Err(ErrorKind::BadDigest));
    }
}
