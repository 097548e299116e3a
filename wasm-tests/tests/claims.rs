//! From claims to header values.

use serde_json::{Value, json};
use wasm_tests::{Running, Scenario, USER, assert_refused, bytes_of};

/// One optional mapping per kind; `email` is required beside them.
fn mappings() -> Value {
    let optional =
        |header: &str, claim: Value| json!({"header": header, "claim": claim, "required": false});
    let mut prefixed = optional("x-prefixed", json!("name"));
    prefixed["prefix"] = "user:".into();
    let mut lowercase = optional("x-lower", json!("nick"));
    lowercase["lowercase"] = true.into();
    json!({"outputClaimToHeaders": [
        {"header": "kubeflow-userid", "claim": "email"},
        optional("x-any", json!("any")),
        optional("x-groups", json!("cognito:groups")),
        optional("x-country", json!("address.country")),
        optional("x-url", json!("https://x.y/z")),
        optional("x-roles", json!(["realm_access", "roles"])),
        optional("x-list", json!(["a.b"])),
        optional("x-list-path", json!(["https://x.y/p", "q"])),
        prefixed,
        lowercase,
    ]})
}

#[test]
fn each_kind_of_claim_becomes_its_header_value() {
    let s = Scenario::new().config(mappings()).start();
    let cases = [
        ("x-any", "any", json!("text"), "text"),
        ("x-any", "any", json!("two words"), "two words"),
        (
            "x-any",
            "any",
            json!("Zoë, 東京 \"x\" \\"),
            "Zoë, 東京 \"x\" \\",
        ),
        ("x-any", "any", json!(42), "42"),
        ("x-any", "any", json!(-0.5), "-0.5"),
        ("x-any", "any", json!(u64::MAX), "18446744073709551615"),
        ("x-any", "any", json!(true), "true"),
        ("x-any", "any", json!(false), "false"),
        ("x-any", "any", json!(["one"]), "one"),
        (
            "x-any",
            "any",
            json!(["one", "two words", "drei"]),
            "one,two words,drei",
        ),
        (
            "x-groups",
            "cognito:groups",
            json!(["admin", "dev"]),
            "admin,dev",
        ),
        ("x-country", "address", json!({"country": "NZ"}), "NZ"),
        ("x-country", "address.country", json!("exact"), "exact"),
        ("x-url", "https://x.y/z", json!("url"), "url"),
        (
            "x-roles",
            "realm_access",
            json!({"roles": ["r1", "r2"]}),
            "r1,r2",
        ),
        ("x-list", "a.b", json!("one name"), "one name"),
        ("x-list-path", "https://x.y/p", json!({"q": "deep"}), "deep"),
        ("x-prefixed", "name", json!("ada"), "user:ada"),
        ("x-prefixed", "name", json!("user"), "user:user"),
        ("x-prefixed", "name", json!(["a", "b"]), "user:a,user:b"),
        (
            "x-lower",
            "nick",
            json!("Ada@EXAMPLE.com"),
            "ada@example.com",
        ),
        ("x-lower", "nick", json!("ÄB"), "Äb"),
    ];
    for (header, claim, value, expected) in cases {
        let response = s.get("/").token(&s.token_with(claim, value)).send();
        assert_eq!(response.reason(), "", "{claim}: {expected}");
        let echo = response.echo();
        let values: Vec<_> = echo.values(header).into_iter().map(bytes_of).collect();
        assert_eq!(values, [expected.as_bytes()], "{header} of {claim}");
        assert_eq!(echo.values("kubeflow-userid"), [USER]);
    }
    s.assert_alive();
}

#[test]
fn an_exact_top_level_name_goes_before_a_path() {
    let s = Scenario::new().config(mappings()).start();
    let both = s
        .token_builder()
        .claim("address.country", "exact")
        .claim("address", json!({"country": "nested"}));
    let echo = s.get("/").token(&both.sign()).send().echo();
    assert_eq!(echo.values("x-country"), ["exact"]);
    let nested = s.token_with("a", json!({"b": "nested"}));
    assert!(
        !s.get("/").token(&nested).send().echo().has("x-list"),
        "a list is a path"
    );
}

