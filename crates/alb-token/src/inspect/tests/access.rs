//! What `inspect` says of an identity provider's token.

use alb_fixtures::access_token::{sign, sign_hs256};
use alb_fixtures::example::user_pool;
use alb_fixtures::rsa::{Scheme, TestKey};

use super::*;

fn claims() -> Value {
    Value::Object(user_pool().access_claims("s-1", &["admins"], NOON))
}

/// A token whose claims are Cognito's, but for these; `null` takes one out.
fn with(changes: Value) -> String {
    let mut claims = claims().as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => claims.shift_remove(name),
            value => claims.insert(name.clone(), value.clone()),
        };
    }
    sign(&TestKey::Rsa2048A.signer(), &claims)
}

fn with_header(header: Value) -> String {
    let (header, claims) = (header.to_string(), claims().to_string());
    let key = TestKey::Rsa2048A.signer();
    key.sign_parts(Scheme::Pkcs1Sha256, header.as_bytes(), claims.as_bytes())
}

#[test]
fn a_good_access_token_has_no_faults() {
    for good in [
        with(json!({})),
        with(json!({"client_id": null, "azp": "c"})),
        with(json!({"client_id": null, "aud": ["c"]})),
        with(json!({"token_use": null, "typ": "Bearer"})),
        with(json!({"nbf": NOON + 30, "exp": NOON as f64 - 29.5})),
    ] {
        let inspection = inspect(&good);
        assert_eq!(inspection.kind, Kind::Access);
        assert!(inspection.is_decoded());
        assert_eq!(inspection.faults, [], "{good}");
    }
    assert_eq!(inspect(&super::good()).kind, Kind::User);
    let as_users =
        Inspection::of_users_token(with(json!({})).as_bytes(), UnixTime::from_secs(NOON));
    assert_eq!(as_users.faults[0].reason, "malformed_token");
}

#[test]
fn each_fault_has_words() {
    let kid = "k";
    let good = with(json!({}));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let cases = [
        (
            with_header(json!({"alg": "RS256"})),
            "The header lacks `kid`",
        ),
        (
            with_header(json!({"kid": 1, "alg": "RS256"})),
            "The header's `kid` is no string.",
        ),
        (
            with_header(json!({"kid": "", "alg": "RS256"})),
            "`kid` is not 1 to 256",
        ),
        (with_header(json!({"kid": kid})), "The header has no `alg`"),
        (
            with_header(json!({"kid": kid, "alg": "PS256"})),
            "`alg` is \"PS256\"; only RS256",
        ),
        (
            with_header(json!({"kid": kid, "alg": "RS256", "crit": []})),
            "The header contains `crit`",
        ),
        (
            sign_hs256(
                b"s",
                br#"{"kid":"k","alg":"HS256"}"#,
                claims().to_string().as_bytes(),
            ),
            "`alg` is \"HS256\"",
        ),
        (
            format!("{input}.{}", &signature[..340]),
            "The signature is 255 bytes long",
        ),
        (
            format!("{input}.+{signature}"),
            "The signature holds + or /",
        ),
        (with(json!({"iss": 1})), "It has no `iss`"),
        (
            with(json!({"client_id": 1})),
            "Its `client_id` is no string.",
        ),
        (
            with(json!({"azp": "other"})),
            "Its `azp` is not its `client_id`.",
        ),
        (
            with(json!({"client_id": null})),
            "It has neither `client_id`",
        ),
        (
            with(json!({"token_use": "id"})),
            "Its `token_use` is \"id\"",
        ),
        (with(json!({"typ": "ID"})), "Its `typ` is \"ID\""),
        (with(json!({"exp": null})), "It has no `exp`"),
        (with(json!({"exp": "1"})), "It has no `exp`"),
        (with(json!({"nbf": "1"})), "Its `nbf` is no number."),
        (
            with(json!({"nbf": NOON + 91})),
            "By its `nbf` it is valid only in 1 min 31 s.",
        ),
    ];
    for (token, expected) in cases {
        let faults = faults(&token);
        let first = faults.first().map_or("", String::as_str);
        let expected = format!("invalid_access_token: {expected}");
        assert!(first.starts_with(&expected), "{expected}: {faults:?}");
    }
    assert_eq!(
        faults(&with(json!({"exp": NOON - 30}))),
        ["access_token_expired: By the `exp` of the claims it expired 30 s ago."]
    );
}

