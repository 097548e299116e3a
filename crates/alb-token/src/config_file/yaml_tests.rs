use super::*;

fn json(text: &str) -> Result<Vec<String>, String> {
    Ok(parse(text)?.iter().map(Value::to_json).collect())
}

#[test]
fn documents_become_json() {
    let cases: [(&str, &[&str]); 20] = [
        ("", &[]),
        ("# nothing\n", &[]),
        ("---\n---\n", &["null", "null"]),
        ("a: 1\n---\nb: 2\n", &[r#"{"a":1}"#, r#"{"b":2}"#]),
        ("a: [x, 'on', \"5\", 5]", &[r#"{"a":["x","on","5",5]}"#]),
        (
            "a: on\nb: !!str on\nc: ! 5",
            &[r#"{"a":true,"b":"on","c":"5"}"#],
        ),
        ("a: !!int 010", &[r#"{"a":8}"#]),
        ("a:\n  - b\n  -\n", &[r#"{"a":["b",null]}"#]),
        ("a: |\n  x\n  y\n", &[r#"{"a":"x\ny\n"}"#]),
        ("a: >-\n  x\n  y\n", &[r#"{"a":"x y"}"#]),
        ("a: 1\na: 2", &[r#"{"a":1,"a":2}"#]),
        ("1: a\ny: b", &[r#"{"1":"a","true":"b"}"#]),
        ("a: &x [1]\nb: *x", &[r#"{"a":[1],"b":[1]}"#]),
        ("a: &x k\n*x : 1", &[r#"{"a":"k","k":1}"#]),
        (
            "a: &x {p: 1, q: 1}\nb: {<<: *x, q: 2}",
            &[r#"{"a":{"p":1,"q":1},"b":{"q":2,"p":1}}"#],
        ),
        (
            "b: {<<: [{p: 1}, {p: 2, q: 2}]}",
            &[r#"{"b":{"p":1,"q":2}}"#],
        ),
        ("a: {'<<': 1}", &[r#"{"a":{"<<":1}}"#]),
        ("{\"a\": [1, {\"b\": null}]}", &[r#"{"a":[1,{"b":null}]}"#]),
        ("a: 2024-01-01", &[r#"{"a":"2024-01-01"}"#]),
        ("text", &[r#""text""#]),
    ];
    for (text, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|json| (*json).to_owned()).collect();
        assert_eq!(json(text), Ok(expected), "{text:?}");
    }
}

#[test]
fn what_cannot_be_read_says_where() {
    let cases = [
        ("a: [1", "line 2, column 1"),
        ("a: b: c", "line 1, column 5"),
        ("a: .inf", "line 1, column 4: JSON has no infinite numbers"),
        (
            "a: !secret x",
            "line 1, column 12: a tag that YAML does not have",
        ),
        ("a: !!int x", "a tag that YAML does not have"),
        ("a: !x [1]", "tags other than YAML's own"),
        ("[1]: a", "expected a field's name"),
        ("a: 1\n~: a", "line 2, column 1: expected a field's name"),
        ("a: &x [*x]", "the alias stands inside what it names"),
        ("a: *x", "line 1"),
        ("a: &x 1\n---\nb: *x", "line 3"),
        ("a: {<<: 1}", "after <<"),
    ];
    for (text, expected) in cases {
        let error = json(text).expect_err(text);
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}

#[test]
fn neither_nesting_nor_aliases_cost_much() {
    let lists = "[".repeat(100_000);
    assert!(json(&lists).is_err());
    let indented: String = (0..1000).map(|i| " ".repeat(i) + "a:\n").collect();
    assert!(
        json(&indented)
            .unwrap_err()
            .contains("nested more than 100 deep")
    );

    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let previous = format!("*a{}, ", i - 1).repeat(10);
        bomb.push_str(&format!(
            "a{i}: &a{i} [{}]\n",
            previous.trim_end_matches(", ")
        ));
    }
    assert!(json(&bomb).unwrap_err().contains("aliases are expanded"));

    let long = "x".repeat(1024 * 1024);
    let copies = format!("a: &a {long}\nb: [{}*a]\n", "*a, ".repeat(1000));
    assert!(json(&copies).unwrap_err().contains("aliases are expanded"));
}
