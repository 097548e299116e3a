//! Headers whose value is a list that each hop adds to.

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

/// Adds `value` to the end of the list; where the header came several times, it becomes one.
pub(super) fn add(headers: &mut HeaderMap, name: HeaderName, separator: &[u8], value: &str) {
    let mut list = Vec::new();
    for sent in headers.get_all(&name) {
        list.extend_from_slice(sent.as_bytes());
        list.extend_from_slice(separator);
    }
    list.extend_from_slice(value.as_bytes());
    let list = HeaderValue::from_bytes(&list).expect("header values and a text of our own");
    headers.insert(name, list);
}
