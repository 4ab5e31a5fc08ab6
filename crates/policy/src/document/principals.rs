//! `Principal` and `NotPrincipal`.

use super::{Choices, Path, Reader, Result_, Statements};
use crate::{
    json::{Node, Value},
    malformed::Fault,
    principal::{Entry, Principals},
    statement::Effect,
};

impl<'t> Statements<'t> {
    pub(super) fn principals(
        &self,
        choices: &Choices<'_, '_, 't>,
        effect: Effect,
    ) -> Result_<Option<Principals>> {
        let presence = self.reader.kind.principal();
        let Some((member, negated)) = choices.one_of("Principal", "NotPrincipal", presence)? else {
            return Ok(None);
        };
        // Source: IAM user guide, "NotPrincipal": with Allow it would admit the whole world but one.
        if negated && effect == Effect::Allow {
            return Err(self.fault(member.at, choices.path, Fault::NotPrincipalAllows));
        }
        let path = Path::Name(&choices.path, &member.name);
        let entries = self.entries(&member.node, path)?.into();
        Ok(Some(Principals { entries, negated }))
    }

    fn entries(&self, node: &Node<'_>, path: Path<'_>) -> Result_<Vec<Entry>> {
        let refuse = |at: u32, path: Path<'_>, text: &str| {
            Err(self.fault(at, path, Fault::Principal(text.to_owned())))
        };
        let members = match &node.value {
            Value::Text(text) if text == "*" => return Ok(vec![Entry::Everyone]),
            Value::Text(text) => return refuse(node.start, path, text),
            Value::Object(members) if members.is_empty() => {
                return Err(self.fault(node.start, path, Fault::Empty("Principal")));
            }
            Value::Object(members) => members,
            _ => {
                let (element, expected) = ("Principal", "\"*\" or an object");
                return Err(self.fault(node.start, path, Fault::Type { element, expected }));
            }
        };
        let mut entries = Vec::new();
        for member in members {
            let read: fn(&str) -> Option<Entry> = match &*member.name {
                "AWS" => Entry::of_aws,
                "CanonicalUser" => Entry::of_canonical,
                "Service" => |text| is_service(text).then(|| Entry::Service(text.into())),
                "Federated" => |text| is_provider(text).then(|| Entry::Federated(text.into())),
                other => return refuse(member.at, path, other),
            };
            let path = Path::Name(&path, &member.name);
            let items = self.reader.list(&member.node, path, "Principal")?;
            for (index, item) in items.iter().enumerate() {
                let path = Reader::item_path(&member.node, &path, index);
                let text = self.reader.short_text(item, path, "Principal")?;
                match read(text) {
                    Some(entry) => entries.push(entry),
                    None => return refuse(item.start, path, text),
                }
            }
        }
        Ok(entries)
    }
}

/// `s3.amazonaws.com` and the like.
fn is_service(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    text.contains('.') && text.bytes().all(legal)
}

/// A provider's ARN or its host name.
fn is_provider(text: &str) -> bool {
    !text.is_empty() && !text.contains(['*', '?']) && text.bytes().all(|b| b.is_ascii_graphic())
}
