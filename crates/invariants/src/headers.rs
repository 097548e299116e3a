//! Any request headers: strip, then set. Afterwards no identity header exists that the filter did not set.

use alb_authn::config::{Config, Mode};
use alb_authn::header_plan::{HeaderEdit, HeaderPlan, stripped_trailers};
use alb_authn::headers::Headers;
use alb_authn::keys::PublicKey;
use alb_authn::reason::Reason;
use alb_authn::request::Effect;
use arbitrary::{Arbitrary, Unstructured};
use serde_json::json;
use std::rc::Rc;

use crate::support::{
    Toy, after_noon, config_with, decide, header, payload, public_key, toy_token,
};

/// A request as a stranger writes it.
#[derive(Arbitrary, Debug)]
struct Input {
    headers: Vec<(Name, Vec<u8>)>,
    with_good_token: bool,
    forward_token: bool,
    forward_session_cookies: bool,
}

/// A header's name: often one that matters, in any spelling.
#[derive(Arbitrary, Debug)]
enum Name {
    Any(String),
    Known { index: u8, spelling: u32 },
}

const KNOWN: [&str; 11] = [
    "kubeflow-userid",
    "kubeflow-groups",
    "x-team",
    "x-stripped-too",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-accesstoken",
    "cookie",
    "connection",
    "upgrade",
    "x-request-id",
];

impl Name {
    /// As Envoy hands it over: in lower case, never empty, of token characters.
    fn text(&self) -> Vec<u8> {
        match self {
            Self::Any(name) => {
                let legal = |b: &u8| b.is_ascii_alphanumeric() || b"-_.!#$%&'*+^`|~".contains(b);
                let name: Vec<u8> = name.bytes().filter(legal).collect();
                if name.is_empty() {
                    b"x".to_vec()
                } else {
                    name.to_ascii_lowercase()
                }
            }
            Self::Known { index, spelling } => {
                let name = KNOWN[usize::from(*index) % KNOWN.len()];
                let folded = b"-_.+!#$%&'*^`|~\xc3";
                let mut choice = *spelling;
                let mut spell = |byte: u8| {
                    if byte != b'-' {
                        return byte;
                    }
                    let index = usize::try_from(choice).unwrap_or(0) % folded.len();
                    choice = choice.rotate_right(5);
                    folded[index]
                };
                name.bytes().map(&mut spell).collect()
            }
        }
    }
}

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let config = &*config_for(&input);
    let mut sent: Pairs = input
        .headers
        .iter()
        .map(|(name, value)| (name.text(), value.clone()))
        .collect();
    let key = public_key(1);
    if input.with_good_token {
        sent.retain(|(name, _)| name != b"x-amzn-oidc-data");
        let token = toy_token(
            header().to_string().as_bytes(),
            payload().to_string().as_bytes(),
            &key,
        );
        sent.push((b"x-amzn-oidc-data".to_vec(), token.into_bytes()));
    }
    check_trailers(&sent, config);
    let (reason, plan) = judge(&sent, config, &key);
    assert_eq!(config.mode, Mode::Observe);
    assert_eq!(reason == Reason::Ok, input.with_good_token, "{reason:?}");
    let received = apply(&plan, sent.clone());
    check_identity_headers(&sent, &received, reason == Reason::Ok, &input);
    check_cookies(&received, &input);
    check_the_rest(&sent, &received);
}

/// Made once for each choice: reading one takes longer than all the rest.
fn config_for(input: &Input) -> Rc<Config> {
    thread_local! {
        static CONFIGS: [Rc<Config>; 4] = [0, 1, 2, 3].map(|choice| {
            Rc::new(config_with(json!({
                "mode": "observe",
                "forwardToken": choice & 1 == 1,
                "forwardSessionCookies": choice & 2 == 2,
                "stripHeaders": ["x-stripped_too"],
                "outputClaimToHeaders": [
                    { "header": "kubeflow-userid", "claim": "email" },
                    { "header": "x_team", "claim": "team", "required": false },
                ],
            })))
        });
    }
    let choice = usize::from(input.forward_token) + 2 * usize::from(input.forward_session_cookies);
    CONFIGS.with(|configs| Rc::clone(&configs[choice]))
}

