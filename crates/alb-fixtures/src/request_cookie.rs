//! Cookies that a browser sends.

use hyper::HeaderMap;
use hyper::header::COOKIE;

use crate::list_header;

/// The value of the cookie `name`; of several the first.
pub fn value<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    list_header::elements(headers, &COOKIE, ';')
        .filter_map(|pair| pair.split_once('='))
        .find(|(sent, _)| *sent == name)
        .map(|(_, value)| value)
}
