//! Writes tokens, good and spoiled in known ways, with the filter's verdict on each, as JSON: what other
//! verifiers are then asked to judge (`make test-differential`). They read the real clock, so this does too.

use std::time::SystemTime;

use alb_authn::config::Config;
use alb_authn::reason::Reason;
use alb_authn::time::UnixTime;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use invariants::support::{
    ARN, CLIENT, ISSUER, KID, OTHER_ARN, config_with, pem, reason, signing_key,
};
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer as _;
use serde_json::{Value, json};

fn main() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.map_or(0, |now| now.as_secs())).unwrap_or(0);
    let mut cases = Cases::new(now);
    good(&mut cases);
    headers(&mut cases);
    payloads(&mut cases);
    signatures(&mut cases);
    encodings(&mut cases);
    mutations(&mut cases);
    let document = json!({
        "arn": ARN, "issuer": ISSUER, "clientId": CLIENT, "kid": KID, "pem": pem(&signing_key(1)), "cases": cases.list,
    });
    println!("{document}");
}

struct Cases {
    now: i64,
    config: Config,
    list: Vec<Value>,
}

impl Cases {
    fn new(now: i64) -> Self {
        Self {
            now,
            config: config_with(json!({ "clockSkew": "0s" })),
            list: Vec::new(),
        }
    }

    fn header(&self) -> Value {
        json!({
            "typ": "JWT", "kid": KID, "alg": "ES256", "iss": ISSUER,
            "client": CLIENT, "signer": ARN, "exp": self.now + 3600,
        })
    }

    fn payload(&self) -> Value {
        json!({
            "sub": "subject-1", "email": "alice@example.com", "email_verified": true,
            "exp": self.now + 3600, "iss": ISSUER,
        })
    }

    fn header_with(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        header.to_string()
    }

    fn payload_with(&self, name: &str, value: Value) -> String {
        let mut payload = self.payload();
        payload[name] = value;
        payload.to_string()
    }

    /// A token of this family, with the filter's verdict: the reason, and whether the token is taken for
    /// its load balancer's (what the claims then allow is another question).
    fn add(&mut self, family: &str, token: impl AsRef<[u8]>) {
        let token = token.as_ref();
        // The other verifiers take text.
        let Ok(text) = std::str::from_utf8(token) else {
            return;
        };
        let reason = reason(token, &self.config, UnixTime::from_secs(self.now));
        let accepted = match reason {
            Reason::Ok => true,
            Reason::Rejected(rejection) => rejection.status() == 403,
            Reason::NoToken | Reason::Logout => false,
        };
        self.list.push(json!({
            "family": family, "token": text, "reason": reason.name(), "accepted": accepted,
        }));
    }

    fn add_signed(&mut self, family: &str, header: &str, payload: &str) {
        self.add(family, sign(header.as_bytes(), payload.as_bytes()));
    }
}

fn signature(input: &str) -> Signature {
    signing_key(1).sign(input.as_bytes())
}

fn sign(header: &[u8], payload: &[u8]) -> String {
    let input = format!("{}.{}", URL_SAFE.encode(header), URL_SAFE.encode(payload));
    format!("{input}.{}", URL_SAFE.encode(signature(&input).to_bytes()))
}

fn good(cases: &mut Cases) {
    // Of each length, so that each padding occurs in each part.
    for length in 0..9 {
        let name = "n".repeat(length);
        let (header, payload) = (
            cases.header_with("x", json!(name)),
            cases.payload_with("name", json!(name)),
        );
        cases.add_signed("good", &header, &payload);
        cases.add_signed("good", &header, &cases.payload().to_string());
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&header),
            URL_SAFE_NO_PAD.encode(&payload)
        );
        let token = format!(
            "{input}.{}",
            URL_SAFE_NO_PAD.encode(signature(&input).to_bytes())
        );
        cases.add("good, signed without padding", token);
    }
    let header = cases.header().to_string();
    for value in [
        json!("Ünïcode ✓"),
        json!({"a": [1, {"b": null}]}),
        json!(1.5e300),
        json!(["x"]),
    ] {
        let payload = cases.payload_with("custom:x", value);
        cases.add_signed("good", &header, &payload);
    }
    let payload = json!({ "sub": "s", "email": "a@example.com" }).to_string();
    cases.add_signed("payload without exp and iss", &header, &payload);
    cases.add_signed(
        "upper-case kid",
        &cases.header_with("kid", json!(KID.to_uppercase())),
        &cases.payload().to_string(),
    );
}

