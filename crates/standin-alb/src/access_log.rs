//! One line for each request on standard output, with the access log's fields that matter here.

use std::io::Write as _;

use hyper::StatusCode;

/// What is known of a request once it is answered.
pub(crate) struct Entry<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    /// Without the query: it may hold a code.
    pub(crate) path: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) error_reason: &'a str,
}

/// Writes it; a reader that went away is no error.
pub(crate) fn write(entry: &Entry<'_>) {
    let status = entry.status.as_u16();
    let Entry {
        scheme,
        method,
        host,
        path,
        error_reason,
        ..
    } = entry;
    let _ = writeln!(
        std::io::stdout(),
        "alb {status} {error_reason} {method} {scheme}://{host}{path}"
    );
}
