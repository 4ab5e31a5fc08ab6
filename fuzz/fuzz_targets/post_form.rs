//! A browser's form. However the bytes are cut into pieces, the same fields and the same file come
//! out, within their bounds.
#![no_main]

use blockhouse_s3::form::{
    Boundary, FIELDS_BYTES_MAX, FIELDS_MAX, Fields, FieldsDecoder, FileDecoder,
};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((cut, form)) = input.split_first() else {
        return;
    };
    let kind = form.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(kind) = std::str::from_utf8(kind) {
        let _ = Boundary::of_content_type(kind);
    }
    let whole = decode(form, form.len().max(1));
    let cut = decode(form, usize::from(*cut).max(1));
    assert_eq!(whole, cut);
});

/// The fields and the file, if the form is well formed to its end.
fn decode(form: &[u8], piece_bytes: usize) -> Option<(Fields, Vec<u8>)> {
    let boundary = Boundary::of_content_type("multipart/form-data; boundary=b")?.ok()?;
    let mut pieces = form.chunks(piece_bytes);
    let mut decoder = FieldsDecoder::new(&boundary);
    let before = loop {
        if let Some(before) = decoder.push(pieces.next()?).ok()? {
            break before;
        }
    };
    let lengths = before.fields.iter().map(|f| f.name.len() + f.value.len());
    assert!(lengths.sum::<usize>() <= FIELDS_BYTES_MAX);
    assert!(before.fields.iter().count() <= FIELDS_MAX);
    let mut file = Vec::new();
    if before.fields.file().is_none() {
        return Some((before.fields, file));
    }
    let mut decoder = FileDecoder::new(&boundary);
    for piece in std::iter::once(before.rest).chain(pieces.map(Bytes::copy_from_slice)) {
        decoder.push(piece);
        while let Some(bytes) = decoder.next().ok()? {
            assert!(!bytes.is_empty());
            file.extend_from_slice(&bytes);
        }
    }
    decoder.finish().ok()?;
    Some((before.fields, file))
}
