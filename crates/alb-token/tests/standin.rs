//! The stand-in load balancer, with the upstream in the gateway's place: what it shows is what a
//! gateway would have got.

#![allow(clippy::unwrap_used, reason = "a test stops where its premise fails")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use alb_fixtures::rsa::rs256_verifies_with_jwk;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::{Answer, Server, Token, exchange};

fn token(answer: &Answer) -> Token {
    let data = answer.seen("x-amzn-oidc-data");
    Token::decode(data.as_str().expect("one token"))
}

fn public_key(standin: &Server, kid: &str) -> Answer {
    exchange(&standin.addresses[1], "GET", &format!("/{kid}"), &[], b"")
}

/// The public key of the stand-in's tokens.
fn served_key(standin: &Server) -> String {
    let kid = token(&standin.get("/", &[])).header["kid"].clone();
    let answer = public_key(standin, kid.as_str().unwrap());
    assert_eq!(answer.status, 200);
    answer.body
}

#[test]
fn each_request_carries_a_fresh_token_that_the_served_key_verifies() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    let (first, second) = (standin.get("/", &[]), standin.get("/", &[]));

    assert!(token(&first).verifies_with(&served_key(&standin)));
    assert_ne!(
        first.seen("x-amzn-oidc-data"),
        second.seen("x-amzn-oidc-data")
    );
    let payload = token(&first).payload;
    assert_eq!(payload["email"], "alice@example.com");
    assert_eq!(payload["email_verified"], "true");
    assert_eq!(payload["custom:groups"], "[data-science, ml-team]");
    assert_eq!(first.seen("x-amzn-oidc-identity"), payload["sub"]);
}

fn access_token(answer: &Answer) -> String {
    let token = answer.seen("x-amzn-oidc-accesstoken");
    token.as_str().expect("one access token").to_owned()
}

/// Header and claims of an access token, if a key of the stand-in's key set signed it.
fn verified(standin: &Server, token: &str) -> Option<(Value, Value)> {
    let path = "/us-west-2_EXAMPLE/.well-known/jwks.json";
    let answer = exchange(&standin.addresses[1], "GET", path, &[], b"");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
    let parts: Vec<&str> = token.split('.').collect();
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    let (header, claims) = (json(parts[0]), json(parts[1]));
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    let jwk = keys.iter().find(|key| key["kid"] == header["kid"])?;
    let signed = format!("{}.{}", parts[0], parts[1]);
    rs256_verifies_with_jwk(jwk, signed.as_bytes(), &decode(parts[2])).then_some((header, claims))
}

#[test]
fn the_access_token_stays_while_the_token_changes_and_names_the_users_groups() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    // The access token may be renewed between two requests, but not between the next two again.
    let mut pairs = (0..2).map(|_| [(); 2].map(|()| standin.get("/", &[])));
    let [first, second] = pairs
        .find(|[first, second]| access_token(first) == access_token(second))
        .expect("the same access token for two requests");
    assert_ne!(
        first.seen("x-amzn-oidc-data"),
        second.seen("x-amzn-oidc-data")
    );
    let (header, claims) = verified(&standin, &access_token(&first)).expect("a good signature");
    assert_eq!(header["alg"], "RS256");
    let (user, now) = (token(&first), alb_fixtures::mint::unix_now());
    assert_eq!(claims["sub"], user.payload["sub"]);
    assert_eq!(claims["iss"], user.header["iss"]);
    assert_eq!(claims["client_id"], user.header["client"]);
    assert_eq!(claims["token_use"], "access");
    assert_eq!(claims["cognito:groups"], json!(["data-science", "ml-team"]));
    assert!(claims["exp"].as_i64() > Some(now + 3000));

    let bob = standin.get("/?as=bob@example.com", &[]);
    let (_, claims) = verified(&standin, &access_token(&bob)).expect("a good signature");
    assert_eq!(claims["cognito:groups"], json!(["ml-team"]));

    let groups = ["--groups", r#"{"carol@example.com":["a,b"]}"#];
    let standin = Server::standin(&upstream.addresses[0], &groups);
    for (target, expected) in [
        ("/?as=carol@example.com", json!(["a,b"])),
        ("/", Value::Null),
    ] {
        let token = access_token(&standin.get(target, &[]));
        let (_, claims) = verified(&standin, &token).expect("a good signature");
        assert_eq!(claims["cognito:groups"], expected, "{target}");
    }
}

