//! `check-config`, `verify` and `inspect`, as an operator runs them.

mod support;

use std::path::{Path, PathBuf};

use support::run_with;

/// A real token of 2023 and its key; the file names the source.
const VECTORS: &str = include_str!("../../../tests/vectors/real-tokens.json");

const CONFIG: &str = "loadBalancers:
- arn: arn:aws:elasticloadbalancing:eu-central-1:197280958225:loadbalancer/app/ecs-with-cognito-lb/6284be65b827c598
  issuers: [https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_MyRrOCHQw]
  clientIds: [4fmvht22tjrgd7d3k3tghttct7]
";

/// Ten seconds before the real token's `exp`.
const IN_TIME: &str = "1687748035";

fn vector(member: &str) -> String {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    vectors[0][member].as_str().expect("a text").to_owned()
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("judging-{name}"));
    std::fs::write(&path, text).expect("a file in the target directory");
    path
}

fn verify(config: &str, more: &[&str], token: &str) -> (Option<i32>, String) {
    let arguments = [&["verify", "--config", config], more, &["-"]].concat();
    run_with(&arguments, token)
}

#[test]
fn the_shipped_manifest_has_no_problem() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../WasmPlugin.yaml");
    let expected = "ok: WasmPlugin istio-system/alb-authn\n".to_owned();
    assert_eq!(
        run_with(&["check-config", manifest], ""),
        (Some(0), expected)
    );
}

#[test]
fn each_problem_of_a_configuration_is_named_by_its_path() {
    let (status, output) = run_with(&["check-config", "-"], "loadBalancers: []\nclockSkew: 1d\n");
    assert_eq!(status, Some(1));
    assert!(
        output.contains("loadBalancers: ") && output.contains("clockSkew: "),
        "{output}"
    );
}

#[test]
fn a_manifest_that_would_let_everybody_in_is_a_problem() {
    let manifest = |spec: &str| {
        let head = "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\n\
                    metadata: {name: a, namespace: b}\nspec:\n  url: oci://registry.test/a@sha256:abcd\n";
        let config = CONFIG.replace('\n', "\n    ");
        format!("{head}{spec}  pluginConfig:\n    {config}\n")
    };
    let check = |spec: &str| run_with(&["check-config", "-"], &manifest(spec));
    assert_eq!(check("  phase: AUTHN\n").0, Some(0));
    for (spec, path) in [
        (
            "  phase: AUTHN\n  failStrategy: FAIL_OPEN\n",
            "spec.failStrategy: ",
        ),
        ("  phase: AUTHZ\n", "spec.phase: "),
        ("  selector: {}\n", "spec.phase: "),
        ("  phase: AUTHN\n  type: NETWORK\n", "spec.type: "),
        (
            "  phase: AUTHN\n  match: [{mode: SERVER}]\n",
            "spec.match[0].mode: ",
        ),
    ] {
        let (status, output) = check(spec);
        assert!(status == Some(1) && output.contains(path), "{spec}{output}");
    }
}

#[test]
fn a_plugin_for_the_whole_mesh_is_a_problem_in_the_meshs_root_namespace() {
    let config = CONFIG.replace('\n', "\n    ");
    let manifest = |namespace: &str| {
        format!(
            "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {{name: a, namespace: {namespace}}}\n\
             spec:\n  phase: AUTHN\n  url: oci://registry.test/a@sha256:abcd\n  pluginConfig:\n    {config}\n"
        )
    };
    let own = ["check-config", "--root-namespace", "mesh-root", "-"];
    for (arguments, root) in [
        (&["check-config", "-"][..], "istio-system"),
        (&own, "mesh-root"),
    ] {
        for namespace in ["istio-system", "mesh-root"] {
            let (status, output) = run_with(arguments, &manifest(namespace));
            let expected = i32::from(namespace == root);
            assert_eq!(status, Some(expected), "{root}, {namespace}: {output}");
            assert_eq!(output.contains("spec.selector: "), namespace == root);
        }
    }
}

#[test]
fn objects_around_the_plugin_are_problems_too() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\n  annotations:\n    \
                   alb.ingress.kubernetes.io/group.name: shared\n";
    let (status, output) = run_with(&["check-config", "-"], ingress);
    let expected = "Ingress i: metadata.annotations[alb.ingress.kubernetes.io/group.name]: ";
    assert!(
        status == Some(1) && output.starts_with(expected),
        "{output}"
    );
}

#[test]
fn what_is_dangerous_is_a_warning() {
    let config =
        format!("{CONFIG}mode: observe\nforwardToken: true\nforwardSessionCookies: true\n");
    let (status, output) = run_with(&["check-config", "-"], &config);
    let warnings = output
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .count();
    assert_eq!((status, warnings), (Some(0), 3), "{output}");
}

#[test]
fn a_good_token_is_ok_with_the_headers_it_would_set() {
    let (config, key) = (
        file("c1.yaml", CONFIG),
        file("k1.pem", &vector("public_key_pem")),
    );
    let more = ["--key", key.to_str().expect("text"), "--at", IN_TIME];
    let seen = verify(config.to_str().expect("text"), &more, &vector("token"));
    assert_eq!(
        seen,
        (Some(0), "ok\nkubeflow-userid: duke@sun.com\n".to_owned())
    );
}

#[test]
fn a_refused_token_has_the_filters_reason_also_where_the_filter_would_only_observe() {
    let config = file("c2.yaml", &format!("{CONFIG}mode: observe\n"));
    let key = file("k2.pem", &vector("public_key_pem"));
    let (config, key) = (config.to_str().expect("text"), key.to_str().expect("text"));
    let expired = (
        Some(1),
        "token_expired: The token has expired.\n".to_owned(),
    );
    assert_eq!(verify(config, &["--key", key], &vector("token")), expired);
    let (status, output) = verify(config, &["--key", key, "--at", IN_TIME], "a.b.c");
    assert!(
        status == Some(1) && output.starts_with("malformed_token: "),
        "{output}"
    );
}

#[test]
fn without_the_key_its_url_is_named() {
    let config = file("c3.yaml", CONFIG);
    let more = ["--at", "2023-06-26T02:50:00Z"];
    let (status, output) = verify(config.to_str().expect("text"), &more, &vector("token"));
    let url = "https://public-keys.auth.elb.eu-central-1.amazonaws.com/c2f80c8b-c05c-4068-af14-17299f7896b1";
    assert!(status == Some(2) && output.contains(url), "{output}");
}

#[test]
fn inspect_marks_what_it_shows_as_unverified() {
    let (status, output) = run_with(&["inspect", "-"], &vector("token"));
    assert_eq!(status, Some(0));
    for part in [
        "UNVERIFIED",
        "duke@sun.com",
        "2023-06-26T02:54:05Z",
        "issuers: ",
    ] {
        assert!(output.contains(part), "{part}: {output}");
    }
    assert_eq!(run_with(&["inspect", "-"], "abc").0, Some(1));
}

#[test]
fn a_file_that_cannot_be_read_is_a_usage_error() {
    assert_eq!(verify("no-such-file.yaml", &[], "x").0, Some(2));
    assert_eq!(
        run_with(&["check-config", "no-such-file.yaml"], "").0,
        Some(2)
    );
}
