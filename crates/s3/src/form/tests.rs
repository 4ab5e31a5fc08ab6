use super::*;
use bytes::Bytes;
use proptest::prelude::*;

const FORM: &str = "--b\r\n\
    Content-Disposition: form-data; name=\"key\"\r\n\r\n\
    a\r\nb\r\n\
    --b\r\n\
    Content-Disposition: form-data; name=\"Policy\"\r\n\r\n\
    \r\n\
    --b\r\n\
    Content-Disposition: form-data; name=\"file\"; filename=\"f.txt\"\r\n\
    Content-Type: text/plain\r\n\r\n\
    one\r\n--two\r\r\n-\r\n--b\r\n\
    Content-Disposition: form-data; name=\"late\"\r\n\r\n\
    x\r\n--b--\r\n";

fn boundary(text: &str) -> Boundary {
    let value = format!("multipart/form-data; boundary={text}");
    Boundary::of_content_type(&value).unwrap().unwrap()
}

/// The fields, and the file if there is one, of a form that comes in pieces of that many bytes.
fn decode(form: &[u8], piece_bytes: usize) -> Result<(Fields, Option<Vec<u8>>), FormError> {
    let boundary = boundary("b");
    let mut pieces = form.chunks(piece_bytes);
    let mut decoder = FieldsDecoder::new(&boundary);
    let before = loop {
        let piece = pieces.next().ok_or(MALFORMED)?;
        if let Some(before) = decoder.push(piece)? {
            break before;
        }
    };
    if before.fields.file().is_none() {
        return Ok((before.fields, None));
    }
    let mut decoder = FileDecoder::new(&boundary);
    let mut file = Vec::new();
    for piece in std::iter::once(before.rest).chain(pieces.map(Bytes::copy_from_slice)) {
        decoder.push(piece);
        while let Some(bytes) = decoder.next()? {
            assert!(!bytes.is_empty());
            file.extend_from_slice(&bytes);
        }
    }
    decoder.finish()?;
    Ok((before.fields, Some(file)))
}

#[test]
fn reads_what_stands_before_the_file_and_the_file() {
    let (fields, file) = decode(FORM.as_bytes(), FORM.len()).unwrap();
    assert_eq!(fields.get("KEY"), Some("a\r\nb"));
    assert_eq!(fields.get("policy"), Some(""));
    assert_eq!(fields.get("late"), None);
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["key", "Policy"]);
    let filename = fields.file().unwrap().filename.as_deref();
    assert_eq!(filename, Some("f.txt"));
    assert_eq!(file.unwrap(), b"one\r\n--two\r\r\n-");
    assert_eq!(format!("{fields:?}"), "[\"key\", \"Policy\"]");
}

#[test]
fn a_form_may_end_without_a_file() {
    let form = "--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nv\r\n--b--";
    let (fields, file) = decode(form.as_bytes(), 7).unwrap();
    assert_eq!((fields.get("key"), file), (Some("v"), None));
    assert!(fields.file().is_none());
}

#[test]
fn what_ends_early_or_begins_otherwise_is_malformed() {
    let whole = FORM
        .find("--b\r\nContent-Disposition: form-data; name=\"late\"")
        .unwrap();
    // Up to the two characters behind the file's delimiter, everything is needed.
    for len in 0..whole + 5 {
        let cut = &FORM.as_bytes()[..len];
        assert_eq!(decode(cut, len.max(1)), Err(MALFORMED), "{len} bytes");
    }
    assert!(decode(&FORM.as_bytes()[..whole + 5], 1).is_ok());
    for (from, to) in [
        (
            "--b\r\nContent-Disposition: form-data; name=\"key\"",
            "-b\r\n",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"key\"",
            "\r\n--b\r\n",
        ),
        (
            "--b\r\nContent-Disposition: form-data; name=\"P",
            "--bc\r\nP",
        ),
        ("-\r\n--b\r\n", "-\r\n--bc\r\n"),
        ("form-data; name=\"key\"", "attachment; name=\"key\""),
    ] {
        let form = FORM.replacen(from, to, 1);
        assert_eq!(
            decode(form.as_bytes(), form.len()),
            Err(MALFORMED),
            "{to:?}"
        );
    }
    let mut bytes = FORM.as_bytes().to_vec();
    let at = FORM.find("a\r\nb").unwrap();
    bytes[at] = 0xff;
    assert_eq!(decode(&bytes, bytes.len()), Err(MALFORMED));
}

