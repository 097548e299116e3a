//! The page that a person sees whose request is rejected: readable on a phone and without CSS, and complete in itself.

use crate::reason::Rejection;

/// Sizes are relative, so that the reader's own font size counts. The colors are the browser's, light or dark.
const STYLE: &str = ":root{color-scheme:light dark}\
    body{max-width:36em;margin:10vh auto;padding:0 1.2em;font:1.1em/1.5 system-ui,sans-serif;overflow-wrap:anywhere}\
    h1{font-size:1.6em;line-height:1.2}\
    footer{margin-top:2.5em;padding-top:1em;border-top:1px solid;font-size:.85em}\
    footer p{margin:.2em 0}";

/// The policy stops whatever an injected element would load or run; the page itself has one inline style.
pub(super) fn headers() -> Vec<(&'static str, String)> {
    let headers = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("vary", "accept"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'",
        ),
    ];
    headers.map(|(name, value)| (name, value.to_owned())).into()
}

/// Fixed texts, and the request ID, which the client chooses: the one part that could bring in markup.
pub(super) fn body(rejection: Rejection, request_id: &[u8], logout: Option<&str>) -> String {
    let title = title(rejection);
    format!(
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n\
         <style>{STYLE}</style>\n\
         <main>\n\
         <h1>{title}</h1>\n\
         <p>{message}</p>\n\
         <p>{advice}</p>\n\
         {logout}\
         </main>\n\
         <footer>\n\
         <p>Reason: <code>{rejection}</code></p>\n\
         {request_id}\
         </footer>\n\
         </html>\n",
        message = rejection.message(),
        advice = rejection.advice(),
        logout = logout_link(rejection, logout),
        request_id = request_id_line(request_id),
    )
}

/// A way to the next login, if a login helps.
fn logout_link(rejection: Rejection, logout: Option<&str>) -> String {
    match logout.filter(|_| rejection.asks_for_login()) {
        Some(path) => format!(
            "<p><a href=\"{}\">Log out</a></p>\n",
            escape(path.as_bytes())
        ),
        None => String::new(),
    }
}

fn title(rejection: Rejection) -> &'static str {
    match rejection.status() {
        503 => "Try again in a moment",
        403 => "You have no access",
        _ => "You are not logged in",
    }
}

fn request_id_line(request_id: &[u8]) -> String {
    if request_id.is_empty() {
        return String::new();
    }
    // `bdi`: characters that reverse the direction of text can't reorder the rest of the page.
    format!(
        "<p>Request ID: <code><bdi>{}</bdi></code></p>\n",
        escape(request_id)
    )
}

/// Text for an element or a quoted attribute. Bytes that are no UTF-8 and control characters become U+FFFD.
fn escape(bytes: &[u8]) -> String {
    let mut escaped = String::with_capacity(bytes.len());
    for c in String::from_utf8_lossy(bytes).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::Reply;
    use super::*;

    #[test]
    fn a_page_says_what_happened_and_what_to_do() {
        for rejection in Rejection::ALL {
            let page =
                Reply::refusal_page(rejection, b"0f3c7a52-9d1e-4a52-a0c2-1f0a6b6b6b0e", None);
            for text in [
                rejection.name(),
                rejection.message(),
                rejection.advice(),
                "0f3c7a52-9d1e-4a52-a0c2-1f0a6b6b6b0e",
            ] {
                assert!(page.body.contains(text), "{rejection}: {text}");
            }
        }
    }

    #[test]
    fn only_the_form_differs_between_page_and_json() {
        const FORM: [&str; 3] = ["content-type", "vary", "content-security-policy"];
        for rejection in Rejection::ALL {
            let (json, page) = (
                Reply::refusal(rejection),
                Reply::refusal_page(rejection, b"", None),
            );
            let rest = |reply: &Reply| {
                let mut headers = reply.headers.clone();
                headers.retain(|(name, _)| !FORM.contains(name));
                (reply.status, headers)
            };
            assert_eq!(rest(&json), rest(&page), "{rejection}");
            let of_form = |name| page.headers.iter().find(|(n, _)| *n == name);
            assert_eq!(
                FORM.map(|name| of_form(name).map(|(_, value)| value.as_str())),
                [
                    Some("text/html; charset=utf-8"),
                    Some("accept"),
                    Some("default-src 'none'; style-src 'unsafe-inline'"),
                ]
            );
        }
    }

    #[test]
    fn a_request_id_brings_no_markup_into_the_page() {
        let id = "</code><script>alert(1)</script><img src='x' onerror=\"y\">&lt;\u{1}".as_bytes();
        let body = Reply::refusal_page(Rejection::MissingToken, id, None).body;
        let escaped = "&lt;/code&gt;&lt;script&gt;alert(1)&lt;/script&gt;\
            &lt;img src=&#39;x&#39; onerror=&quot;y&quot;&gt;&amp;lt;\u{fffd}";
        assert!(body.contains(escaped), "{body}");
        assert!(
            !body.contains("<script") && !body.contains("<img"),
            "{body}"
        );
        let cut = Reply::refusal_page(Rejection::MissingToken, b"\xc3\xa4\xc3", None).body;
        assert!(cut.contains("<bdi>\u{e4}\u{fffd}</bdi>"), "{cut}");
    }

    #[test]
    fn without_a_request_id_the_page_does_not_name_one() {
        let body = Reply::refusal_page(Rejection::Overloaded, b"", None).body;
        assert!(!body.contains("Request ID"), "{body}");
    }

    #[test]
    fn a_page_runs_and_loads_nothing() {
        for rejection in Rejection::ALL {
            let body = Reply::refusal_page(rejection, b"id", None).body;
            for part in [
                "<script", "src=", "href=", "url(", "@import", "http:", "https:",
            ] {
                assert!(!body.contains(part), "{rejection}: {part}");
            }
        }
    }
}
