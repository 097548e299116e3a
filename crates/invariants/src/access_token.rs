//! Any change of a good access token, and any bytes as its parts, beside any user's token.
//!
//! Whether it holds for the user is said by a second set of rules, in [`rules`].

mod attack;
mod rules;

use std::rc::Rc;

use alb_authn::access_token::{AccessClaims, UnverifiedAccessToken};
use alb_authn::claims::{UserClaims, read_user_claims};
use alb_authn::config::Config;
use alb_authn::keys::KeySet;
use alb_authn::reason::Rejection;
use alb_authn::time::UnixTime;
use alb_authn::token::{CheckedHeader, UnverifiedToken, check_locally};
use alb_authn::token_kind::ALB;
use alb_authn::verify::verify;
use arbitrary::{Arbitrary, Unstructured};
use serde_json::{Value, json};

use crate::support::{
    ARN, CLIENT, ISSUER, KID, NOON, Toy, config_with, jwk, public_key, rsa_key, toy_access_token,
    toy_token,
};
use attack::Attack;
use rules::{Rules, Verdict};

/// # Panics
/// If a rule is broken.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(attack) = Attack::arbitrary(&mut input) else {
        return;
    };
    let rest = input.take_rest();
    attack.judge(attack.token().as_bytes());
    let good = json!({ "alg": "RS256", "kid": KIDS[0] }).to_string();
    attack.judge(toy_access_token(good.as_bytes(), rest, &rsa_key(KIDS[0], 1)).as_bytes());
    let payload = attack.payload();
    attack.judge(toy_access_token(rest, payload.as_bytes(), &rsa_key(KIDS[0], 1)).as_bytes());
    attack.judge(rest);
}

/// The key ids of the set; key `n` stands under the `n`th.
const KIDS: [&str; 3] = ["k1", "a+/b=", "k3"];

impl Attack {
    /// Holds the filter's verdict against the rules'.
    fn judge(&self, raw: &[u8]) {
        let setting = usize::from(self.config) % SETTINGS.len();
        CONFIGS.with(|configs| {
            let config = &configs[setting];
            let (header, user) = self.user(config);
            let ours = judge(config, raw, &header, &user, self.now());
            let (subject, audiences, _) = SETTINGS[setting];
            let rules = Rules {
                issuer: ISSUER,
                client: self.user.client(),
                sub: self.user.sub_text(),
                subject,
                audiences,
                now: self.now(),
            };
            let theirs = rules.judge(raw);
            let is_right = match theirs {
                Verdict::Holds => ours.is_ok(),
                Verdict::HasExpired => ours == Err(Rejection::AccessTokenExpired),
                Verdict::Invalid => ours.is_err(),
                Verdict::InvalidInTime => {
                    ours.is_err() && ours != Err(Rejection::AccessTokenExpired)
                }
                Verdict::Unknown => true,
            };
            let text = String::from_utf8_lossy(raw);
            assert!(is_right, "{ours:?} {theirs:?} {self:?} {rules:?}: {text}");
        });
    }

    fn user(&self, config: &Config) -> (CheckedHeader, UserClaims) {
        let header = json!({
            "kid": KID, "alg": "ES256", "iss": ISSUER, "client": self.user.client(), "signer": ARN,
            "exp": NOON + 120,
        });
        let mut payload = json!({ "email": "alice@example.com", "sub": self.user.sub() });
        if self.user.sub().is_null() {
            payload = json!({});
        }
        let token = toy_token(
            header.to_string().as_bytes(),
            payload.to_string().as_bytes(),
            &public_key(1),
        );
        let token = UnverifiedToken::parse(token.as_bytes()).expect("a token");
        let token = check_locally(token, &ALB, config, self.now()).expect("a good header");
        let token = verify(token, &public_key(1), &Toy).expect("a good signature");
        let claims = read_user_claims(&token, config.clock(self.now())).expect("good claims");
        (token.header().clone(), claims)
    }
}

/// `subject`, `audiences`, `clientIds`.
type Setting = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const SETTINGS: [Setting; 4] = [
    ("sub", &[], &[CLIENT, "client-2"]),
    ("uid", &["api"], &["*"]),
    ("act.sub", &[], &["*"]),
    ("sub", &["at+jwt"], &[CLIENT, "client-2", "api"]),
];

thread_local! {
    static CONFIGS: [Config; 4] = SETTINGS.map(|(subject, audiences, clients)| config_with(json!({
        "loadBalancers": [{
            "arn": ARN, "issuers": [ISSUER], "clientIds": clients,
            "accessToken": {
                "jwks": { "authority": "idp.example.com", "path": "/keys" },
                "subject": subject, "audiences": audiences,
            },
        }],
        "outputClaimToHeaders": [
            { "header": "kubeflow-userid", "claim": "email" },
            { "header": "kubeflow-groups", "claim": "cognito:groups", "source": "accessToken",
              "format": "list", "required": false },
        ],
    })));
    static KEYS: KeySet = {
        let keys: Vec<Value> = (1..).zip(KIDS).map(|(number, kid)| jwk(kid, number)).collect();
        KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).expect("a key set")
    };
}

/// As the filter judges it.
fn judge(
    config: &Config,
    raw: &[u8],
    header: &CheckedHeader,
    user: &UserClaims,
    now: UnixTime,
) -> Result<(), Rejection> {
    let token = UnverifiedAccessToken::parse(raw)?;
    let key = KEYS.with(|keys| keys.find(token.kid()).map(Rc::clone));
    let token = token.verify(&*key.ok_or(Rejection::InvalidAccessToken)?, &Toy)?;
    let policy = header.signer.access_token.as_ref().expect("a policy");
    let clock = config.clock(now);
    AccessClaims::read(&token, &header.signer, policy, clock)?.check(header, user, clock)
}
