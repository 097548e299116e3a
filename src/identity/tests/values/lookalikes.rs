//! Elements that an application could take for something else: a name, a prefix, two elements.

use super::*;

#[test]
fn no_element_can_pass_for_another_entrys_or_kubernetes_own() {
    let entries = |own: Value| {
        let mut own = own;
        own["header"] = json!("kubeflow-groups");
        own["claim"] = json!("c");
        own["required"] = json!(false);
        json!([own, { "header": "kubeflow-groups", "claim": "d", "prefix": "partner:",
            "separator": own["separator"].as_str().unwrap_or(","), "required": false }])
    };
    for (own, claim, expected) in [
        (
            json!({}),
            json!(["a", "partner:x"]),
            vec!["kubeflow-groups: a"],
        ),
        (
            json!({ "encoding": "percent" }),
            json!(["a", "partner:x"]),
            vec!["kubeflow-groups: a"],
        ),
        (
            json!({ "encoding": "percent" }),
            json!(["a,partner:x"]),
            vec![],
        ),
        (
            json!({ "encoding": "percent" }),
            json!(["a, system:x"]),
            vec![],
        ),
        (
            json!({ "separator": ";" }),
            json!(["a;partner:x", "b"]),
            vec!["kubeflow-groups: b"],
        ),
        (
            json!({ "separator": "|" }),
            json!(["b,partner:x"]),
            vec!["kubeflow-groups: b,partner:x"],
        ),
        (
            json!({ "prefix": "my:" }),
            json!(["partner:x"]),
            vec!["kubeflow-groups: my:partner:x"],
        ),
        (
            json!({ "prefix": "part" }),
            json!(["ner:x", "y"]),
            vec!["kubeflow-groups: party"],
        ),
        (
            json!({ "stripPrefix": "x" }),
            json!(["xsystem:masters", "xa"]),
            vec!["kubeflow-groups: a"],
        ),
    ] {
        let seen = fill(entries(own.clone()), json!({ "c": claim })).unwrap();
        assert_eq!(seen, expected, "{own} {claim}");
    }
}

#[test]
fn an_element_and_its_prefix_never_look_like_two() {
    let prefix = json!({ "prefix": "o=a," });
    check(prefix.clone(), json!("admins"), Some("o=a,admins"));
    check(prefix, json!(["admins"]), None);
    check(
        json!({ "prefix": "o=a,", "encoding": "percent" }),
        json!(["admins"]),
        None,
    );
}

#[test]
fn elements_together_spell_no_other_entrys_prefix() {
    let groups = |claim: Value| {
        let entries = json!([
            { "header": "h", "claim": "c", "required": false },
            { "header": "h", "claim": "d", "prefix": "o=partner,uid=", "required": false },
        ]);
        fill(entries, json!({ "c": claim })).unwrap()
    };
    assert_eq!(groups(json!(["o=partner", "uid"])), ["h: o=partner,uid"]);
    assert!(groups(json!(["o=partner", "uid=admin"])).is_empty());
    assert!(groups(json!(["x", "o=partner", "uid=admin"])).is_empty());
}

/// A reader of a header that one entry encodes decodes what the others write, too.
#[test]
fn beside_an_encoded_entry_no_escape_spells_a_name() {
    let groups = |header: &str, encoding: &str, claim: &str| {
        let entries = json!([
            { "header": header, "claim": "c", "required": false },
            { "header": header, "claim": "d", "prefix": "p:", "encoding": encoding, "required": false },
        ]);
        fill(entries, json!({ "c": claim })).unwrap()
    };
    for escaped in [
        "system%3Amasters",
        "system%3amasters",
        "a%2C%20system:x",
        "%70%3Ax",
    ] {
        assert!(
            groups("kubeflow-groups", "percent", escaped).is_empty(),
            "{escaped}"
        );
    }
    for harmless in ["100%", "a%3Ab", "%zz", "%7"] {
        let seen = groups("kubeflow-groups", "percent", harmless);
        assert_eq!(seen, [format!("kubeflow-groups: {harmless}")]);
    }
    let as_it_is = groups("h", "none", "%70%3Ax");
    assert_eq!(as_it_is, ["h: %70%3Ax"]);
}

#[test]
fn what_follows_separators_among_whitespace_is_looked_at() {
    for between in [" ", "  ", " \u{2003} ", "\u{2003} \u{2003}"] {
        let claim = json!(format!("x{between}system:masters"));
        let entry = json!([
            { "header": "kubeflow-userid", "claim": "c", "separator": " " },
        ]);
        let refused = Err((Rejection::UnusableClaim, "c".to_owned()));
        assert_eq!(fill(entry, json!({ "c": claim })), refused, "{claim}");
    }
}

#[test]
fn long_runs_of_whitespace_are_looked_at_once() {
    let spaces = format!("a{}b", " ".repeat(16_000));
    let own = json!({ "separator": " ", "prefix": "p:" });
    let other = json!({ "header": "h", "claim": "d", "separator": " ", "prefix": "q:" });
    let mut first = json!({ "header": "h", "claim": "c", "required": false });
    for (name, value) in own.as_object().unwrap() {
        first[name] = value.clone();
    }
    let mut second = other;
    second["required"] = json!(false);
    let seen = fill(json!([first, second]), json!({ "c": spaces.clone() }));
    assert_eq!(seen, Ok(vec![format!("h: p:{spaces}")]));
}
