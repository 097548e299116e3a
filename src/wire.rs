//! The byte forms in which Envoy and this module exchange data: pure, so that they are tested and fuzzed natively.
//!
//! Sources: the Proxy-Wasm ABI 0.2.1 (header maps); Protocol Buffers, "Encoding".

/// Names and values in order.
pub type Pairs<'a> = Vec<(&'a [u8], &'a [u8])>;

/// Reads a header map: the count, then each name's and value's size, then each name and value, ended by zeros;
/// numbers in 32 bits, little-endian. `None` for bytes that do not fit this form: with a header unseen, nothing
/// could be said about the request.
pub fn header_pairs(bytes: &[u8]) -> Option<Pairs<'_>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, mut sizes) = take_number(bytes)?;
    let table = count.checked_mul(8)?;
    let mut texts = sizes.get(table..)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        let (name_size, rest) = take_number(sizes)?;
        let (value_size, rest) = take_number(rest)?;
        sizes = rest;
        let (name, rest) = take_text(texts, name_size)?;
        let (value, rest) = take_text(rest, value_size)?;
        texts = rest;
        pairs.push((name, value));
    }
    Some(pairs)
}

fn take_number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    let number = usize::try_from(u32::from_le_bytes(*number)).ok()?;
    Some((number, rest))
}

fn take_text(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (text, rest) = bytes.split_at_checked(size)?;
    Some((text, rest.split_first()?.1))
}

/// Writes a header map in the form that [`header_pairs`] reads.
pub fn header_bytes(headers: &[(&str, String)]) -> Vec<u8> {
    let number = |size: usize| u32::try_from(size).unwrap_or(0).to_le_bytes();
    let mut bytes = number(headers.len()).to_vec();
    for (name, value) in headers {
        bytes.extend(number(name.len()));
        bytes.extend(number(value.len()));
    }
    for (name, value) in headers {
        for text in [name.as_bytes(), value.as_bytes()] {
            bytes.extend(text);
            bytes.push(0);
        }
    }
    bytes
}

/// Writes a protobuf message of byte fields, numbered from 1 on. At most 15 fields fit the one-byte tag.
pub fn protobuf(fields: &[&[u8]]) -> Vec<u8> {
    let texts = fields.iter().map(|field| field.len());
    let overhead = fields.len().saturating_mul(6);
    let mut message = Vec::with_capacity(texts.sum::<usize>().saturating_add(overhead));
    for (number, field) in (1..=15).zip(fields) {
        put_field(&mut message, number, field);
    }
    message
}

/// A field of bytes: tag, length as a varint, bytes.
fn put_field(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    const LENGTH_DELIMITED: u8 = 2;
    message.push(number.wrapping_shl(3) | LENGTH_DELIMITED);
    let mut length = bytes.len();
    while length >= 0x80 {
        message.push(0x80 | u8::try_from(length & 0x7f).unwrap_or_default());
        length = length.wrapping_shr(7);
    }
    message.push(u8::try_from(length).unwrap_or_default());
    message.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_map_is_read_as_it_was_written() {
        let headers = [
            (":path", "/".to_owned()),
            ("cookie", String::new()),
            ("cookie", "a=\0b".to_owned()),
        ];
        let bytes = header_bytes(&headers);
        let pairs: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        assert_eq!(header_pairs(&bytes), Some(pairs));
        assert_eq!(header_pairs(b""), Some(vec![]));
    }

    #[test]
    fn a_header_map_that_does_not_fit_its_form_is_not_read() {
        let whole = header_bytes(&[("a", "b".to_owned()), ("c", "d".to_owned())]);
        for length in 1..whole.len() {
            assert_eq!(header_pairs(&whole[..length]), None, "{length}");
        }
        for count in [3, u32::MAX, 0x2000_0000] {
            let mut bytes = whole.clone();
            bytes[..4].copy_from_slice(&count.to_le_bytes());
            assert_eq!(header_pairs(&bytes), None, "{count}");
        }
        let mut bytes = whole;
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(header_pairs(&bytes), None);
    }

    #[test]
    fn protobuf_lengths_are_varints() {
        assert_eq!(protobuf(&[b"a", b""]), [0x0a, 1, b'a', 0x12, 0]);
        for (length, varint) in [
            (127, vec![127]),
            (128, vec![0x80, 1]),
            (16_384, vec![0x80, 0x80, 1]),
        ] {
            let field = vec![7; length];
            let message = protobuf(&[&field]);
            let expected = [vec![0x0a], varint, field].concat();
            assert_eq!(message, expected, "{length}");
        }
    }
}