#[test]
fn attacks_on_the_access_token_are_wrong_in_one_respect_each_and_claim_a_group() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    let key = served_key(&standin);
    let answer = |attack: &str| {
        let answer = standin.get(&format!("/?attack=access-{attack}"), &[]);
        assert!(
            token(&answer).verifies_with(&key),
            "the user's token is good"
        );
        let (sub, client) = (
            token(&answer).payload["sub"].clone(),
            token(&answer).header["client"].clone(),
        );
        (access_token(&answer), sub, client)
    };
    let claims_of = |attack: &str| {
        let (token, sub, client) = answer(attack);
        let (_, claims) = verified(&standin, &token).expect("a good signature");
        assert_eq!(claims["cognito:groups"], json!(["admins"]));
        (claims, sub, client)
    };
    let now = alb_fixtures::mint::unix_now();

    let (claims, sub, client) = claims_of("other-user");
    assert_ne!(claims["sub"], sub);
    assert_eq!(
        (&claims["client_id"], &claims["token_use"]),
        (&client, &json!("access"))
    );
    let (claims, sub, client) = claims_of("other-client");
    assert_ne!(claims["client_id"], client);
    assert_eq!(claims["sub"], sub);
    let (claims, sub, client) = claims_of("expired");
    assert!(claims["exp"].as_i64() < Some(now - 600));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&sub, &client));
    let (claims, sub, client) = claims_of("id-token");
    assert_eq!(
        (&claims["token_use"], &claims["sub"], &claims["aud"]),
        (&json!("id"), &sub, &client)
    );
    assert_eq!(verified(&standin, &answer("forged").0), None);
}

#[test]
fn an_unknown_key_id_is_refused() {
    let standin = Server::standin("127.0.0.1:1", &[]);

    for kid in ["", "00000000-0000-4000-8000-000000000000", "../etc/passwd"] {
        assert_eq!(public_key(&standin, kid).status, 403, "{kid}");
    }
}

#[test]
fn what_the_client_sent_in_the_load_balancers_headers_is_gone() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    let spoofed = [
        "x-amzn-oidc-data: spoofed",
        "X-Amzn-Oidc-Data: spoofed",
        "x-amzn-oidc-identity: spoofed",
        "x-amzn-oidc-accesstoken: spoofed",
        "x-forwarded-proto: spoofed",
        "x-forwarded-for: 192.0.2.1",
        "connection: x-nominated",
        "x-nominated: for this connection only",
        "cookie: a=1",
        "cookie: b=2",
    ];

    let answer = standin.get("/", &spoofed);
    assert_eq!(token(&answer).payload["email"], "alice@example.com");
    assert!(!answer.body.contains("spoofed"), "{}", answer.body);
    assert_eq!(answer.seen("x-forwarded-for"), "192.0.2.1, 127.0.0.1");
    assert!(answer.seen("x-nominated").is_null());
    let cookie = answer.seen("cookie");
    let cookie = cookie.as_str().unwrap();
    assert!(cookie.starts_with("a=1; b=2; AWSELBAuthSessionCookie-0="));

    let anonymous = standin.get("/?as=anonymous", &spoofed);
    assert_eq!(anonymous.status, 200);
    assert!(!anonymous.body.contains("oidc"), "{}", anonymous.body);
}

#[test]
fn the_user_is_chosen_by_header_then_query_then_cookie_then_flag() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &["--user", "flag@example.com"]);
    let header = "x-standin-user: header@example.com";
    let cookie = "cookie: other=1; standin-user=cookie@example.com";

    for (target, headers, user) in [
        ("/?as=query%40example.com", &[header, cookie][..], "header"),
        ("/?as=query%40example.com", &[cookie], "query"),
        ("/", &[cookie], "cookie"),
        ("/", &["cookie: standin-user=<script>"], "flag"),
        ("/", &[], "flag"),
    ] {
        let answer = standin.get(target, headers);
        let email = format!("{user}@example.com");
        assert_eq!(
            token(&answer).payload["email"],
            email,
            "{target} {headers:?}"
        );
        assert!(answer.seen("x-standin-user").is_null());
        assert_eq!(answer.json()["target"], "/");
    }
}