fn headers(cases: &mut Cases) {
    let payload = cases.payload().to_string();
    let mixed: String = KID.replacen('c', "C", 1);
    let members = [
        ("alg none", "alg", json!("none")),
        ("alg HS256", "alg", json!("HS256")),
        ("alg RS256", "alg", json!("RS256")),
        ("alg es256", "alg", json!("es256")),
        ("alg of a wrong type", "alg", json!(["ES256"])),
        ("crit", "crit", json!(["b64"])),
        ("crit", "crit", json!([])),
        ("mixed-case kid", "kid", json!(mixed)),
        ("kid is a path", "kid", json!("../../evil")),
        ("kid is a URL", "kid", json!("https://evil.example/key")),
        ("kid of a wrong type", "kid", json!(7)),
        ("another signer", "signer", json!(OTHER_ARN)),
        ("another signer", "signer", json!(format!("{ARN}x"))),
        ("another signer", "signer", json!(ARN.to_uppercase())),
        ("signer of a wrong type", "signer", json!([ARN])),
        ("another client", "client", json!("client-2")),
        ("client of a wrong type", "client", json!([CLIENT])),
        (
            "another issuer in the header",
            "iss",
            json!("https://evil.example"),
        ),
        ("header expired", "exp", json!(cases.now - 60)),
        (
            "header exp is a string",
            "exp",
            json!((cases.now + 3600).to_string()),
        ),
        ("header exp has a fraction", "exp", json!(1e10)),
        ("header exp is null", "exp", json!(null)),
    ];
    for (family, name, value) in members {
        cases.add_signed(family, &cases.header_with(name, value), &payload);
    }
    for name in ["alg", "kid", "signer", "iss", "client", "exp"] {
        let mut header = cases.header();
        if let Some(members) = header.as_object_mut() {
            members.remove(name);
        }
        cases.add_signed(
            &format!("header without {name}"),
            &header.to_string(),
            &payload,
        );
    }
    let header = cases.header().to_string();
    let open = header.trim_end_matches('}');
    for twice in [
        r#""alg":"ES256""#,
        r#""\u0061lg":"ES256""#,
        r#""kid":"x""#,
        r#""typ":"JWT""#,
        r#""x":1,"x":2"#,
    ] {
        cases.add_signed(
            "duplicate member in the header",
            &format!("{open},{twice}}}"),
            &payload,
        );
    }
    cases.add_signed("header is no object", "[]", &payload);
    cases.add_signed(
        "junk after the header's JSON",
        &format!("{header}x"),
        &payload,
    );
    cases.add_signed("a byte order mark", &format!("\u{feff}{header}"), &payload);
    cases.add(
        "header is no UTF-8",
        sign(&[header.as_bytes(), b"\xff"].concat(), payload.as_bytes()),
    );
}

fn payloads(cases: &mut Cases) {
    let header = cases.header().to_string();
    let members = [
        ("payload expired", "exp", json!(cases.now - 60)),
        (
            "payload exp is a string",
            "exp",
            json!((cases.now + 3600).to_string()),
        ),
        ("payload exp is null", "exp", json!(null)),
        (
            "another issuer in the payload",
            "iss",
            json!("https://evil.example"),
        ),
        ("payload issuer of a wrong type", "iss", json!([ISSUER])),
        ("not yet valid", "nbf", json!(cases.now + 1800)),
        ("issued in the future", "iat", json!(cases.now + 1800)),
        ("an audience", "aud", json!("somebody-else")),
        ("subject of a wrong type", "sub", json!(7)),
    ];
    for (family, name, value) in members {
        cases.add_signed(family, &header, &cases.payload_with(name, value));
    }
    for text in ["", "null", "[]", "7", "\"x\"", "{", "{}x", "{\"a\":}"] {
        cases.add_signed("payload is no object", &header, text);
    }
    cases.add(
        "payload is no UTF-8",
        sign(header.as_bytes(), b"{\"email\":\"\xff\"}"),
    );
    let open = cases.payload().to_string();
    let open = open.trim_end_matches('}');
    cases.add_signed(
        "duplicate member in the payload",
        &header,
        &format!("{open},\"email\":\"b@example.com\"}}"),
    );
}

