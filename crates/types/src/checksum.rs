use std::fmt;

/// The checksum algorithms that S3's SDKs send (`x-amz-checksum-*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChecksumAlgorithm {
    /// CRC-32 (ISO-HDLC), 4 bytes.
    Crc32 = 1,
    /// CRC-32C (Castagnoli), 4 bytes.
    Crc32c = 2,
    /// CRC-64/NVME, 8 bytes; S3's own default.
    Crc64Nvme = 3,
    /// SHA-1, 20 bytes.
    Sha1 = 4,
    /// SHA-256, 32 bytes.
    Sha256 = 5,
    /// SHA-512, 64 bytes.
    Sha512 = 6,
    /// MD5 as `x-amz-checksum-md5`, 16 bytes.
    Md5 = 7,
    /// XXH64, seed 0, 8 bytes big-endian.
    XxHash64 = 8,
    /// XXH3 64 bit, seed 0, 8 bytes big-endian.
    XxHash3 = 9,
    /// XXH3 128 bit, seed 0, 16 bytes big-endian.
    XxHash128 = 10,
}

impl ChecksumAlgorithm {
    /// Every algorithm.
    pub const ALL: [Self; 10] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
        Self::Sha512,
        Self::Md5,
        Self::XxHash64,
        Self::XxHash3,
        Self::XxHash128,
    ];

    /// The name on the wire, as in `x-amz-checksum-algorithm: CRC64NVME`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
            Self::Md5 => "MD5",
            Self::XxHash64 => "XXHASH64",
            Self::XxHash3 => "XXHASH3",
            Self::XxHash128 => "XXHASH128",
        }
    }

    /// Reads the wire name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|a| a.name().eq_ignore_ascii_case(name))
    }

    /// The lower-case header that carries it, `x-amz-checksum-crc32` and so on.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Sha512 => "x-amz-checksum-sha512",
            Self::Md5 => "x-amz-checksum-md5",
            Self::XxHash64 => "x-amz-checksum-xxhash64",
            Self::XxHash3 => "x-amz-checksum-xxhash3",
            Self::XxHash128 => "x-amz-checksum-xxhash128",
        }
    }

    /// Length of the value in bytes.
    pub fn len_bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme | Self::XxHash64 | Self::XxHash3 => 8,
            Self::Md5 | Self::XxHash128 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    /// The number that stands for it on disk.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The algorithm of that number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.code() == code)
    }
}

/// How the checksum of a multipart object comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChecksumType {
    /// Over all bytes of the object.
    FullObject,
    /// Checksum of the parts' checksums, shown with `-N`.
    Composite,
}

impl ChecksumType {
    /// `FULL_OBJECT` or `COMPOSITE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }
}

/// One checksum value.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    kind: ChecksumType,
    /// Number of parts behind a composite value; 0 for a full-object one.
    parts: u32,
    value: Vec<u8>,
}

/// The value's length is not the algorithm's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the value's length is not that of the checksum algorithm")]
pub struct InvalidChecksum;

impl Checksum {
    /// A checksum over a whole object or part.
    pub fn full(algorithm: ChecksumAlgorithm, value: Vec<u8>) -> Result<Self, InvalidChecksum> {
        let right = value.len() == algorithm.len_bytes();
        right
            .then_some(Self {
                algorithm,
                kind: ChecksumType::FullObject,
                parts: 0,
                value,
            })
            .ok_or(InvalidChecksum)
    }

    /// A checksum of `parts` parts' checksums.
    pub fn composite(
        algorithm: ChecksumAlgorithm,
        value: Vec<u8>,
        parts: u32,
    ) -> Result<Self, InvalidChecksum> {
        let right = value.len() == algorithm.len_bytes();
        right
            .then_some(Self {
                algorithm,
                kind: ChecksumType::Composite,
                parts,
                value,
            })
            .ok_or(InvalidChecksum)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> ChecksumAlgorithm {
        self.algorithm
    }

    /// Full object or composite.
    pub fn kind(&self) -> ChecksumType {
        self.kind
    }

    /// Parts behind a composite value; 0 for a full-object one.
    pub fn parts(&self) -> u32 {
        self.parts
    }

    /// The value's bytes, big-endian.
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.name(), crate::hex(&self.value))?;
        if self.parts > 0 {
            write!(f, "-{}", self.parts)
        } else {
            Ok(())
        }
    }
}
