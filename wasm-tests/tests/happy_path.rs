//! A good token becomes an identity.

use alb_fixtures::mint::{KeyPair, LoadBalancer};
use serde_json::json;
use wasm_tests::{
    ISSUER, KID, KeyEndpoint, KeyRequest, Scenario, TokenBuilder, USER, entry, entry_for,
    load_balancer,
};

/// A load balancer of another partition or region, with the default one's IdP.
fn load_balancer_with_arn(arn: &str) -> LoadBalancer {
    LoadBalancer {
        arn: arn.to_owned(),
        ..load_balancer()
    }
}

#[test]
fn a_good_token_becomes_the_identity_header() {
    let s = Scenario::new().start();
    let echo = s.get("/hello?a=b").token(&s.token()).send().echo();
    assert_eq!(
        (echo.method.as_str(), echo.path.as_str()),
        ("GET", "/hello?a=b")
    );
    assert_eq!(echo.values("kubeflow-userid"), [USER]);
    assert!(!echo.has("x-amzn-oidc-data"));
    assert_eq!(s.metric("requests.ok"), 1);
    let line = s.access_line("/hello?a=b");
    assert_eq!(line.reason.as_deref(), Some("ok"));
    assert_eq!(line.user.as_deref(), Some(USER));
}

#[test]
fn the_key_is_fetched_once_and_as_the_alb_guide_says() {
    let s = Scenario::new().start();
    for token in [s.token(), s.token(), s.token_builder().unpadded().sign()] {
        s.get("/").token(&token).send().echo();
    }
    let expected = KeyRequest {
        line: format!("GET /{KID} HTTP/1.1"),
        authority: "public-keys.auth.elb.us-west-2.amazonaws.com".to_owned(),
    };
    assert_eq!(s.endpoint.requests(), [expected]);
    assert_eq!(s.metric("key_fetch.ok"), 1);
    assert_eq!(s.metric("keys"), 1);
}

#[test]
fn a_key_id_in_upper_case_is_sent_as_received() {
    let s = Scenario::new().start();
    let key = KeyPair::generate(KID.to_uppercase());
    s.endpoint.serve_key(&key);
    let token = TokenBuilder::new(&s.load_balancer, &key).sign();
    s.get("/").token(&token).send().echo();
    assert_eq!(s.endpoint.count(&KID.to_uppercase()), 1);
    assert_eq!(s.endpoint.count(KID), 0);
}