fn signatures(cases: &mut Cases) {
    let encode = |text: Value| URL_SAFE.encode(text.to_string());
    let input = format!("{}.{}", encode(cases.header()), encode(cases.payload()));
    let good = signature(&input);
    let raw = good.to_bytes().to_vec();
    let other: Signature = signing_key(2).sign(input.as_bytes());
    let (r, s) = good.split_scalars();
    let high_s =
        Signature::from_scalars(r.to_bytes(), (-*s).to_bytes()).map(|s| s.to_bytes().to_vec());
    let bad = [
        ("signed by another key", other.to_bytes().to_vec()),
        ("signature in DER", good.to_der().as_bytes().to_vec()),
        ("signature of 63 bytes", raw[..63].to_vec()),
        ("signature of 65 bytes", [&raw[..], &[0]].concat()),
        ("signature of 128 bytes", [&raw[..], &raw[..]].concat()),
        ("signature of zeros", vec![0; 64]),
        ("signature of ones", vec![0xff; 64]),
        ("R and S swapped", [&raw[32..], &raw[..32]].concat()),
        ("the other S", high_s.unwrap_or_default()),
    ];
    for (family, signature) in bad {
        cases.add(family, format!("{input}.{}", URL_SAFE.encode(signature)));
    }
    cases.add("no signature", format!("{input}."));
    cases.add("two parts", &input);
}

fn encodings(cases: &mut Cases) {
    // Padding in each part: the lengths are chosen so.
    let pad = |mut json: Value, remainder: usize| {
        while json.to_string().len() % 3 != remainder {
            json["x"] = json!(json["x"].as_str().unwrap_or_default().to_owned() + "x");
        }
        json.to_string()
    };
    let (header, payload) = (pad(cases.header(), 1), pad(cases.payload(), 1));
    let token = sign(header.as_bytes(), payload.as_bytes());
    let parts: Vec<&str> = token.split('.').collect();
    let (h, p, s) = (parts[0], parts[1], parts[2]);
    cases.add("padding taken off after signing", token.replace('=', ""));
    cases.add(
        "padding taken off after signing",
        format!("{}.{p}.{s}", h.trim_end_matches('=')),
    );
    cases.add(
        "padding taken off the signature",
        token.trim_end_matches('='),
    );
    let unpadded = format!("{}.{}", h.trim_end_matches('='), p.trim_end_matches('='));
    let signed = URL_SAFE.encode(signature(&unpadded).to_bytes());
    cases.add("padding put on after signing", format!("{h}.{p}.{signed}"));
    cases.add(
        "one padding character of two",
        format!("{h}.{p}.{}", &s[..s.len() - 1]),
    );
    for junk in ["=", "==", "A", "AAAA", "\n", " ", "%3D", "\0"] {
        cases.add("junk after the signature", format!("{token}{junk}"));
        cases.add("junk after the header", format!("{h}{junk}.{p}.{s}"));
        cases.add("junk after the payload", format!("{h}.{p}{junk}.{s}"));
        cases.add(
            "junk inside the signature",
            format!("{h}.{p}.{}{junk}{}", &s[..8], &s[8..]),
        );
    }
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let stem = s.trim_end_matches('=');
    for last in alphabet.chars().filter(|c| !stem.ends_with(*c)) {
        let head = &stem[..stem.len() - 1];
        // Of the last character two bits count, so 15 others decode to the same bytes.
        let token = format!("{h}.{p}.{head}{last}==");
        if URL_SAFE.decode(format!("{head}{last}==")).is_err() {
            cases.add("trailing bits of the signature", token);
        }
    }
    let standard = |json: &str| {
        let mut bytes = json.as_bytes().to_vec();
        while !STANDARD.encode(&bytes).contains(['+', '/']) {
            bytes.insert(bytes.len() - 2, b'\xc3');
            bytes.insert(bytes.len() - 2, b'\xbf');
        }
        STANDARD.encode(bytes)
    };
    let input = format!("{h}.{}", standard(&cases.payload_with("name", json!("ÿ"))));
    let signed = URL_SAFE.encode(signature(&input).to_bytes());
    cases.add("standard base64", format!("{input}.{signed}"));
    cases.add("dots", token.replace('.', ".."));
    cases.add("five parts", format!("{token}.{p}.{s}"));
    cases.add("empty", "");
}

/// Bit flips and lost bytes all over a good token, but for its end: what the bits there mean depends on
/// the signature, and [`encodings`] tries them all.
fn mutations(cases: &mut Cases) {
    let token = sign(
        cases.header().to_string().as_bytes(),
        cases.payload().to_string().as_bytes(),
    );
    for index in 0..token.len().saturating_sub(3) {
        let mut bytes = token.clone().into_bytes();
        bytes[index] ^= 1 << (index % 7);
        cases.add("a bit flipped", &bytes);
        if index % 3 == 0 && !token[index..].starts_with('=') {
            let mut bytes = token.clone().into_bytes();
            bytes.remove(index);
            cases.add("a byte lost", bytes);
            cases.add("cut off", if index == 0 { "." } else { &token[..index] });
        }
    }
}
