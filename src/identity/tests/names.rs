//! No value passes for a name of somebody else's.

use super::*;

/// The user that a load balancer with the first prefix makes of this `name`, beside others whose users have the
/// other prefixes in the same header.
fn user_beside(prefixes: &[&str], name: &Value) -> Result<String, Rejection> {
    let load_balancers = prefixes.iter().enumerate().map(|(i, prefix)| {
        json!({
            "arn": ARN.replace("50dc6c495c0c9188", ["50dc6c495c0c9188", "a", "b"][i]),
            "issuers": [ISSUER], "clientIds": [CLIENT],
            "outputClaimToHeaders": [{ "header": "kubeflow-userid", "claim": "name", "prefix": prefix }],
        })
    });
    let config = json!({ "loadBalancers": load_balancers.collect::<Vec<_>>() });
    let identity = judge(config, &json!({ "name": name }))?;
    Ok(identity.user().unwrap().to_owned())
}

#[test]
fn no_value_can_pass_for_a_user_of_another_load_balancers_prefix() {
    let refused = || Err(Rejection::UnusableClaim);
    let user = |text: &str| Ok(text.to_owned());
    let cases = [
        ("", json!("eve"), user("eve")),
        ("", json!("x partner:bob"), user("x partner:bob")),
        ("", json!("partner:bob"), refused()),
        ("", json!(["eve", "partner:bob"]), refused()),
        ("", json!("eve,partner:bob"), refused()),
        ("", json!("eve, \u{a0}partner:bob"), refused()),
        ("partner:", json!("eve"), user("partner:eve")),
        ("partner:", json!("lab:bob"), refused()),
        ("part", json!("ner:bob"), refused()),
        ("ours:", json!("partner:bob"), user("ours:partner:bob")),
        ("ours:", json!(["eve", "partner:bob"]), refused()),
        ("ours:", json!("eve, partner:bob"), refused()),
        ("partner:lab:", json!(["eve", "bob"]), refused()),
        ("partner:lab:", json!(["eve"]), user("partner:lab:eve")),
        ("partner:lab:", json!("eve,partner:bob"), refused()),
        ("partner:lab:", json!(["eve", "partner:bob"]), refused()),
    ];
    for (own, value, expected) in cases {
        let seen = user_beside(&[own, "partner:", "partner:lab:"], &value);
        assert_eq!(seen, expected, "{own:?} {value}");
    }
}

#[test]
fn a_prefix_with_commas_in_it_is_found_across_them() {
    let refused = || Err(Rejection::UnusableClaim);
    let user = |text: &str| Ok(text.to_owned());
    let cases = [
        ("", json!("eve"), user("eve")),
        ("", json!("o=partner"), user("o=partner")),
        ("", json!("o=partner,uid"), user("o=partner,uid")),
        ("", json!("uid=eve"), user("uid=eve")),
        ("", json!("xo=partner,uid=eve"), user("xo=partner,uid=eve")),
        ("", json!("o=partner,uid=eve"), refused()),
        ("", json!(["o=partner", "uid=eve"]), refused()),
        ("", json!("x,o=partner,uid=eve"), refused()),
        ("", json!("x, o=partner,uid=eve"), refused()),
        ("", json!(["x", "o=partner", "uid=eve"]), refused()),
        (
            "ours:",
            json!("o=partner,uid=eve"),
            user("ours:o=partner,uid=eve"),
        ),
        ("ours:", json!(["x", "o=partner", "uid=eve"]), refused()),
        ("o=partner,uid=", json!("eve"), user("o=partner,uid=eve")),
        ("o=partner,uid=", json!("root,eve"), refused()),
        ("o=partner,", json!("uid=eve"), refused()),
        ("o=ours,uid=", json!("eve"), user("o=ours,uid=eve")),
        (
            "o=ours,uid=",
            json!(["eve", "o=partner", "uid=eve"]),
            refused(),
        ),
    ];
    for (own, value, expected) in cases {
        let seen = user_beside(&[own, "o=partner,uid=", "o=partner,uid=root,"], &value);
        assert_eq!(seen, expected, "{own:?} {value}");
    }
}

#[test]
fn prefixes_of_other_headers_are_nobodys_business() {
    let config = json!({ "outputClaimToHeaders": [
        { "header": "kubeflow-userid", "claim": "name" },
        { "header": "x-team", "claim": "team", "prefix": "team:" },
    ] });
    let identity = judge(config, &json!({ "name": "team:red", "team": "blue" })).unwrap();
    assert_eq!(
        headers(&identity),
        [("kubeflow-userid", "team:red"), ("x-team", "team:blue")]
    );
}

#[test]
fn no_value_can_pass_for_a_name_of_kubernetes() {
    let refused = || Err(Rejection::UnusableClaim);
    let first = |value: Value| {
        let config = json!({ "outputClaimToHeaders": [{ "header": "x-user", "claim": "c" }] });
        let identity = judge(config, &json!({ "c": value }))?;
        Ok(identity.user().map(str::to_owned))
    };
    for value in [
        json!("system:masters"),
        json!("eve,system:masters"),
        json!("eve, system:masters"),
        json!(["system:masters"]),
    ] {
        assert_eq!(first(value.clone()), refused(), "{value}");
    }
    let usable = first(json!("subsystem:a system:b"));
    assert_eq!(usable, Ok(Some("subsystem:a system:b".to_owned())));
    let second = |header: &str| {
        let config = json!({ "outputClaimToHeaders": [
            { "header": "x-user", "claim": "sub" }, { "header": header, "claim": "c" },
        ] });
        judge(config, &json!({ "sub": "s", "c": "system:masters" })).map(|_| ())
    };
    for header in [
        "kubeflow-userid",
        "kubeflow_groups",
        "x-remote-user",
        "x-remote-group",
        "impersonate-user",
        "Impersonate-Group",
    ] {
        assert_eq!(second(header), Err(Rejection::UnusableClaim), "{header}");
    }
    assert_eq!(second("x-other"), Ok(()), "no header of users or groups");
}
