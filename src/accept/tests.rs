use super::*;

fn prefers(accepts: &[&str]) -> bool {
    let pairs: Vec<(&[u8], &[u8])> = accepts
        .iter()
        .map(|accept| (&b"accept"[..], accept.as_bytes()))
        .collect();
    prefers_html(&Headers::new(&pairs))
}

#[test]
fn navigations_of_browsers_prefer_html() {
    for accept in [
        // Chrome and Edge, with signed exchanges.
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        // Firefox, now and before version 132.
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/png,image/svg+xml,*/*;q=0.8",
        // Safari.
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        // Lynx and w3m.
        "text/html, text/plain, text/sgml, text/css, application/xhtml+xml, */*;q=0.01",
        "text/html, text/*;q=0.5, image/*, application/*;q=0.4",
    ] {
        assert!(prefers(&[accept]), "{accept}");
    }
}

#[test]
fn programs_get_json() {
    for accept in [
        // curl, fetch(), wget, Go, Python's requests.
        "*/*",
        // axios, jQuery, Angular.
        "application/json, text/plain, */*",
        "application/json, text/javascript, */*; q=0.01",
        // kubectl.
        "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
        // Images, style sheets and scripts of a page.
        "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
        "text/css,*/*;q=0.1",
        "text/event-stream",
        // Java's HttpURLConnection, which is no valid list.
        "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
    ] {
        assert!(!prefers(&[accept]), "{accept}");
    }
    assert!(!prefers(&[]));
}

#[test]
fn the_most_specific_range_gives_the_quality() {
    for (accept, expected) in [
        ("text/html", true),
        ("TEXT/HTML", true),
        ("text/*", true),
        ("text/html;q=0.001", true),
        ("text/html;q=0", false),
        ("text/html;q=0.000,application/json;q=0", false),
        ("text/html, application/json", false),
        ("text/html;q=1.000, application/json;q=1", false),
        ("text/html;q=0.8, application/json;q=0.9", false),
        ("text/html;q=0.801, application/json;q=0.8", true),
        ("application/json;q=0.1, text/html;q=0.2", true),
        ("text/html, */*", false),
        ("text/html;q=0.5, */*", false),
        ("text/html;q=0.5, */*;q=0.4", true),
        ("*/*, application/json;q=0.9", true),
        ("*/*, application/*;q=0.9, application/json", false),
        ("text/*;q=1, text/html;q=0.1, application/json;q=0.5", false),
        ("text/*;q=0.1, text/html;q=0.9, */*;q=0.5", true),
        ("text/html;q=0.1, text/html;q=0.9, */*;q=0.5", true),
        // Both responses are UTF-8; other parameters name other representations.
        ("text/html;charset=utf-8", true),
        (
            "text/html; charset=\"UTF-8\"; q=0.9, text/html;q=0.1, */*;q=0.5",
            true,
        ),
        ("text/html;level=1", false),
        ("text/html;charset=latin1", false),
        ("text/html;level=1, text/html;q=0.3, */*;q=0.5", false),
        ("application/json;charset=utf-8, text/html;q=0.9", false),
        // A weight counts wherever it stands among the parameters.
        ("text/html;Q=0.9;charset=utf-8, */*;q=0.8", true),
        ("text/html ; q=0.9 ,\t*/* ; q=0.8", true),
        (",, text/html;;q=0.9; , ,", true),
        ("text/x;a=\"application/json,\\\";q=0\", text/html", true),
    ] {
        assert_eq!(prefers(&[accept]), expected, "{accept}");
    }
}

#[test]
fn an_unreadable_accept_means_json() {
    for accept in [
        "",
        " ",
        "html",
        "text/",
        "/html",
        "text/html/x",
        "*/html",
        "*",
        "text html",
        "text/html;q",
        "text/html;q=",
        "text/html;q=x",
        "text/html;q=2",
        "text/html;q=1.001",
        "text/html;q=0.1234",
        "text/html;q=.5",
        "text/html;q=-1",
        "text/html;q=1e0",
        "text/html;q= 1",
        "text/html;q =1",
        "text/html;q=\"1\"",
        "text/html;q=1;q=0.5",
        "text/html;a=\"",
        "text/html;a=\"b\"c",
        "text/html;a=\"\\\"",
        "text/html;a=b c",
        "text/html;=b",
        "text/html; charset",
        "text/html, \"",
        "text/html, <script>",
        "text/html;q=0.9 application/json",
        "text/h\u{e4}tml",
        "text/html, application/json;q=zero",
    ] {
        assert!(!prefers(&[accept]), "{accept}");
    }
    let bytes: [(&[u8], &[u8]); 1] = [(b"accept", b"text/html, \xff\xfe/x")];
    assert!(!prefers_html(&Headers::new(&bytes)));
}

#[test]
fn several_headers_are_one_list() {
    assert!(prefers(&["text/html", "application/json;q=0.9"]));
    assert!(prefers(&["application/json;q=0.9", "text/html"]));
    assert!(!prefers(&["text/html", "application/json"]));
    assert!(!prefers(&["text/html", "garbage"]));
    assert!(!prefers(&["text/x;a=\"", "\",text/html"]));
}

#[test]
fn grpc_never_gets_a_page() {
    let prefers = |content_type: &[u8]| {
        let pairs: [(&[u8], &[u8]); 2] =
            [(b"content-type", content_type), (b"accept", b"text/html")];
        prefers_html(&Headers::new(&pairs))
    };
    for content_type in [
        "application/grpc",
        "application/grpc+proto",
        "Application/GRPC-Web",
    ] {
        assert!(!prefers(content_type.as_bytes()), "{content_type}");
    }
    for content_type in ["", "application/x-www-form-urlencoded", "application/json"] {
        assert!(prefers(content_type.as_bytes()), "{content_type}");
    }
}
