//! The upstream's page: who you are, which headers arrived, what to try. Plain HTML, no script, nothing
//! loaded from elsewhere; every value of the request is escaped, since its sender may be hostile.

use super::Arrival;

/// The page for one request.
pub(super) fn render(arrival: &Arrival) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         {identity}\n<h2>The request that arrived</h2>\n<p><code>{method} {target}</code>, \
         {body_bytes} bytes of body</p>\n<table>\n<tr><th>Header</th><th>Value</th></tr>\n\
         {headers}</table>\n{TO_TRY}\n</body>\n</html>\n",
        title = escape(arrival.user().unwrap_or("nobody")),
        identity = identity(arrival),
        method = escape(&arrival.method),
        target = escape(&arrival.target),
        body_bytes = arrival.body_bytes,
        headers = rows(arrival),
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
    format!(
        "<h1>You are <strong>{}</strong></h1>\n<p>The gateway verified the load balancer's token and \
         set <code>kubeflow-userid</code>; {groups}.</p>",
        escape(user)
    )
}

fn rows(arrival: &Arrival) -> String {
    arrival
        .headers
        .iter()
        .map(|(name, value)| {
            let class = if name.starts_with("kubeflow-") {
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

const TO_TRY: &str = "<h2>Behind the stand-in load balancer, try</h2>
<ul>
<li><a href=\"/?as=bob@example.com\">be bob@example.com</a>, <a href=\"/?as=alice@example.com\">be alice@example.com</a></li>
<li><a href=\"/?as=anonymous\">nobody logged in</a>: refused, <code>missing_token</code></li>
<li><a href=\"/?attack=forged\">a forged signature</a>: refused, <code>invalid_signature</code></li>
<li><a href=\"/?attack=other-alb\">another load balancer&#39;s token</a>: refused, <code>untrusted_signer</code></li>
<li><a href=\"/?attack=expired\">an expired token</a>: refused, <code>token_expired</code></li>
</ul>";

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}\
h1{font-weight:normal}h2{margin-top:2rem;font-size:1.1rem}\
table{border-collapse:collapse;width:100%}\
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d0d7de}\
code{font-family:ui-monospace,monospace;font-size:.9em;overflow-wrap:anywhere}\
td:first-child{white-space:nowrap}\
.identity{background:#dafbe1}";
