use super::{
    verdict::{DETAIL_LEN_MAX, ERROR_WORDS},
    *,
};
use nix::errno::Errno;
use proptest::prelude::*;

fn attributes(value: &[u8]) -> Result<Vec<(u16, &[u8])>, Malformed> {
    Attributes::of(value)
        .map(|read| read.map(|a| (a.kind, a.value)))
        .collect()
}

#[test]
fn what_is_cut_off_is_an_error_and_the_end() {
    let mut whole = Attributes::of(&[5, 0, 1, 0, 9, 0, 0, 0, 4, 0, 2, 0]);
    assert_eq!(whole.next().unwrap().unwrap().value, [9]);
    assert_eq!(whole.next().unwrap().unwrap().value, [0; 0]);
    assert_eq!(whole.next(), None);
    // The last one may lack what pads it.
    assert_eq!(attributes(&[5, 0, 1, 0, 9]), Ok(vec![(1, [9].as_slice())]));
    for bad in [
        &[0, 0, 1, 0][..],
        &[3, 0, 1, 0],
        &[6, 0, 1, 0, 9],
        &[5, 0, 1],
        &[255, 255, 1, 0, 9, 9, 9, 9],
    ] {
        let mut read = Attributes::of(bad);
        assert_eq!(read.next(), Some(Err(Malformed::Attribute)), "{bad:?}");
        assert_eq!(read.next(), None);
    }
    for len in [0_u32, 15, 17, u32::MAX] {
        let message = [&len.to_ne_bytes()[..], &[0; 12]].concat();
        let mut read = Messages::of(&message);
        assert_eq!(read.next(), Some(Err(Malformed::Message)), "{len}");
        assert_eq!(read.next(), None);
    }
}

#[test]
fn a_length_that_does_not_fit_is_refused() {
    let mut writer = Writer::default();
    let message = writer.message(1, 0, 1, &[]);
    writer.attribute(1, &[0; 70_000]);
    writer.end_message(message);
    assert_eq!(writer.finish(), Err(TooLong));
}

/// An error as the kernel writes it: capped, with words.
fn error_message(errno: i32, words: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    let flags = libc::NLM_F_CAPPED | libc::NLM_F_ACK_TLVS;
    let kind = libc::NLMSG_ERROR as u16;
    let fixed = [&errno.to_ne_bytes()[..], &[7; MESSAGE_HEADER]].concat();
    let message = writer.message(kind, flags, 42, &fixed);
    writer.attribute(2, &[1, 2, 3, 4]);
    writer.text(ERROR_WORDS, words);
    writer.end_message(message);
    writer.finish().unwrap()
}

#[test]
fn an_error_says_which_why_and_in_words() {
    let bytes = error_message(-libc::EEXIST, "Already there");
    let message = Messages::of(&bytes).next().unwrap().unwrap();
    let expected = Verdict {
        seq: 42,
        errno: Some(Errno::EEXIST),
        detail: Some("Already there".to_owned()),
    };
    assert_eq!(Verdict::read(&message), Ok(expected));
    let bytes = error_message(0, &"w".repeat(1000));
    let message = Messages::of(&bytes).next().unwrap().unwrap();
    let verdict = Verdict::read(&message).unwrap();
    assert_eq!(verdict.errno, None);
    assert_eq!(verdict.detail.unwrap().len(), DETAIL_LEN_MAX);
}

/// Attributes in attributes, as a test writes them.
#[derive(Debug, Clone)]
enum Tree {
    Value(Vec<u8>),
    Nested(Vec<(u16, Tree)>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop::collection::vec(any::<u8>(), 0..40).prop_map(Tree::Value);
    leaf.prop_recursive(3, 32, 4, |inner| {
        let kind = 0..=libc::NLA_TYPE_MASK as u16;
        prop::collection::vec((kind, inner), 0..4).prop_map(Tree::Nested)
    })
}

fn write(writer: &mut Writer, kind: u16, tree: &Tree) {
    match tree {
        Tree::Value(value) => writer.attribute(kind, value),
        Tree::Nested(trees) => {
            let nested = writer.nest(kind);
            for (kind, tree) in trees {
                write(writer, *kind, tree);
            }
            writer.end(nested);
        }
    }
}

fn holds(attribute: &Attribute<'_>, kind: u16, tree: &Tree) -> bool {
    attribute.kind == kind
        && match tree {
            Tree::Value(value) => attribute.value == value,
            Tree::Nested(trees) => {
                let mut nested = attribute.nested();
                let all = trees.iter().all(|(kind, tree)| {
                    nested
                        .next()
                        .is_some_and(|a| holds(&a.unwrap(), *kind, tree))
                });
                all && nested.next().is_none()
            }
        }
}

proptest! {
    #[test]
    fn any_bytes_end(packet: Vec<u8>) {
        let bound = packet.len() / ATTRIBUTE_HEADER + 1;
        prop_assert!(Attributes::of(&packet).count() <= bound);
        prop_assert!(Messages::of(&packet).count() <= bound);
        for message in Messages::of(&packet).flatten() {
            let _ = Verdict::read(&message);
        }
    }

    #[test]
    fn what_is_written_is_read(
        trees in prop::collection::vec((any::<u16>(), any::<u32>(), tree()), 0..5)
    ) {
        let mut writer = Writer::default();
        for (kind, seq, tree) in &trees {
            let message = writer.message(*kind, libc::NLM_F_ACK, *seq, &[1, 2, 3, 4]);
            write(&mut writer, 5, tree);
            writer.end_message(message);
        }
        let bytes = writer.finish().unwrap();
        let mut messages = Messages::of(&bytes);
        for (kind, seq, tree) in &trees {
            let message = messages.next().unwrap().unwrap();
            prop_assert_eq!((message.kind, message.seq), (*kind, *seq));
            prop_assert_eq!(i32::from(message.flags), libc::NLM_F_ACK);
            let (fixed, mut attributes) = Attributes::behind::<4>(message.body, "x").unwrap();
            prop_assert_eq!(fixed, &[1, 2, 3, 4]);
            prop_assert!(holds(&attributes.next().unwrap().unwrap(), 5, tree));
            prop_assert_eq!(attributes.next(), None);
        }
        prop_assert_eq!(messages.next(), None);
        // Cut anywhere, it is an error or fewer messages.
        for cut in 1..bytes.len().min(100) {
            let cut = Messages::of(bytes.get(..bytes.len() - cut).unwrap());
            let read: Result<Vec<_>, _> = cut.collect();
            prop_assert!(read.is_err() || read.unwrap().len() < trees.len());
        }
    }
}
