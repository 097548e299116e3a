//! Whose access token it is: it holds only for the issuer, the user and the client of the load balancer's token.

use alb_fixtures::access_token::UserPool;
use alb_fixtures::mint::LoadBalancer;
use alb_fixtures::rsa::TestKey;
use serde_json::{Value, json};
use wasm_tests::{
    AccessTokenBuilder, Answer, CLIENT, GROUPS, ISSUER, Running, SUB, Scenario, TokenBuilder,
    assert_refused, entry_for, groups_required, load_balancer,
};

const BAD: &str = "invalid_access_token";

fn with_access_token(members: Value) -> Scenario {
    let mut access_token = json!({"jwks": {"cluster": "cognito"}});
    for (name, value) in members.as_object().into_iter().flatten() {
        access_token[name] = value.clone();
    }
    Scenario::new()
        .load_balancer(json!({"accessToken": access_token}))
        .groups()
}

/// Without any claim that names a client.
fn for_nobody(s: &Running) -> AccessTokenBuilder {
    s.access_token_builder().without_claim("client_id")
}

#[test]
fn it_is_the_users_own() {
    let s = with_access_token(json!({})).start();
    let b = || s.access_token_builder();
    let upper = SUB.to_uppercase();
    let cases = [
        ("the user's", b().sign(), ""),
        ("another user's", b().claim("sub", "x").sign(), BAD),
        ("in upper case", b().claim("sub", upper).sign(), BAD),
        ("a beginning", b().claim("sub", &SUB[..8]).sign(), BAD),
        ("no sub", b().without_claim("sub").sign(), BAD),
        ("null", b().claim("sub", Value::Null).sign(), BAD),
        ("a list", b().claim("sub", json!([SUB])).sign(), BAD),
        (
            "uid only",
            b().claim("sub", "x").claim("uid", SUB).sign(),
            BAD,
        ),
    ];
    s.assert_access_tokens(&s.token(), &cases);
    // Of duplicates in a payload the last counts.
    let (header, payload) = (b().header_text(), b().payload_text());
    let with = |member: &str| {
        let text = format!("{},{member}}}", payload.trim_end_matches('}'));
        b().sign_bytes(header.as_bytes(), text.as_bytes())
    };
    let cases = [
        ("another user last", with(r#""sub":"x""#), BAD),
        ("the user last", with(&format!(r#""sub":"{SUB}""#)), ""),
    ];
    s.assert_access_tokens(&s.token(), &cases);
    // Both must be strings.
    let access_token = b().claim("sub", 5).sign();
    let number = s.token_with("sub", 5);
    s.assert_access_tokens(&number, &[("numbers", access_token, BAD)]);
    let nobody = s.token_builder().without_claim("sub").sign();
    s.assert_access_tokens(&nobody, &[("a user without sub", b().sign(), BAD)]);
    s.assert_access_tokens(
        &nobody,
        &[("nor this", b().without_claim("sub").sign(), BAD)],
    );
}

#[test]
fn its_issuer_is_the_users() {
    let s = with_access_token(json!({})).start();
    let b = || s.access_token_builder();
    let iss = |iss: &str| b().claim("iss", iss).sign();
    let other = ISSUER.replace("EXAMPLE", "OTHER");
    // Some libraries write `/` so.
    let escaped = b().payload_text().replace('/', "\\/");
    let escaped = b().sign_bytes(b().header_text().as_bytes(), escaped.as_bytes());
    s.assert_access_tokens(
        &s.token(),
        &[
            ("with \\/", escaped, ""),
            ("another pool's", iss(&other), BAD),
            ("with / at the end", iss(&format!("{ISSUER}/")), BAD),
            ("in upper case", iss(&ISSUER.to_uppercase()), BAD),
            ("none", b().without_claim("iss").sign(), BAD),
            ("null", b().claim("iss", Value::Null).sign(), BAD),
            ("a list", b().claim("iss", json!([ISSUER])).sign(), BAD),
        ],
    );
}

#[test]
fn each_claim_that_names_a_client_names_the_users() {
    let s = with_access_token(json!({})).start();
    let b = || s.access_token_builder();
    let none = || for_nobody(&s);
    let mut cases = vec![
        ("client_id", b().sign(), ""),
        ("azp", none().claim("azp", CLIENT).sign(), ""),
        ("cid", none().claim("cid", CLIENT).sign(), ""),
        (
            "all",
            b().claim("azp", CLIENT).claim("cid", CLIENT).sign(),
            "",
        ),
        ("aud, as Dex", none().claim("aud", CLIENT).sign(), ""),
        (
            "aud in a list",
            none().claim("aud", json!(["api", CLIENT])).sign(),
            "",
        ),
        (
            "aud beside numbers",
            none().claim("aud", json!([5, CLIENT])).sign(),
            "",
        ),
        ("none at all", none().sign(), BAD),
        ("another aud", none().claim("aud", "api").sign(), BAD),
        ("no aud", none().claim("aud", json!([])).sign(), BAD),
        (
            "aud of another type",
            none().claim("aud", json!({CLIENT: CLIENT})).sign(),
            BAD,
        ),
        ("null in aud", none().claim("aud", Value::Null).sign(), BAD),
        (
            "another aud beside client_id",
            b().claim("aud", "api").sign(),
            "",
        ),
        (
            "Okta's scp",
            none().claim("scp", json!([CLIENT])).sign(),
            BAD,
        ),
    ];
    for claim in ["client_id", "azp", "cid"] {
        for value in [
            json!("another client"),
            json!(CLIENT.to_uppercase()),
            json!(""),
            json!(null),
            json!(5),
            json!(true),
            json!([CLIENT]),
            json!({"id": CLIENT}),
        ] {
            let alone = none().claim(claim, value.clone()).sign();
            let beside = none().claim("aud", CLIENT).claim(claim, value.clone());
            cases.push((claim, alone, BAD));
            cases.push((claim, beside.sign(), BAD));
            if claim != "client_id" {
                cases.push((claim, b().claim(claim, value).sign(), BAD));
            }
        }
    }
    s.assert_access_tokens(&s.token(), &cases);
}

#[test]
fn the_client_is_that_of_the_users_token_if_several_are_allowed() {
    let clients = json!([CLIENT, "second client"]);
    let access_token = json!({"jwks": {"cluster": "cognito"}});
    let s = Scenario::new()
        .load_balancer(json!({"clientIds": clients, "accessToken": access_token}))
        .groups()
        .start();
    let first = s.access_token();
    let second = s.access_token_builder().claim("client_id", "second client");
    let second = second.sign();
    let of_second = s.token_builder().header("client", "second client").sign();
    for _ in 0..2 {
        let cases = [("own", first.clone(), ""), ("other", second.clone(), BAD)];
        s.assert_access_tokens(&s.token(), &cases);
        let cases = [("other", first.clone(), BAD), ("own", second.clone(), "")];
        s.assert_access_tokens(&of_second, &cases);
    }
}

#[test]
fn any_client_still_means_the_users_own() {
    let access_token = json!({"jwks": {"cluster": "cognito"}});
    let s = Scenario::new()
        .load_balancer(json!({"clientIds": ["*"], "accessToken": access_token}))
        .groups()
        .start();
    let b = || s.access_token_builder();
    let of_x = s.token_builder().header("client", "x").sign();
    let x = b().claim("client_id", "x").sign();
    let aud = for_nobody(&s).claim("aud", "x").sign();
    let cases = [
        ("own", x.clone(), ""),
        ("in aud", aud.clone(), ""),
        ("other", b().sign(), BAD),
    ];
    s.assert_access_tokens(&of_x, &cases);
    let cases = [
        ("other", x, BAD),
        ("in aud", aud, BAD),
        ("own", b().sign(), ""),
    ];
    s.assert_access_tokens(&s.token(), &cases);
}

#[test]
fn configured_audiences_are_matched() {
    let s = with_access_token(json!({"audiences": ["https://api.example.com", "b"]})).start();
    let b = || s.access_token_builder();
    let none = || for_nobody(&s);
    let api = "https://api.example.com";
    s.assert_access_tokens(
        &s.token(),
        &[
            ("no aud", b().sign(), BAD),
            ("the client in aud", b().claim("aud", CLIENT).sign(), BAD),
            ("an audience", b().claim("aud", api).sign(), ""),
            ("in a list", b().claim("aud", json!(["x", "b"])).sign(), ""),
            ("a beginning", b().claim("aud", "https://api").sign(), BAD),
            ("in upper case", b().claim("aud", "B").sign(), BAD),
            ("an audience alone", none().claim("aud", "b").sign(), ""),
            (
                "and azp",
                none().claim("aud", "b").claim("azp", CLIENT).sign(),
                "",
            ),
            (
                "and another azp",
                none().claim("aud", "b").claim("azp", "x").sign(),
                BAD,
            ),
            (
                "and another client_id",
                b().claim("aud", "b").claim("client_id", "x").sign(),
                BAD,
            ),
        ],
    );
}

/// Okta's authorization servers write the user's login into `sub`, and the `sub` of the ID token into `uid`.
#[test]
fn the_configured_claim_is_the_subject() {
    let s = with_access_token(json!({"subject": "uid"})).start();
    let okta = || {
        let token = for_nobody(&s).claim("cid", CLIENT).claim("ver", 1);
        token
            .without_claim("token_use")
            .claim("sub", "ada@example.com")
            .claim("uid", SUB)
    };
    s.assert_access_tokens(
        &s.token(),
        &[
            ("Okta's", okta().sign(), ""),
            ("another user's", okta().claim("uid", "x").sign(), BAD),
            (
                "only sub",
                okta().claim("sub", SUB).claim("uid", "x").sign(),
                BAD,
            ),
            (
                "no uid",
                okta().claim("sub", SUB).without_claim("uid").sign(),
                BAD,
            ),
            ("a number", okta().claim("uid", 5).sign(), BAD),
        ],
    );
}

struct Pool {
    load_balancer: LoadBalancer,
    pool: UserPool,
}

impl Pool {
    fn user(&self, s: &Running) -> String {
        TokenBuilder::new(&self.load_balancer, &s.key).sign()
    }

    fn access_token(&self) -> AccessTokenBuilder {
        AccessTokenBuilder::new(&self.pool)
    }
}

/// Two load balancers, whose issuers publish different keys under one key id.
#[test]
fn each_issuers_keys_verify_its_own_tokens_only() {
    let mut second = load_balancer();
    second.arn = second.arn.replace("kubeflow", "second");
    second.issuer = ISSUER.replace("EXAMPLE", "OTHER");
    let kid = TestKey::Rsa2048A.signer().kid().to_owned();
    let mut pool = UserPool::new(&second.issuer, CLIENT);
    pool.access_key = TestKey::Rsa2048C.signer().named(&kid);
    let path = &pool.key_set_path()[1..];
    let mut entries = [entry_for(&load_balancer()), entry_for(&second)];
    for entry in &mut entries {
        entry["accessToken"] = json!({"jwks": {"cluster": "cognito"}});
    }
    let s = Scenario::new()
        .config(json!({"loadBalancers": entries}))
        .config(groups_required(true))
        .key_set_at(path, Answer::Body(pool.key_set().into_bytes()))
        .start();
    let first = Pool {
        load_balancer: load_balancer(),
        pool: s.pool.clone(),
    };
    let second = Pool {
        load_balancer: second,
        pool,
    };
    for (own, other) in [(&first, &second), (&second, &first)] {
        let judge = |name: &str, access_token: String, reason: &str| {
            // What the other's key has verified before is no proof.
            for _ in 0..2 {
                let request = s.get("/").token(&own.user(&s));
                let response = request.access_token(&access_token).send();
                if reason.is_empty() {
                    let echo = response.echo();
                    assert_eq!(echo.values("kubeflow-groups"), [GROUPS.join(",")], "{name}");
                } else {
                    assert_refused(&response, reason, name);
                }
            }
        };
        let (own_token, others_token) = (own.access_token(), other.access_token());
        let forged = own_token.clone().signed_by(&other.pool.access_key);
        judge("own", own_token.sign(), "");
        judge("the other issuer's", others_token.sign(), BAD);
        judge("signed by the other issuer", forged.sign(), BAD);
        let own_key = others_token.signed_by(&own.pool.access_key);
        judge("the other's, by the own key", own_key.sign(), BAD);
    }
}

/// Two entries share a key set; a token that one of them accepted is judged by the other one's rules.
#[test]
fn entries_that_share_a_key_set_keep_their_own_rules() {
    let mut second = load_balancer();
    second.arn = second.arn.replace("kubeflow", "second");
    let jwks = json!({"cluster": "cognito"});
    let mut entries = [entry_for(&load_balancer()), entry_for(&second)];
    entries[0]["accessToken"] = json!({"jwks": jwks});
    entries[1]["accessToken"] = json!({"jwks": jwks, "audiences": ["api"]});
    let s = Scenario::new()
        .config(json!({"loadBalancers": entries}))
        .config(groups_required(true))
        .start();
    let plain = s.access_token();
    let for_api = s.access_token_builder().claim("aud", "api").sign();
    let of_second = TokenBuilder::new(&second, &s.key).sign();
    for _ in 0..3 {
        for access_token in [&plain, &for_api] {
            let request = s.get("/").token(&s.token());
            let echo = request.access_token(access_token).send().echo();
            assert!(echo.has("kubeflow-groups"));
        }
        let request = s.get("/").token(&of_second);
        assert_refused(&request.access_token(&plain).send(), BAD, "no audience");
        let request = s.get("/").token(&of_second);
        request.access_token(&for_api).send().echo();
    }
}
