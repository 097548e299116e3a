//! The options that read groups from the access token, and the policy on them.

use serde_json::{Value, json};

use super::rendered::{Copied, Rendered, good_params};

/// An overlay whose parameter `issuer` is this one, with these options around it.
fn copy(test: &str, overlay: &str, issuer: Option<&str>, components: &[&str]) -> Copied {
    let copied = Copied::new(test);
    let mut params: Vec<(&str, &str)> = good_params(overlay);
    if let Some(issuer) = issuer {
        params.retain(|(name, _)| *name != "issuer");
        params.push(("issuer", issuer));
    }
    copied.write_params(overlay, &params);
    let components = components.iter();
    let list: String = components
        .map(|name| format!("- ../components/{name}\n"))
        .collect();
    let text = format!("resources:\n- ../overlays/{overlay}\ncomponents:\n{list}");
    copied.write_kustomization("mine", &text);
    copied
}

fn spec_of<'a>(rendered: &'a Rendered, kind: &'a str, name: &'a str) -> &'a Value {
    let mut objects = rendered.of_kind(kind);
    let object = objects.find(|it| it["metadata"]["name"] == name);
    &object.unwrap()["spec"]
}

fn named<'a>(rendered: &'a Rendered, kind: &'a str) -> &'a Value {
    spec_of(rendered, kind, "alb-issuer-keys")
}

