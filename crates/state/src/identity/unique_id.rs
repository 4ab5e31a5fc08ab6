use blockhouse_types::Entropy;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

/// Length of an id: a prefix of four and seventeen more.
const LEN: usize = 21;

/// What an identity is called that is never given again: one that is made under the name of a deleted
/// one is another. Source: IAM user guide, "Unique identifiers".
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct UniqueId(Box<str>);

impl UniqueId {
    /// A fresh one with that prefix of four: `AIDA` for users, `AROA` for roles.
    pub(crate) fn new(prefix: &str, entropy: &mut dyn Entropy) -> Self {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut bytes = [0; LEN - 4];
        entropy.fill(&mut bytes);
        let letter = |byte: u8| char::from(ALPHABET[usize::from(byte % 32)]);
        let text: String = prefix.chars().chain(bytes.map(letter)).collect();
        Self(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for UniqueId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        let legal = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        if text.len() != LEN || !text.bytes().all(legal) {
            return Err(D::Error::custom("an id has 21 letters and digits"));
        }
        Ok(Self(text))
    }
}
