//! What the load balancer answers by itself.

use alb_fixtures::server::{self, Body};
use hyper::header::{HeaderValue, LOCATION, SERVER};
use hyper::{Response, StatusCode};

/// An error page.
pub(crate) fn error(status: StatusCode) -> Response<Body> {
    let title = match status.as_u16() {
        // The pages name it so; RFC 9110 says `Unauthorized`.
        401 => "401 Authorization Required".into(),
        561 => "561 Authentication Error".into(),
        code => format!("{code} {}", status.canonical_reason().unwrap_or_default()),
    };
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    own(server::text(status, "text/html", page))
}

/// Sends the browser elsewhere.
pub(crate) fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return error(StatusCode::BAD_REQUEST);
    };
    let mut response = error(status);
    response.headers_mut().insert(LOCATION, location);
    response
}

/// A text of the configuration's.
pub(crate) fn fixed(status: StatusCode, content_type: &str, body: String) -> Response<Body> {
    let mut response = own(server::text(status, "text/plain", body));
    if let Ok(value) = HeaderValue::from_str(content_type) {
        response
            .headers_mut()
            .insert(hyper::header::CONTENT_TYPE, value);
    }
    response
}

fn own(mut response: Response<Body>) -> Response<Body> {
    response
        .headers_mut()
        .insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    response
}