#[test]
fn the_configuration_that_would_read_it_is_shown() {
    let yaml = |token: &str| inspect(token).trust.yaml().unwrap();
    let cognito = yaml(&with(json!({})));
    let head = "loadBalancers:\n- arn: \"\"  # your load balancer's: no access token names it\n  issuers: ";
    assert!(cognito.starts_with(head), "{cognito}");
    assert!(
        cognito.contains("\n  clientIds: [\"3n4b5urk1ft4fl3mg5e62d9ado\"]\n  accessToken: {}\n"),
        "{cognito}"
    );
    assert!(
        cognito.contains(
            "claim: \"cognito:groups\", source: accessToken, format: list, required: false}"
        ),
        "{cognito}"
    );

    let okta = json!({
        "iss": "https://example.okta.com/oauth2/default", "client_id": null, "cid": "c", "uid": "00u1", "sub": "ada",
    });
    let okta = yaml(&with(okta));
    let access_token = "  accessToken:\n    jwks:\n      authority: \"\"  # host and path of `jwks_uri` in \
        https://example.okta.com/oauth2/default/.well-known/openid-configuration\n      path: \"\"\n    subject: uid\n";
    assert!(okta.contains(access_token), "{okta}");

    let dex = with(
        json!({"iss": "https://dex.example.com/", "client_id": null, "aud": "c", "at_hash": "x"}),
    );
    let json = inspect(&dex).trust.json().unwrap();
    assert_eq!(json["loadBalancers"][0]["clientIds"], json!(["c"]));
    assert_eq!(
        json["loadBalancers"][0]["accessToken"],
        json!({"jwks": {"authority": "", "path": ""}})
    );
    let hints = inspect(&dex).trust.hints().concat();
    assert!(hints.contains("accessToken.audiences"), "{hints}");
    assert!(yaml(&dex).contains("https://dex.example.com/.well-known/"));

    let several = yaml(&with(json!({"client_id": null, "aud": ["a", "b"]})));
    assert!(
        several.contains("  clientIds: [\"\"]  # the client id of"),
        "{several}"
    );
}

#[test]
fn the_filter_takes_that_configuration_once_it_is_filled_in() {
    let okta = json!({"iss": "https://example.okta.com/oauth2/default", "client_id": null, "cid": "c", "uid": "u"});
    for token in [with(json!({})), with(okta)] {
        let trust = inspect(&token).trust;
        let mut json = trust.json().unwrap();
        json["loadBalancers"][0]["arn"] = ARN.into();
        if let Some(jwks) = json.pointer_mut("/loadBalancers/0/accessToken/jwks") {
            *jwks = json!({"authority": "example.okta.com", "path": "/oauth2/default/v1/keys"});
        }
        let parsed = Config::parse(json.to_string().as_bytes());
        assert!(parsed.is_ok(), "{json}: {:?}", parsed.err());
        // The YAML says the same, but for its comments.
        let yaml = trust
            .yaml()
            .unwrap()
            .replace("arn: \"\"", &format!("arn: {ARN}"));
        let yaml = yaml.replace("authority: \"\"", "authority: example.okta.com");
        let yaml = yaml.replace("path: \"\"", "path: /oauth2/default/v1/keys");
        let of_yaml = ConfigFile::parse(&yaml, "istio-system").plugins[0]
            .config()
            .unwrap();
        assert_eq!(of_yaml.key_set_sources(), parsed.unwrap().key_set_sources());
    }
}

#[test]
fn what_no_configuration_can_use_says_why() {
    let why = |token: &str| inspect(token).trust.yaml().unwrap_err();
    let graph = "00000003-0000-0000-c000-000000000000";
    let nonce = json!({"typ": "JWT", "nonce": "n", "alg": "RS256", "kid": "k"});
    for token in [with(json!({"aud": graph})), with_header(nonce)] {
        assert!(why(&token).contains("only Graph can verify"));
    }
    for id_token in [
        user_pool().id_token("s-1", &[], NOON),
        with(json!({"token_use": null, "typ": "ID"})),
    ] {
        assert!(why(&id_token).contains("an ID token"));
    }
    for (alg, expected) in [
        ("HS256", "a secret signs it"),
        ("ES256", "only RS256"),
        ("none", "only RS256"),
    ] {
        assert!(
            why(&with_header(json!({"kid": "k", "alg": alg}))).starts_with(expected),
            "{alg}"
        );
    }
    for iss in [
        json!("*"),
        json!("a\n- b"),
        json!("a\u{2028}b"),
        json!(""),
        Value::Null,
    ] {
        assert!(why(&with(json!({"iss": iss}))).contains("`iss`"));
    }
    for odd in [
        "https://cognito-idp.a/b.amazonaws.com/p",
        "https://cognito-idp.eu-west-1.amazonaws.com/a/b",
        "https://cognito-idp.eu-west-1.amazonaws.com.evil.example/p",
        "https://cognito-idp.eu-west-1.amazonaws.com/",
    ] {
        let trust = inspect(&with(json!({"iss": odd}))).trust;
        assert!(trust.yaml().unwrap().contains("jwks:"), "{odd}");
    }
}
