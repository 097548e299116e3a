//! Headers whose value is a list that each hop adds to.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// The elements of the list, in order, without whitespace around them. Values that are no text are left out.
pub fn elements<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    separator: char,
) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(move |value| value.split(separator))
        .map(str::trim)
}

/// Adds `value` to the end of the list. If the header came several times, it becomes one.
pub fn append(headers: &mut HeaderMap, name: HeaderName, separator: &str, value: &str) {
    join(headers, name, separator, Some(value));
}

/// Makes one header of several. A header that is absent stays absent.
pub fn merge(headers: &mut HeaderMap, name: HeaderName, separator: &str) {
    join(headers, name, separator, None);
}

fn join(headers: &mut HeaderMap, name: HeaderName, separator: &str, last: Option<&str>) {
    let sent = headers.get_all(&name).iter().map(HeaderValue::as_bytes);
    let values: Vec<&[u8]> = sent.chain(last.map(str::as_bytes)).collect();
    if values.is_empty() {
        return;
    }
    let joined = values.join(separator.as_bytes());
    let joined = HeaderValue::from_bytes(&joined).expect("header values and a text of our own");
    headers.insert(name, joined);
}