#[test]
fn tokens_of_every_accepted_shape_pass() {
    let s = Scenario::new().start();
    let duplicate_claim =
        s.token_builder()
            .payload_text()
            .replacen('{', r#"{"email":"eve@example.com","#, 1);
    let tokens = [
        ("padded", s.token()),
        ("unpadded", s.token_builder().unpadded().sign()),
        (
            "without typ",
            s.token_builder().without_header("typ").sign(),
        ),
        ("odd typ", s.token_builder().header("typ", 5).sign()),
        (
            "further members",
            s.token_builder().header("x5u", json!({"a": []})).sign(),
        ),
        (
            "payload without iss and exp",
            s.token_builder()
                .without_claim("iss")
                .without_claim("exp")
                .sign(),
        ),
        ("the last of two claims counts", {
            let header = s.token_builder().header_text();
            s.token_builder()
                .sign_bytes(header.as_bytes(), duplicate_claim.as_bytes())
        }),
    ];
    for (name, token) in tokens {
        let response = s.get("/").token(&token).send();
        assert_eq!(response.reason(), "", "{name}");
        assert_eq!(response.echo().values("kubeflow-userid"), [USER], "{name}");
    }
}

#[test]
fn http2_clients_and_bodies_pass() {
    let s = Scenario::new().start();
    let body = "x".repeat(50_000);
    let post = s.request("POST", "/").token(&s.token()).body(body.clone());
    for response in [post.send(), post.send_http2()] {
        let echo = response.echo();
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
        assert_eq!(echo.body, body);
    }
}

#[test]
fn the_key_endpoint_is_derived_from_the_arn() {
    let commercial = load_balancer();
    let gov = load_balancer_with_arn(
        "arn:aws-us-gov:elasticloadbalancing:us-gov-west-1:123456789012:loadbalancer/app/gov/50dc6c495c0c9188",
    );
    let china = load_balancer_with_arn(
        "arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:loadbalancer/app/cn/50dc6c495c0c9188",
    );
    let derived = |load_balancer: &LoadBalancer| {
        let mut entry = entry_for(load_balancer);
        entry
            .as_object_mut()
            .expect("an object")
            .remove("keyEndpoint");
        entry
    };
    let mut china_entry = derived(&china);
    china_entry["keyEndpoint"] = json!({"authority": "keys.cn.example.com", "pathPrefix": "/a/b/"});
    let endpoint = KeyEndpoint::start();
    let addr = endpoint.addr();
    let s = Scenario::new()
        .config(json!({"loadBalancers": [derived(&commercial), derived(&gov), china_entry]}))
        .cluster(
            "outbound|443||public-keys.auth.elb.us-west-2.amazonaws.com",
            addr,
        )
        .cluster("outbound|443||s3-us-gov-west-1.amazonaws.com", addr)
        .cluster("outbound|443||keys.cn.example.com", addr)
        .start();
    endpoint.serve_key(&s.key);
    for load_balancer in [&commercial, &gov, &china] {
        let token = TokenBuilder::new(load_balancer, &s.key).sign();
        s.get("/").token(&token).send().echo();
    }
    let request = |path: &str, authority: &str| KeyRequest {
        line: format!("GET {path}{KID} HTTP/1.1"),
        authority: authority.to_owned(),
    };
    let expected = [
        request("/", "public-keys.auth.elb.us-west-2.amazonaws.com"),
        request(
            "/aws-elb-public-keys-prod-us-gov-west-1/",
            "s3-us-gov-west-1.amazonaws.com",
        ),
        request("/a/b/", "keys.cn.example.com"),
    ];
    assert_eq!(endpoint.requests(), expected);
}

#[test]
fn one_key_id_at_two_endpoints_names_two_keys() {
    let other = load_balancer_with_arn(
        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/other/50dc6c495c0c9188",
    );
    let mut other_entry = entry_for(&other);
    other_entry["keyEndpoint"] = json!({"cluster": "other"});
    let endpoint = KeyEndpoint::start();
    let s = Scenario::new()
        .config(json!({"loadBalancers": [entry(), other_entry]}))
        .cluster("other", endpoint.addr())
        .start();
    let other_key = KeyPair::generate(KID);
    endpoint.serve_key(&other_key);
    let send = |load_balancer: &LoadBalancer, key: &KeyPair| {
        let token = TokenBuilder::new(load_balancer, key).sign();
        s.get("/").token(&token).send()
    };
    send(&s.load_balancer, &s.key).echo();
    send(&other, &other_key).echo();
    assert_eq!(send(&other, &s.key).reason(), "invalid_signature");
    assert_eq!(
        send(&s.load_balancer, &other_key).reason(),
        "invalid_signature"
    );
    assert_eq!((s.endpoint.count(KID), endpoint.count(KID)), (1, 1));
}

#[test]
fn a_star_trusts_any_issuer_or_client_and_is_warned_of() {
    let s = Scenario::new()
        .load_balancer(json!({"issuers": ["*"], "clientIds": ["*"]}))
        .start();
    let any = LoadBalancer {
        issuer: "https://any.example.com".to_owned(),
        client: "any".to_owned(),
        ..load_balancer()
    };
    let token = TokenBuilder::new(&any, &s.key).sign();
    s.get("/").token(&token).send().echo();
    s.log_line(&["warning ", "issuers"]);
    s.log_line(&["warning ", "clientIds"]);
    assert_ne!(any.issuer, ISSUER);
}
