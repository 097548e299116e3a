//! HTTP/1.1 on the wire (RFC 9112), as much as the tests' own client and servers need: they must
//! be able to send and to see what no well-behaved library would.

use std::io::{self, BufRead, Read, Write};

/// Header lines in the order of the wire, duplicates kept; bytes as Latin-1.
pub type Headers = Vec<(String, String)>;

/// One request or response as received.
#[derive(Debug)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) start_line: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// Whether a message has a body that its headers don't tell of.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Body {
    /// As a request: none, unless the headers say so.
    Announced,
    /// As a response: up to the end of the connection, unless the headers say otherwise.
    UntilClose,
    /// As a response to HEAD: none, whatever the headers say.
    None,
}

/// The bytes as text, one character a byte.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes that [`latin1`] made a text of.
pub fn bytes_of(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a Latin-1 character"))
        .collect()
}

/// Every value of `name`, in order; names are compared as HTTP does.
pub(crate) fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

/// Reads start line and headers; `None` where the connection ends before the first byte.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Message>> {
    let Some(start_line) = read_line(reader)? else {
        return Ok(None);
    };
    let mut headers = Headers::new();
    while let Some(line) = read_line(reader)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        headers.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
    }
    Ok(Some(Message {
        start_line,
        headers,
        body: Vec::new(),
    }))
}

/// Reads a whole message.
pub(crate) fn read_message(reader: &mut impl BufRead, body: Body) -> io::Result<Option<Message>> {
    let Some(mut message) = read_head(reader)? else {
        return Ok(None);
    };
    message.body = read_body(reader, &message.headers, body)?;
    Ok(Some(message))
}

fn read_body(reader: &mut impl BufRead, headers: &Headers, body: Body) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if body == Body::None {
        return Ok(bytes);
    }
    if values(headers, "transfer-encoding").contains(&"chunked") {
        return read_chunks(reader);
    }
    let length = values(headers, "content-length")
        .first()
        .and_then(|value| value.parse().ok());
    match (length, body) {
        (Some(length), _) => {
            bytes.resize(length, 0);
            reader.read_exact(&mut bytes)?;
        }
        (None, Body::UntilClose) => {
            reader.read_to_end(&mut bytes)?;
        }
        (None, _) => {}
    }
    Ok(bytes)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let line = read_line(reader)?.unwrap_or_default();
        let size = usize::from_str_radix(line.trim(), 16)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no chunk size"))?;
        reader
            .by_ref()
            .take(u64::try_from(size).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)?;
        read_line(reader)?;
        if size == 0 {
            return Ok(bytes);
        }
    }
}

fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if reader.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    while line.last().is_some_and(|byte| b"\r\n".contains(byte)) {
        line.pop();
    }
    Ok(Some(latin1(&line)))
}

/// Writes a response with a `content-length`.
pub(crate) fn write_response(
    writer: &mut impl Write,
    status: u16,
    content_type: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Test\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
    );
    writer.write_all(&[head.as_bytes(), body].concat())
}
