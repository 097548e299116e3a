//! What `inspect` says of claims with several values.

use super::*;

#[test]
fn claims_with_several_values_come_with_the_entry_that_would_write_them() {
    let of = |claims: Value| {
        let mut all = payload();
        let members = claims.as_object().unwrap().clone();
        all.as_object_mut().unwrap().extend(members);
        let trust = inspect(&token_of(&header().to_string(), &all.to_string())).trust;
        let hints = trust.hints().into_iter().map(str::to_owned);
        (trust.yaml().unwrap(), hints.collect::<Vec<_>>())
    };
    let cases = [
        (
            json!({"cognito:groups": ["a", 1, true]}),
            "The claim \"cognito:groups\" is a list.",
        ),
        (
            json!({"custom:groups": "[admins, ml-team]"}),
            "The claim \"custom:groups\" is a list, written as a string.",
        ),
        (
            json!({"custom:groups": "[\"admins\"]"}),
            "The claim \"custom:groups\" is a list, written as a string.",
        ),
        (
            json!({"scope": "openid ml"}),
            "The claim \"scope\" holds scopes.",
        ),
        (
            json!({"realm_access": {"roles": ["a"]}}),
            "The claim [\"realm_access\", \"roles\"] is a list.",
        ),
        (
            json!({"groups": ["CN=ml,OU=x"]}),
            "The claim \"groups\" is a list.",
        ),
    ];
    for (claims, expected) in cases {
        let (yaml, hints) = of(claims.clone());
        let [hint] = hints.as_slice() else {
            panic!("{claims}: {hints:?}")
        };
        assert!(hint.starts_with(expected), "{claims}: {hint}");
        assert!(yaml.contains(&format!("# {hint}\n")), "{yaml}");
        // The entry is one that the filter accepts, beside the one for the user.
        let entry = hint.split_once(": - ").unwrap().1;
        let list =
            format!("{yaml}outputClaimToHeaders:\n- {{header: x-user, claim: email}}\n- {entry}\n");
        let config = ConfigFile::parse(&list, "istio-system").plugins[0]
            .config()
            .unwrap();
        let separator = if claims.to_string().contains("CN=") {
            ';'
        } else {
            ','
        };
        assert_eq!(config.signers_of(ARN)[0].headers[1].separator, separator);
    }
    for claims in [
        json!({"aud": ["a"], "amr": ["pwd"]}),
        json!({"identities": [{"userId": "1"}]}),
        json!({"identities": "[{\"userId\":\"1\"}]"}),
        json!({"groups": [], "other": "a b", "name": "a, b"}),
        json!({"a\n- b": ["x"], "a\u{2028}b": ["x"]}),
    ] {
        let (_, hints) = of(claims.clone());
        assert!(hints.is_empty(), "{claims}: {hints:?}");
    }
}
