//! The upstream's page: who you are, which headers arrived, which the filter removed, what to try. It loads
//! nothing from elsewhere; every value of the request is escaped, since its sender may be hostile.

mod attacks;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{Arrival, Page};

/// The page for one request.
pub(super) fn render(arrival: &Arrival, page: &Page) -> String {
    let (heading, to_try, script) = match page {
        Page::Demo => {
            let to_try = attacks::render(arrival.user().unwrap_or_default());
            (String::new(), to_try, format!("<script>{SCRIPT}</script>"))
        }
        Page::Application { title, links } => {
            let heading = format!("<p>{}</p>\n", escape(title));
            (heading, navigation(links), String::new())
        }
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         {heading}{identity}\n{to_try}\n<h2>The request that brought this page</h2>\n<p><code>{method} {target}</code>, \
         {body_bytes} bytes of body</p>\n<table>\n<tr><th>Header</th><th>Value</th></tr>\n\
         {headers}</table>\n{script}\n</body>\n</html>\n",
        title = escape(arrival.user().unwrap_or("nobody")),
        identity = identity(arrival),
        method = escape(&arrival.method),
        target = escape(&arrival.target),
        body_bytes = arrival.body_bytes,
        headers = rows(arrival),
    )
}

/// What may run on the page: the style and the script of this file, known by their hashes, and requests to the
/// page's own origin.
pub(super) fn content_security_policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

fn identity(arrival: &Arrival) -> String {
    let Some(user) = arrival.user() else {
        return "<h1>You are nobody here</h1>\n\
                <p>No single <code>kubeflow-userid</code> arrived: the gateway let this request pass \
                without an identity.</p>"
            .into();
    };
    let groups = match arrival.groups().join(", ") {
        none if none.is_empty() => "no groups".into(),
        some => format!("groups <strong>{}</strong>", escape(&some)),
    };
    let role = arrival.role().map_or_else(String::new, |role| {
        format!(", role <strong>{}</strong>", escape(role))
    });
    format!(
        "<h1>You are <strong>{}</strong></h1>\n<p>The gateway verified the load balancer's token and \
         set <code>kubeflow-userid</code>; {groups}{role}.</p>",
        escape(user)
    )
}

fn navigation(links: &[String]) -> String {
    let item = |link: &String| {
        let link = escape(link);
        format!("<li><a href=\"{link}\">{link}</a></li>\n")
    };
    format!("<ul>\n{}</ul>", links.iter().map(item).collect::<String>())
}

fn rows(arrival: &Arrival) -> String {
    arrival
        .headers
        .iter()
        .map(|(name, value)| {
            let class = if name.starts_with("kubeflow-") || name == "x-webauth-role" {
                " class=\"identity\""
            } else {
                ""
            };
            format!(
                "<tr{class}><td><code>{}</code></td><td><code>{}</code></td></tr>\n",
                escape(name),
                escape(value)
            )
        })
        .collect()
}

/// Makes text harmless in element content and in quoted attributes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