fn borrowed(pairs: &Pairs) -> Vec<(&[u8], &[u8])> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_slice(), value.as_slice()))
        .collect()
}

fn judge(sent: &Pairs, config: &Config, key: &PublicKey) -> (Reason, HeaderPlan) {
    let decision = decide(&borrowed(sent), config, key, &Toy, after_noon(0));
    match decision.effect {
        Effect::Forward { plan, .. } => (decision.reason, plan),
        Effect::Respond(_) => panic!("nothing is refused in observe mode"),
    }
}

/// As Envoy does it.
fn apply(plan: &HeaderPlan, mut pairs: Pairs) -> Pairs {
    for edit in plan.edits() {
        match edit {
            HeaderEdit::Remove(name) => pairs.retain(|(own, _)| own != name),
            HeaderEdit::Set(name, value) => {
                pairs.retain(|(own, _)| own != name.as_bytes());
                pairs.push((name.clone().into_bytes(), value.clone()));
            }
            HeaderEdit::Append(name, value) => {
                pairs.push((name.clone().into_bytes(), value.clone()));
            }
        }
    }
    pairs
}

fn folded(name: &[u8]) -> String {
    let fold = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte.to_ascii_lowercase()),
        _ => '-',
    };
    name.iter().map(fold).collect()
}

fn is_identity(name: &[u8]) -> bool {
    let always = [
        "kubeflow-userid",
        "kubeflow-groups",
        "x-team",
        "x-stripped-too",
    ];
    always.contains(&folded(name).as_str()) || is_oidc(name)
}

fn is_oidc(name: &[u8]) -> bool {
    let names = [
        "x-amzn-oidc-data",
        "x-amzn-oidc-identity",
        "x-amzn-oidc-accesstoken",
    ];
    names.contains(&folded(name).as_str())
}

fn check_identity_headers(sent: &Pairs, received: &Pairs, is_ok: bool, input: &Input) {
    for (name, value) in received.iter().filter(|(name, _)| is_identity(name)) {
        let copies = sent.iter().filter(|(own, _)| own == name).count();
        let of_name = received.iter().filter(|(own, _)| own == name).count();
        assert!(is_ok && of_name == 1, "{name:?} came through");
        match name.as_slice() {
            b"kubeflow-userid" => assert_eq!(value, b"alice@example.com"),
            b"x-amzn-oidc-data" | b"x-amzn-oidc-accesstoken" => {
                assert!(input.forward_token && copies == 1)
            }
            b"x-amzn-oidc-identity" => {
                assert!(input.forward_token && copies == 1 && value == b"subject-1");
            }
            other => panic!("{other:?} was set by nobody"),
        }
    }
    let users = received
        .iter()
        .filter(|(name, _)| name == b"kubeflow-userid")
        .count();
    assert_eq!(users, usize::from(is_ok));
}

fn check_cookies(received: &Pairs, input: &Input) {
    if input.forward_session_cookies {
        return;
    }
    for (_, value) in received.iter().filter(|(name, _)| name == b"cookie") {
        let names = ["AWSELBAuthSessionCookie".to_owned()];
        assert!(alb_authn::cookies::without_session_cookies(value, &names).is_none());
    }
}

/// Whatever carries no identity arrives as it was sent.
fn check_the_rest(sent: &Pairs, received: &Pairs) {
    let has_upgrade = sent.iter().any(|(name, _)| name == b"upgrade");
    let rest = |pairs: &Pairs| -> Pairs {
        let kept = pairs.iter().filter(|(name, _)| {
            !is_identity(name) && name != b"cookie" && !(has_upgrade && name == b"connection")
        });
        kept.cloned().collect()
    };
    assert_eq!(rest(received), rest(sent));
    if has_upgrade {
        let connection = received.iter().filter(|(name, _)| name == b"connection");
        let values: Vec<&[u8]> = connection.map(|(_, value)| value.as_slice()).collect();
        assert_eq!(values, [b"upgrade"]);
    }
}

fn check_trailers(sent: &Pairs, config: &Config) {
    let pairs = borrowed(sent);
    let gone = stripped_trailers(&Headers::new(&pairs), config);
    for (name, _) in sent {
        assert_eq!(gone.contains(name), is_identity(name), "{name:?}");
    }
}