/// The cluster that the filter asks for is the one that is made, with TLS verified for its host. Returns the path.
fn path_of_the_key_set(rendered: &Rendered, host: &str) -> String {
    let config = rendered.only("WasmPlugin")["spec"]["pluginConfig"].to_string();
    let config = alb_authn::config::Config::parse(config.as_bytes()).unwrap();
    let source = &config.key_set_sources()[0];
    assert_eq!(source.authority, host);
    assert_eq!(source.cluster, format!("outbound|443||{host}"));
    assert_eq!(named(rendered, "ServiceEntry")["hosts"], json!([host]));
    let rule = named(rendered, "DestinationRule");
    assert_eq!(rule["host"], host);
    let tls = json!({
        "mode": "SIMPLE", "sni": host, "subjectAltNames": [host], "caCertificates": "system",
    });
    assert_eq!(rule["trafficPolicy"]["tls"], tls);
    source.path.clone()
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_key_set_of_a_user_pool_comes_from_the_host_of_its_issuer() {
    let gov = "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_AbCdEf123";
    for (overlay, issuer, region) in [
        ("kubeflow-cognito", None, "eu-north-1"),
        ("plain-istio", Some(gov), "us-gov-west-1"),
    ] {
        let test = format!("pool-{overlay}");
        let rendered = copy(&test, overlay, issuer, &["groups"]).build("mine");
        let host = format!("cognito-idp.{region}.amazonaws.com");
        let path = path_of_the_key_set(&rendered, &host);
        assert_eq!(path, format!("/{region}_AbCdEf123/.well-known/jwks.json"));
        let said = rendered.check_config(&test);
        assert_eq!(said, "ok: WasmPlugin istio-system/alb-authn\n", "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_key_set_of_another_provider_comes_from_where_the_parameters_say() {
    let copied = copy("access-oidc", "kubeflow-oidc", None, &["groups-oidc"]);
    copied.write_params_of(
        "components/groups-oidc",
        &[
            ("keySetHost", "keys.login.test"),
            ("keySetPath", "/realms/ml/certs"),
            ("groupsClaim", "roles"),
        ],
    );
    let rendered = copied.build("mine");
    let path = path_of_the_key_set(&rendered, "keys.login.test");
    assert_eq!(path, "/realms/ml/certs");
    let list = &rendered.only("WasmPlugin")["spec"]["pluginConfig"]["outputClaimToHeaders"];
    assert_eq!(list[0]["claim"], "email");
    assert_eq!(list[1]["claim"], "roles");
    assert_eq!(rendered.of_kind("ConfigMap").count(), 0);
    let said = rendered.check_config("access-oidc");
    assert_eq!(said, "ok: WasmPlugin istio-system/alb-authn\n");
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn where_clusters_are_filtered_a_virtual_service_names_the_issuers_host_too() {
    let options = [
        "groups",
        "filtered-gateway-clusters",
        "filtered-issuer-cluster",
    ];
    let rendered = copy("filtered-issuer", "kubeflow-cognito", None, &options).build("mine");
    let spec = named(&rendered, "VirtualService");
    let route = &spec["http"][0]["route"][0];
    assert_eq!(
        route["destination"],
        json!({"host": "cognito-idp.eu-north-1.amazonaws.com", "port": {"number": 443}})
    );
    // Both objects only make a cluster be there.
    assert_eq!(spec["http"][0]["fault"]["abort"]["httpStatus"], 404);
    assert_eq!(rendered.of_kind("VirtualService").count(), 2);
}

/// Whether `check-params` finds all good, and what it says.
fn checked(copied: &Copied) -> (bool, String) {
    let output = copied.check_params("mine");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (
        output.status.success(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn check_params_derives_the_issuers_host_and_region_from_the_user_pool() {
    let copied = copy("derived", "kubeflow-cognito", None, &["groups"]);
    let (good, said) = checked(&copied);
    let url = "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123/.well-known/jwks.json, in eu-north-1";
    assert!(good && said.contains(url), "{said}");
    let without = copy(
        "derived-without",
        "kubeflow-cognito",
        None,
        &["fail-reload"],
    );
    assert_eq!(checked(&without), (true, String::new()));
}

#[test]
fn check_params_names_the_option_that_the_issuer_needs() {
    let pool = "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123";
    // Near-misses of a user pool: the filter derives nothing of them either.
    let slash = format!("{pool}/");
    let other_region = pool.replace("/eu-north-1_", "/eu-west-1_");
    for (number, issuer) in ["https://login.test", &slash, &other_region]
        .iter()
        .enumerate()
    {
        let test = format!("other-issuer-{number}");
        let (good, said) = checked(&copy(&test, "plain-istio", Some(issuer), &["groups"]));
        assert!(
            !good && said.contains("expected groups-oidc"),
            "{issuer}: {said}"
        );
    }
    let copied = copy("pool-as-oidc", "plain-istio", Some(pool), &["groups-oidc"]);
    copied.write_params_of(
        "components/groups-oidc",
        &[
            ("keySetHost", "keys.login.test"),
            ("keySetPath", "/keys"),
            ("groupsClaim", "groups"),
        ],
    );
    let (good, said) = checked(&copied);
    assert!(
        !good && said.contains("groups-oidc: expected groups,"),
        "{said}"
    );
}

#[test]
fn the_parameters_of_another_providers_key_set_are_checked() {
    let copied = copy(
        "access-oidc-params",
        "kubeflow-oidc",
        None,
        &["groups-oidc"],
    );
    let (good, said) = checked(&copied);
    assert!(
        !good && said.contains("keySetHost: still the example's"),
        "{said}"
    );
    for (host, path, claim, problem) in [
        (
            "https://keys.login.test",
            "/keys",
            "groups",
            "keySetHost: expected",
        ),
        ("keys.login.test", "keys", "groups", "keySetPath: expected"),
        ("keys.login.test", "/keys", "a b", "groupsClaim: expected"),
        ("keys.login.test", "/keys", "", "groupsClaim: missing"),
    ] {
        let params = [
            ("keySetHost", host),
            ("keySetPath", path),
            ("groupsClaim", claim),
        ];
        copied.write_params_of("components/groups-oidc", &params);
        let (good, said) = checked(&copied);
        assert!(!good && said.contains(problem), "{said}");
    }
}

/// The parameters of `groups-policy`, for the pool of `good_params`.
const POLICY: [(&str, &str); 3] = [
    ("groupHost", "lab.platform.test"),
    // Only digits: it must stay a string.
    ("group", "20251129"),
    (
        "jwksUri",
        "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123/.well-known/jwks.json",
    ),
];

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn one_host_is_denied_to_all_but_the_members_of_a_group() {
    let pool = "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123";
    for (overlay, issuer, user) in [
        ("kubeflow-cognito", None, "kubeflow-userid"),
        ("plain-istio", Some(pool), "x-authenticated-email"),
    ] {
        let test = format!("policy-{overlay}");
        let options = ["groups", "bearer-tokens", "groups-policy"];
        let copied = copy(&test, overlay, issuer, &options);
        copied.write_params_of("components/groups-policy", &POLICY);
        let rendered = copied.build("mine");
        let policy = spec_of(&rendered, "AuthorizationPolicy", "alb-authn-group-host");
        let to = json!([{"operation": {"hosts": ["lab.platform.test*"]}}]);
        let not = |key: &str, value: &str| json!({"key": key, "notValues": [value]});
        let expected = json!({
            "selector": {"matchLabels": {"istio": "ingressgateway"}},
            "action": "DENY",
            "rules": [
                {"to": to, "when": [not("request.auth.claims[cognito:groups]", "20251129")]},
                {"to": to, "when": [not("request.auth.claims[iss]", pool)]},
                {"to": to, "when": [
                    {"key": format!("request.headers[{user}]"), "values": ["*"]},
                    not("request.headers[x-host-group]", "20251129"),
                ]},
            ],
        });
        assert_eq!(*policy, expected);
        let rule = json!([{
            "issuer": pool,
            "jwksUri": format!("{pool}/.well-known/jwks.json"),
            "fromHeaders": [{"name": "x-amzn-oidc-accesstoken"}],
            "forwardOriginalToken": false,
        }]);
        let authentication = spec_of(&rendered, "RequestAuthentication", "alb-authn-access-token");
        assert_eq!(authentication["jwtRules"], rule);
        let config = &rendered.only("WasmPlugin")["spec"]["pluginConfig"];
        assert_eq!(config["forwardAccessToken"], true);
        let entry = config["outputClaimToHeaders"].as_array().unwrap().last();
        let expected = json!({
            "header": "x-host-group", "claim": "cognito:groups", "source": "accessToken",
            "format": "list", "keep": ["20251129"], "required": false,
        });
        assert_eq!(entry, Some(&expected));
        assert_eq!(rendered.of_kind("ConfigMap").count(), 0);
        let said = rendered.check_config(&test);
        assert!(said.contains("forwardAccessToken"), "{said}");
        assert!(said.contains("denied"), "{said}");
        let (good, said) = checked(&copied);
        assert!(good, "{said}");
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_policy_reads_the_claim_and_the_keys_of_another_provider() {
    let options = ["groups-oidc", "groups-policy"];
    let copied = copy("policy-oidc", "kubeflow-oidc", None, &options);
    let keys = [
        ("keySetHost", "keys.login.test"),
        ("keySetPath", "/realms/ml/certs"),
        ("groupsClaim", "https://login.test/groups"),
    ];
    copied.write_params_of("components/groups-oidc", &keys);
    let mut params = POLICY.to_vec();
    params.retain(|(name, _)| *name != "jwksUri");
    params.push(("jwksUri", "https://keys.login.test/realms/ml/certs"));
    copied.write_params_of("components/groups-policy", &params);
    assert_eq!(checked(&copied), (true, String::new()));
    let rendered = copied.build("mine");
    let policy = spec_of(&rendered, "AuthorizationPolicy", "alb-authn-group-host");
    assert_eq!(
        policy["rules"][0]["when"][0]["key"],
        "request.auth.claims[https://login.test/groups]"
    );
    let issuer = json!(["https://login.test/realms/ml"]);
    assert_eq!(policy["rules"][1]["when"][0]["notValues"], issuer);
    let list = &rendered.only("WasmPlugin")["spec"]["pluginConfig"]["outputClaimToHeaders"];
    assert_eq!(list[2]["claim"], "https://login.test/groups");
    rendered.check_config("policy-oidc");
}

#[test]
fn the_parameters_of_a_host_for_one_group_are_checked() {
    let options = ["groups", "groups-policy"];
    let copied = copy("policy-params", "kubeflow-cognito", None, &options);
    let (good, said) = checked(&copied);
    assert!(
        !good && said.contains("groupHost: still the example's"),
        "{said}"
    );
    copied.write_params_of("components/groups-policy", &POLICY);
    assert!(checked(&copied).0);
    for (name, value, problem) in [
        ("groupHost", "lab.platform.test:443", "groupHost: expected"),
        ("groupHost", "*.platform.test", "groupHost: expected"),
        ("group", "ml*", "group: expected"),
        ("group", "ml,ops", "group: expected"),
        ("group", "", "group: missing"),
        // Another pool's, whose keys verify nothing here.
        (
            "jwksUri",
            "https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_Other/.well-known/jwks.json",
            "jwksUri: expected https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123/.well-known/jwks.json",
        ),
        (
            "jwksUri",
            "http://keys.login.test/keys",
            "jwksUri: expected",
        ),
    ] {
        let mut params = POLICY.to_vec();
        params.retain(|(other, _)| *other != name);
        params.push((name, value));
        copied.write_params_of("components/groups-policy", &params);
        let (good, said) = checked(&copied);
        assert!(!good && said.contains(problem), "{said}");
    }
    let alone = copy("policy-alone", "kubeflow-cognito", None, &["groups-policy"]);
    alone.write_params_of("components/groups-policy", &POLICY);
    let (good, said) = checked(&alone);
    assert!(
        !good && said.contains("groups-policy: expected groups or groups-oidc"),
        "{said}"
    );
}
