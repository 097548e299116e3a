//! Which of a listener's rules a request meets.

use hyper::http::request::Parts;

use crate::config::{Action, Condition, Listener};

/// The actions for a request: those of the first rule whose conditions all hold, or the default ones.
pub(crate) fn actions<'l>(listener: &'l Listener, request: &Parts, host: &str) -> &'l [Action] {
    listener
        .rules
        .iter()
        .find(|rule| rule.conditions.iter().all(|c| holds(c, request, host)))
        .map_or(&listener.default_actions, |rule| &rule.actions)
}

fn holds(condition: &Condition, request: &Parts, host: &str) -> bool {
    match condition {
        Condition::PathPattern { values } => {
            let path = request.uri.path();
            values.iter().any(|value| matches(value, path))
        }
        Condition::HostHeader { values } => {
            let host = without_port(host).to_ascii_lowercase();
            values
                .iter()
                .any(|value| matches(&value.to_ascii_lowercase(), &host))
        }
        Condition::HttpHeader { config } => request
            .headers
            .get_all(&config.http_header_name)
            .iter()
            .filter_map(|sent| sent.to_str().ok())
            .any(|sent| {
                let sent = sent.to_ascii_lowercase();
                config
                    .values
                    .iter()
                    .any(|value| matches(&value.to_ascii_lowercase(), &sent))
            }),
    }
}

/// The host of a `host` header.
pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// `*` stands for any number of characters, `?` for one (the ALB guide, "Condition types").
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api", false),
            ("*", "", true),
            ("/?", "/a", true),
            ("/?", "/", false),
            ("/a*b*c", "/a-b-b-c", true),
            ("/a*b*c", "/a-b-c-d", false),
            ("/Img", "/img", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} and {text}");
        }
    }
}