#[test]
fn an_optional_claim_that_is_absent_sets_no_header() {
    let s = Scenario::new().config(mappings()).start();
    let tokens = [
        s.token(),
        s.token_with("any", Value::Null),
        s.token_with("address", json!({})),
        s.token_with("address", json!("NZ")),
        s.token_with("realm_access", json!([{"roles": "r"}])),
        s.token_with("realm_access", json!({"roles": null})),
    ];
    for token in tokens {
        let request = s.get("/").token(&token);
        let names = ["x-any", "x-country", "x-roles", "x-groups", "x-prefixed"];
        let request = names
            .iter()
            .fold(request, |r, name| r.header(name, "forged"));
        let echo = request.send().echo();
        assert_eq!(names.map(|name| echo.has(name)), [false; 5]);
    }
}

#[test]
fn a_claim_that_cannot_be_a_required_headers_value_is_refused() {
    let mut config = mappings();
    let entries = config["outputClaimToHeaders"].as_array_mut();
    for entry in entries.into_iter().flatten() {
        entry["required"] = true.into();
    }
    let s = Scenario::new().config(config).start();
    // Every required header has a value, but for the one that is tried.
    let good = || {
        let claims = [
            ("any", json!("a")),
            ("cognito:groups", json!(["a"])),
            ("address", json!({"country": "NZ"})),
            ("https://x.y/z", json!("a")),
            ("realm_access", json!({"roles": ["a"]})),
            ("a.b", json!("a")),
            ("https://x.y/p", json!({"q": "a"})),
            ("name", json!("a")),
            ("nick", json!("a")),
        ];
        let claims = claims.into_iter();
        claims.fold(s.token_builder(), |token, (name, value)| {
            token.claim(name, value)
        })
    };
    s.get("/").token(&good().sign()).send().echo();
    let cases = [
        ("any", json!(" ada")),
        ("any", json!("ada ")),
        ("any", json!("\tada")),
        ("any", json!("a\tb")),
        ("any", json!("a\nb")),
        ("any", json!("a\r\nx-evil: 1")),
        ("any", json!("a\u{0}b")),
        ("any", json!("a\u{7f}b")),
        ("any", json!({})),
        ("any", json!({"a": "b"})),
        ("any", json!(["a", null])),
        ("any", json!([["a"]])),
        ("any", json!(["a,b"])),
        ("any", json!(["a", ""])),
        ("any", json!([""])),
        ("any", json!(["a", "b "])),
        ("any", json!(["a\nb", "c"])),
        ("realm_access", json!({"roles": {"a": 1}})),
        ("name", json!("user:ada")),
        ("name", json!("xuser:ada")),
        ("name", json!(["a", "user:b"])),
        ("email", json!({})),
        ("email", json!("ada@example.com\n")),
    ];
    for (claim, value) in cases {
        let case = format!("{claim}: {value}");
        let response = s.get("/").token(&good().claim(claim, value).sign()).send();
        assert_refused(&response, "unusable_claim", &case);
    }
    assert_eq!(s.metric("requests.unusable_claim"), 23);
    s.assert_alive_with(&good().sign());
}

fn required_claims() -> Running {
    Scenario::new()
        .config(json!({"requiredClaims": [
            {"claim": "tenant", "anyOf": ["blue", "5", "true", "1.5"]},
            {"claim": ["realm", "roles"], "anyOf": ["user"]},
        ]}))
        .load_balancer(json!({"requiredClaims": [{"claim": "custom:env", "anyOf": ["prod"]}]}))
        .start()
}

