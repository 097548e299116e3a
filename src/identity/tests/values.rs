//! Values: several entries for one header, formats, and what may stand in a header.

use super::*;

mod lookalikes;

/// The headers after the user's, which is `alice`, as `name: value`; or the rejection and its claim.
fn fill(entries: Value, payload: Value) -> Result<Vec<String>, (Rejection, String)> {
    fill_counting(entries, payload).map(|(headers, _)| headers)
}

fn fill_counting(
    entries: Value,
    mut payload: Value,
) -> Result<(Vec<String>, usize), (Rejection, String)> {
    let mut list = vec![json!({ "header": "x-user", "claim": "user" })];
    list.extend(entries.as_array().unwrap().iter().cloned());
    payload["user"] = json!("alice");
    let config = json!({ "outputClaimToHeaders": list });
    let (signer, claims) = read(config, payload.to_string().as_bytes()).unwrap();
    let identity =
        compose(&signer, &claims, AccessEvaluation::NotRead).map_err(|r| (r.rejection, r.claim))?;
    let texts = identity.headers().iter().skip(1);
    let headers = texts.map(|(name, text)| format!("{}: {text}", name.as_str()));
    Ok((headers.collect(), identity.values_left_out()))
}

/// One optional header `h` of the claim `c`; `None`: the header is not set.
fn optional(mapping: Value, claim: Value) -> Option<String> {
    let mut entry = json!({ "header": "h", "claim": "c", "required": false });
    for (name, value) in mapping.as_object().unwrap() {
        entry[name] = value.clone();
    }
    let headers = fill(json!([entry]), json!({ "c": claim })).unwrap();
    let value = headers
        .first()
        .map(|line| line.strip_prefix("h: ").unwrap());
    value.map(str::to_owned)
}

#[track_caller]
fn check(mapping: Value, claim: Value, expected: Option<&str>) {
    let seen = optional(mapping.clone(), claim.clone());
    assert_eq!(seen.as_deref(), expected, "{mapping} {claim}");
}