#[test]
fn fields_are_bounded() {
    let field = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let ends = |fields: &str| decode(format!("{fields}--b--").as_bytes(), 1 << 10).map(|_| ());
    let long = |len: usize| field("k", &"x".repeat(len - 1));
    assert_eq!(ends(&long(FIELDS_BYTES_MAX)), Ok(()));
    assert_eq!(
        ends(&long(FIELDS_BYTES_MAX + 1)),
        Err(FormError::FieldsTooLarge)
    );
    let half = field("j", &"x".repeat(FIELDS_BYTES_MAX / 2));
    assert_eq!(
        ends(&format!("{half}{}", long(FIELDS_BYTES_MAX / 2))),
        Err(FormError::FieldsTooLarge)
    );
    let many = |count: usize| {
        (0..count)
            .map(|n| field(&format!("f{n}"), ""))
            .collect::<String>()
    };
    assert_eq!(ends(&many(FIELDS_MAX)), Ok(()));
    assert_eq!(ends(&many(FIELDS_MAX + 1)), Err(FormError::FieldsTooLarge));
    assert_eq!(
        ends(&field(&"n".repeat(PART_HEAD_BYTES_MAX), "")),
        Err(MALFORMED)
    );
    let twice = FormError::Twice {
        name: "KEY".to_owned(),
    };
    assert_eq!(ends(&(field("key", "") + &field("KEY", ""))), Err(twice));
    let trailing = |len: usize| format!("{FORM}{}", "x".repeat(len));
    let file_end = FORM
        .find("Content-Disposition: form-data; name=\"late\"")
        .unwrap();
    let room = TRAILING_BYTES_MAX - (FORM.len() - file_end);
    assert!(decode(trailing(room).as_bytes(), 100).is_ok());
    assert_eq!(decode(trailing(room + 1).as_bytes(), 100), Err(MALFORMED));
}

#[test]
fn boundaries() {
    let of = |value: &str| Boundary::of_content_type(value);
    let good = |value: &str| of(value).unwrap().unwrap().0;
    assert_eq!(&*good("multipart/form-data; boundary=abc"), "abc");
    assert_eq!(
        &*good("Multipart/Form-Data;charset=x; BOUNDARY=\"a b'()+_,-./:=?\""),
        "a b'()+_,-./:=?"
    );
    assert_eq!(
        &*good(&format!("multipart/form-data; boundary={}", "a".repeat(70))),
        "a".repeat(70)
    );
    for other in [
        "",
        "text/html",
        "multipart/mixed; boundary=a",
        "application/x-www-form-urlencoded",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
    for bad in [
        "",
        "; boundary=",
        "; boundary=\"a \"",
        "; boundary=a*",
        "; boundary=\"a",
        "; boundary=ä",
    ] {
        assert_eq!(
            of(&format!("multipart/form-data{bad}")),
            Some(Err(MALFORMED)),
            "{bad}"
        );
    }
    let long = format!("multipart/form-data; boundary={}", "a".repeat(71));
    assert_eq!(of(&long), Some(Err(MALFORMED)));
}

proptest! {
    /// However a form is cut, and whatever it is, the same comes of it.
    #[test]
    fn cutting_changes_nothing(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0usize..6), 0..4),
        piece_bytes in 1usize..40,
    ) {
        const PATCHES: [&[u8]; 6] = [b"\r", b"\n", b"-", b"\r\n--b", b"", b"\xc3"];
        let mut form = FORM.as_bytes().to_vec();
        for (at, patch) in edits {
            let at = at.index(form.len());
            form.splice(at..at + 1, PATCHES[patch].iter().copied());
        }
        prop_assert_eq!(decode(&form, form.len()), decode(&form, piece_bytes));
    }

    /// Any bytes without the delimiter come out as they went in.
    #[test]
    fn contents_come_out_unchanged(
        content in prop::collection::vec(prop::sample::select(b"\r\n-bx".to_vec()), 0..200),
        piece_bytes in 1usize..20,
    ) {
        let delimiter = b"\r\n--b";
        prop_assume!(!content.windows(delimiter.len()).any(|window| window == delimiter));
        let head = "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n".as_bytes();
        let form = [head, &content, b"\r\n--b--\r\n"].concat();
        let (_, file) = decode(&form, piece_bytes).unwrap();
        prop_assert_eq!(file.unwrap(), content);
    }
}