#[test]
fn every_required_claim_must_hold() {
    let s = required_claims();
    let judge = |tenant: Value, roles: Value, env: Value| {
        let forgery = s
            .token_builder()
            .claim("tenant", tenant)
            .claim("realm", json!({"roles": roles}))
            .claim("custom:env", env);
        s.get("/").token(&forgery.sign()).send()
    };
    let user = || json!(["guest", "user"]);
    let passing = [
        json!("blue"),
        json!(5),
        json!(true),
        json!(1.5),
        json!("5"),
        json!(["red", "blue"]),
    ];
    for tenant in passing {
        let case = tenant.to_string();
        let response = judge(tenant, user(), json!("prod"));
        assert_eq!(response.reason(), "", "{case}");
        response.echo();
    }
    let refused = [
        (json!("red"), user(), json!("prod")),
        (json!("Blue"), user(), json!("prod")),
        (json!("blue,red"), user(), json!("prod")),
        (json!(null), user(), json!("prod")),
        (json!([]), user(), json!("prod")),
        (json!({"blue": "blue"}), user(), json!("prod")),
        (json!(6), user(), json!("prod")),
        (json!(false), user(), json!("prod")),
        (json!("blue"), json!(["guest"]), json!("prod")),
        (json!("blue"), user(), json!("dev")),
        (json!("blue"), user(), json!(null)),
    ];
    for (tenant, roles, env) in refused {
        let case = format!("{tenant} {roles} {env}");
        assert_refused(&judge(tenant, roles, env), "claim_mismatch", &case);
    }
}

#[test]
fn a_load_balancers_own_mappings_stand_in_place_of_the_global_ones() {
    let s = Scenario::new()
        .config(json!({"outputClaimToHeaders": [{"header": "x-global", "claim": "sub"}]}))
        .load_balancer(json!({"outputClaimToHeaders": [
            {"header": "Kubeflow-UserID", "claim": "email", "prefix": "partner:"},
        ]}))
        .start();
    let request = s.get("/own").header("x-global", "forged").token(&s.token());
    let echo = request.send().echo();
    assert_eq!(echo.values("kubeflow-userid"), ["partner:ada@example.com"]);
    assert!(!echo.has("x-global"));
    let user = s.access_line("/own").user;
    assert_eq!(user.as_deref(), Some("partner:ada@example.com"));
    let forged = s.token_with("email", "partner:eve@example.com");
    assert_refused(
        &s.get("/").token(&forged).send(),
        "unusable_claim",
        "the prefix inside",
    );
}

/// Which values of `email_verified` pass; `None`: absent.
fn verified_values(s: &Running, plugin: usize) -> Vec<Option<Value>> {
    let values = [
        None,
        Some(json!("true")),
        Some(json!(true)),
        Some(json!("false")),
        Some(json!(false)),
        Some(json!("TRUE")),
        Some(json!("")),
        Some(json!(1)),
    ];
    let passes = |value: &Option<Value>| {
        let forgery = s.token_builder().without_claim("email_verified");
        let forgery = match value {
            Some(value) => forgery.claim("email_verified", value.clone()),
            None => forgery,
        };
        let response = s
            .request_to(plugin, "GET", "/")
            .token(&forgery.sign())
            .send();
        if response.try_echo().is_none() {
            assert_refused(
                &response,
                "unverified_email",
                &format!("{plugin} {value:?}"),
            );
        }
        response.try_echo().is_some()
    };
    values.into_iter().filter(passes).collect()
}

#[test]
fn an_email_is_verified_as_the_mode_says() {
    let config = |members: Value| {
        let mut config = json!({"loadBalancers": [wasm_tests::entry()]});
        for (name, value) in members.as_object().into_iter().flatten() {
            config[name] = value.clone();
        }
        config
    };
    let by_sub = json!([{"header": "kubeflow-userid", "claim": "sub"}]);
    let any_email = json!([{"claim": "email", "anyOf": [USER]}]);
    let s = Scenario::new()
        .plugin("if-present", config(json!({"emailVerified": "ifPresent"})))
        .plugin("ignored", config(json!({"emailVerified": "ignored"})))
        .plugin("by-sub", config(json!({"outputClaimToHeaders": by_sub})))
        .plugin(
            "in-required-claims",
            config(json!({"outputClaimToHeaders": by_sub, "requiredClaims": any_email})),
        )
        .start();
    let strict = vec![Some(json!("true")), Some(json!(true))];
    let if_present = vec![None, Some(json!("true")), Some(json!(true))];
    assert_eq!(verified_values(&s, 0), strict, "required");
    assert_eq!(verified_values(&s, 1), if_present, "ifPresent");
    assert_eq!(verified_values(&s, 2).len(), 8, "ignored");
    assert_eq!(verified_values(&s, 3).len(), 8, "email is not mapped");
    assert_eq!(
        verified_values(&s, 4),
        strict,
        "email is required, not mapped"
    );
}