#[test]
fn a_value_becomes_elements_by_its_format() {
    let list = json!({ "format": "list" });
    let spaces = json!({ "format": "spaceSeparated" });
    let text = json!({});
    for (mapping, claim, expected) in [
        (&list, json!("[admins, ml-team]"), Some("admins,ml-team")),
        (
            &list,
            json!(r#"["admins","ml-team"]"#),
            Some("admins,ml-team"),
        ),
        (&list, json!("admins, ml-team"), Some("admins,ml-team")),
        (&list, json!(" [ admins ] "), Some("admins")),
        (&list, json!("[a"), Some("[a")),
        (&list, json!("[[a]]"), Some("[a]")),
        (&list, json!("a,,b,a"), Some("a,b")),
        (&list, json!(["a", 1, true]), Some("a,1,true")),
        (&list, json!("[1, 2.50]"), Some("1,2.50")),
        (&list, json!(7), Some("7")),
        (&list, json!(", ,"), None),
        (&list, json!("[]"), None),
        (&spaces, json!("openid ml  admin"), Some("openid,ml,admin")),
        (&spaces, json!(["a", "b"]), Some("a,b")),
        (&text, json!("openid ml"), Some("openid ml")),
        (&text, json!("Doe, Jane"), Some("Doe, Jane")),
        (&text, json!(["a", "b", "a"]), Some("a,b")),
        (&text, json!([]), None),
        (&text, json!(""), None),
        (&text, json!(null), None),
    ] {
        check(mapping.clone(), claim, expected);
    }
}

#[test]
fn an_element_never_holds_the_separator_as_it_is_written() {
    let groups = json!(["CN=ml,OU=Groups,DC=example,DC=com", "Everyone"]);
    let both = "CN=ml,OU=Groups,DC=example,DC=com;Everyone";
    let encoded = "CN%3Dml%2COU%3DGroups%2CDC%3Dexample%2CDC%3Dcom,Everyone";
    check(json!({}), groups.clone(), Some("Everyone"));
    check(json!({ "separator": ";" }), groups.clone(), Some(both));
    check(json!({ "encoding": "percent" }), groups, Some(encoded));
    check(json!({ "keep": ["*"] }), json!("a,b"), None);
    check(json!({ "keep": ["ml-*"] }), json!("ml-x,admins"), None);
}

fn optional_groups(claim: Value) -> Vec<String> {
    let entry = json!({ "header": "kubeflow-groups", "claim": "c", "required": false });
    fill(json!([entry]), json!({ "c": claim })).unwrap()
}

#[test]
fn a_string_for_kubeflows_groups_is_one_group() {
    assert_eq!(optional_groups(json!("ml")), ["kubeflow-groups: ml"]);
    for claim in ["x,system:masters", "system:masters", "a,b"] {
        assert_eq!(
            optional_groups(json!(claim)),
            Vec::<String>::new(),
            "{claim}"
        );
    }
}

/// What writes a list beside it decides how readers split the header.
#[test]
fn a_string_is_one_element_next_to_an_entry_for_lists() {
    let groups = |format: &str, claim: &str| {
        let entries = json!([
            { "header": "h", "claim": "c", "required": false },
            { "header": "h", "claim": "d", "format": format, "required": false },
        ]);
        fill(entries, json!({ "c": claim, "d": "weaker" })).unwrap()
    };
    assert_eq!(groups("string", "a,b"), ["h: a,b"]);
    for format in ["list", "spaceSeparated"] {
        assert_eq!(groups(format, "a b"), ["h: a b"], "{format}");
        assert!(groups(format, "a,b").is_empty(), "{format}");
    }
}

#[test]
fn what_is_split_is_trimmed_of_spaces_and_nothing_else() {
    let list = json!({ "format": "list" });
    let spaces = json!({ "format": "spaceSeparated" });
    check(list.clone(), json!("  a ,  b,c "), Some("a,b,c"));
    check(list.clone(), json!("a,\u{a0}b,\tc,d"), Some("a,d"));
    check(list.clone(), json!([" a", "b"]), Some("b"));
    check(list, json!(r#"[" a", "b"]"#), Some("b"));
    check(spaces.clone(), json!("a\tb c"), Some("c"));
    check(spaces, json!("a\u{a0}b c"), Some("a\u{a0}b,c"));
}

#[test]
fn an_address_that_only_decides_a_role_is_verified_too() {
    let role = |claim: Value| json!([{ "header": "h", "claim": claim, "keep": ["*@example.com"], "value": "Staff" }]);
    let payload = |verified| json!({ "email": "a@example.com", "email_verified": verified });
    let staff = Ok(vec!["h: Staff".to_owned()]);
    let refused = Err((Rejection::UnverifiedEmail, "email".to_owned()));
    for claim in [json!("email"), json!(["email"])] {
        assert_eq!(fill(role(claim.clone()), payload(true)), staff, "{claim}");
        assert_eq!(
            fill(role(claim.clone()), payload(false)),
            refused,
            "{claim}"
        );
    }
    let nested = json!({ "profile": { "email": "a@example.com" }, "email_verified": false });
    assert_eq!(fill(role(json!("profile.email")), nested), staff);
}

#[test]
fn keep_compares_elements_as_they_came() {
    let keep =
        |patterns: Value| json!({ "keep": patterns, "lowercase": true, "stripSuffix": "@x" });
    check(
        json!({ "keep": ["ml"] }),
        json!(["ops", "ml", "x"]),
        Some("ml"),
    );
    check(keep(json!(["ML@x"])), json!(["ML@x", "OPS@x"]), Some("ml"));
    check(keep(json!(["ml@x"])), json!(["ML@x"]), None);
    check(
        json!({ "keep": ["a", "*b"] }),
        json!(["xb", "a", {}, null]),
        Some("xb,a"),
    );
    let fixed = json!({ "keep": ["admins"], "value": "Admin" });
    check(
        fixed.clone(),
        json!(["admins", "admins", "x"]),
        Some("Admin"),
    );
    check(fixed, json!(["x"]), None);
}

#[test]
fn strips_are_required_of_each_element() {
    let strip = json!({ "stripPrefix": "Okta_", "stripSuffix": "@example.com" });
    check(
        strip.clone(),
        json!("Okta_alice@example.com"),
        Some("alice"),
    );
    for other in [
        "alice@example.com",
        "Okta_alice",
        "okta_alice@example.com",
        "Okta_@example.com",
        "Okta_ alice@example.com",
        "Okta_@example.co",
    ] {
        check(strip.clone(), json!(other), None);
    }
    let mut lower = strip;
    lower["lowercase"] = json!(true);
    check(lower, json!("OKTA_Alice@Example.com"), Some("alice"));
    check(
        json!({ "stripPrefix": "ab", "stripSuffix": "bc" }),
        json!("abc"),
        None,
    );
}

#[test]
fn percent_encoding_leaves_unreserved_characters_and_the_at_sign() {
    let percent = json!({ "encoding": "percent" });
    check(percent.clone(), json!("aZ09-._~@"), Some("aZ09-._~@"));
    check(
        percent.clone(),
        json!("a b,é:%/"),
        Some("a%20b%2C%C3%A9%3A%25%2F"),
    );
    check(percent.clone(), json!(" a"), None);
    check(percent, json!("a\nb"), None);
}

#[test]
fn lists_and_headers_have_a_longest_length() {
    let many = |count: usize| json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    assert!(optional(json!({}), many(1000)).is_some());
    check(json!({}), many(1001), None);
    check(json!({ "keep": ["7", "9*"] }), json!(vec!["7"; 2000]), None);
    check(json!({ "keep": ["1500"] }), many(2000), Some("1500"));
    let longest = "x".repeat(16 * 1024);
    check(json!({}), json!(longest), Some(&longest));
    check(json!({}), json!(format!("{longest}x")), None);
    check(json!({ "prefix": "p" }), json!(longest), None);
}

#[test]
fn entries_for_one_header_are_tried_until_one_has_a_value() {
    let role = |first: Value| {
        json!([
            first,
            { "header": "x-role", "claim": "sub", "keep": ["*"], "value": "Viewer" },
        ])
    };
    let admin = json!({ "header": "x-role", "claim": "groups", "keep": ["admins"],
        "value": "Admin", "required": false });
    let roles = |payload| fill(role(admin.clone()), payload);
    assert_eq!(
        roles(json!({ "sub": "s", "groups": ["admins"] })),
        Ok(vec!["x-role: Admin".into()])
    );
    for absent in [json!(["x"]), json!([]), json!(""), json!(null), json!([{}])] {
        let seen = roles(json!({ "sub": "s", "groups": absent }));
        assert_eq!(seen, Ok(vec!["x-role: Viewer".into()]), "{absent}");
    }
    let missing = roles(json!({ "groups": [] }));
    assert_eq!(missing, Err((Rejection::MissingClaim, "groups".into())));
}

#[test]
fn a_withheld_entry_lets_no_weaker_claim_stand_in() {
    let email = |required: bool| {
        json!([
            { "header": "h", "claim": "email", "stripSuffix": "@example.com", "required": false },
            { "header": "h", "claim": "preferred_username", "required": required },
        ])
    };
    let mallory = json!({ "email": "mallory@gmail.com", "email_verified": true,
        "preferred_username": "alice" });
    assert_eq!(fill(email(false), mallory.clone()), Ok(vec![]));
    let refused = Err((Rejection::UnusableClaim, "email".to_owned()));
    assert_eq!(fill(email(true), mallory), refused);
    let unverified = json!({ "email": "a@example.com", "preferred_username": "alice" });
    assert_eq!(fill(email(false), unverified.clone()), Ok(vec![]));
    let refused = Err((Rejection::UnverifiedEmail, "email".to_owned()));
    assert_eq!(fill(email(true), unverified), refused);
    let absent = json!({ "preferred_username": "alice" });
    assert_eq!(fill(email(true), absent), Ok(vec!["h: alice".into()]));
}

#[test]
fn optional_headers_leave_out_what_is_unusable_and_count_it() {
    let entry = |required| json!([{ "header": "h", "claim": "c", "required": required }]);
    let claim = json!({ "c": ["a", "b,c", {}, "d"] });
    let seen = fill_counting(entry(false), claim.clone());
    assert_eq!(seen, Ok((vec!["h: a,d".into()], 2)));
    let refused = Err((Rejection::UnusableClaim, "c".to_owned()));
    assert_eq!(fill_counting(entry(true), claim), refused);
    let nothing = fill_counting(entry(false), json!({ "c": ["b,c", {}] }));
    assert_eq!(nothing, Ok((vec![], 2)));
}

#[test]
fn the_first_fault_of_the_table_counts_over_all_headers() {
    let entries = json!([
        { "header": "a", "claim": "email" },
        { "header": "b", "claim": "bad" },
        { "header": "c", "claim": ["realm", "x"] },
    ]);
    let payload = json!({ "email": "a@example.com", "bad": "\n" });
    let missing = Err((Rejection::MissingClaim, "realm.x".to_owned()));
    assert_eq!(fill(entries, payload), missing);
}

#[test]
fn headers_that_name_the_user_take_one_value() {
    let user = |claim: Value| {
        let config = json!({ "outputClaimToHeaders": [{ "header": "x-user", "claim": "email" }] });
        let payload = json!({ "email": claim, "email_verified": true });
        judge(config, &payload).map(|identity| identity.user().map(str::to_owned))
    };
    assert_eq!(
        user(json!(["x@example.com"])),
        Ok(Some("x@example.com".into()))
    );
    assert_eq!(user(json!(["x", "x"])), Ok(Some("x".into())));
    let two = json!(["mallory@evil.example", "x@example.com"]);
    assert_eq!(user(two), Err(Rejection::UnusableClaim));
    let second = json!([{ "header": "kubeflow-userid", "claim": "c" }]);
    let refused = Err((Rejection::UnusableClaim, "c".to_owned()));
    assert_eq!(fill(second, json!({ "c": ["a", "b"] })), refused);
}

#[test]
fn requirements_match_one_element_by_pattern() {
    let holds = |required: Value, payload: Value| {
        let mut payload = payload;
        payload["sub"] = json!("s");
        let config = json!({ "requiredClaims": [required],
            "outputClaimToHeaders": [{ "header": "x-user", "claim": "sub" }] });
        judge(config, &payload).err()
    };
    let mismatch = Some(Rejection::ClaimMismatch);
    let scope = json!({ "claim": "scope", "format": "spaceSeparated", "anyOf": ["admin"] });
    assert_eq!(
        holds(scope.clone(), json!({ "scope": "openid ml admin" })),
        None
    );
    assert_eq!(
        holds(scope, json!({ "scope": "openid administrator" })),
        mismatch
    );
    let domain = |ignore| json!({ "claim": "m", "anyOf": ["*@example.com"], "ignoreCase": ignore });
    assert_eq!(holds(domain(true), json!({ "m": "A@EXAMPLE.com" })), None);
    assert_eq!(
        holds(domain(false), json!({ "m": "A@EXAMPLE.com" })),
        mismatch
    );
    assert_eq!(
        holds(domain(true), json!({ "m": "a@example.com.evil" })),
        mismatch
    );
    let any = json!({ "claim": "m", "anyOf": ["*"] });
    for (value, expected) in [
        (json!("x"), None),
        (json!(0), None),
        (json!(""), mismatch),
        (json!([]), mismatch),
        (json!({}), mismatch),
        (json!(null), mismatch),
    ] {
        assert_eq!(
            holds(any.clone(), json!({ "m": value })),
            expected,
            "{value}"
        );
    }
    let email = json!({ "claim": "email", "anyOf": ["*@example.com"] });
    let unverified = json!({ "email": "a@example.com" });
    assert_eq!(
        holds(email.clone(), unverified),
        Some(Rejection::UnverifiedEmail)
    );
    assert_eq!(holds(email, json!({ "email": "a@x.com" })), mismatch);
}

#[test]
fn a_star_keeps_what_cannot_be_used() {
    let entries = json!([
        { "header": "h", "claim": "c", "keep": ["*"], "required": false },
        { "header": "h", "claim": "d", "required": false },
    ]);
    for claim in [json!({}), json!([{}]), json!([""])] {
        let seen = fill(entries.clone(), json!({ "c": claim, "d": "weaker" }));
        assert_eq!(seen, Ok(vec![]), "{claim}");
    }
    let fixed = json!([{ "header": "h", "claim": "c", "keep": ["*"], "value": "Viewer" }]);
    let refused = Err((Rejection::UnusableClaim, "c".to_owned()));
    assert_eq!(fill(fixed, json!({ "c": {} })), refused);
}