#[test]
fn a_user_of_the_query_is_kept_in_a_cookie_and_the_other_parameters_stay() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);

    let answer = standin.get("/page?a=%20&as=bob@example.com&b&asx=1", &[]);
    assert_eq!(answer.json()["target"], "/page?a=%20&b&asx=1");
    assert_eq!(
        answer.header("set-cookie"),
        Some("standin-user=bob@example.com; Path=/; HttpOnly; SameSite=Lax")
    );
    let anonymous = standin.get("/?as=anonymous", &[]);
    assert_eq!(anonymous.header("set-cookie"), None);
}

#[test]
fn attacks_are_wrong_in_one_respect_each() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    let key = served_key(&standin);
    let good = token(&standin.get("/", &[]));

    let forged = token(&standin.get("/", &["x-standin-attack: forged"]));
    assert!(!forged.verifies_with(&key));
    assert_eq!(forged.header["kid"], good.header["kid"]);
    assert_eq!(forged.header["signer"], good.header["signer"]);

    let other_alb = token(&standin.get("/?attack=other-alb", &[]));
    assert!(other_alb.verifies_with(&key));
    assert_ne!(other_alb.header["signer"], good.header["signer"]);
    assert_eq!(other_alb.header["client"], good.header["client"]);

    let expired = token(&standin.get("/", &["x-standin-attack: expired"]));
    assert!(expired.verifies_with(&key));
    assert!(expired.header["exp"].as_i64() < Some(alb_fixtures::mint::unix_now() - 600));

    let sent = ["x-amzn-oidc-data: sent", "x-standin-attack: bypass"];
    assert_eq!(standin.get("/", &sent).seen("x-amzn-oidc-data"), "sent");

    assert_eq!(standin.get("/?attack=unheard-of", &[]).status, 400);
    assert_eq!(standin.get("/?as=%3Cscript%3E", &[]).status, 400);
}

#[test]
fn bodies_pass_and_an_absent_gateway_is_a_502() {
    let upstream = Server::upstream();
    let standin = Server::standin(&upstream.addresses[0], &[]);
    let body = vec![b'x'; 3_000_000];

    let answer = exchange(&standin.addresses[0], "POST", "/upload", &[], &body);
    assert_eq!(answer.json()["bodyBytes"], 3_000_000);
    assert_eq!(answer.json()["method"], "POST");

    drop(upstream);
    assert_eq!(standin.get("/", &[]).status, 502);
}

#[test]
fn an_upgrade_becomes_a_tunnel() {
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gateway.local_addr().unwrap().to_string();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = gateway.accept().unwrap();
        let head = read_head(&mut stream);
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
            )
            .unwrap();
        let mut message = [0; 4];
        stream.read_exact(&mut message).unwrap();
        stream.write_all(&message).unwrap();
        head
    });
    let standin = Server::standin(&address, &[]);

    let mut stream = TcpStream::connect(&standin.addresses[0]).unwrap();
    stream
        .write_all(b"GET /socket HTTP/1.1\r\nhost: test\r\nconnection: x-a, Upgrade\r\nx-a: b\r\nupgrade: echo\r\n\r\n")
        .unwrap();
    let response = read_head(&mut stream);
    assert!(response.starts_with("http/1.1 101"), "{response}");
    assert!(response.contains("upgrade: echo"), "{response}");
    stream.write_all(b"ping").unwrap();
    let mut message = [0; 4];
    stream.read_exact(&mut message).unwrap();
    assert_eq!(&message, b"ping");

    let forwarded = echo.join().unwrap();
    assert!(forwarded.contains("connection: upgrade\r\n"), "{forwarded}");
    assert!(forwarded.contains("x-amzn-oidc-data: "), "{forwarded}");
    assert!(!forwarded.contains("x-a: b"), "{forwarded}");
}

/// Reads up to the empty line, in lower case.
fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}
