//! What the objects of one stream say together.

use super::*;

fn plugin(config: &str) -> String {
    wasm_plugin("  phase: AUTHN\n") + config
}

fn ingress(annotations: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: i\n  namespace: ns\n  \
         annotations:\n    a: b\n{annotations}"
    )
}

fn annotation(name: &str, value: &str) -> String {
    format!("    alb.ingress.kubernetes.io/{name}: {value}\n")
}

#[test]
fn an_ingress_in_a_group_is_a_problem() {
    let grouped = ingress(&annotation("group.name", "shared"));
    let expected = "Ingress ns/i: metadata.annotations[alb.ingress.kubernetes.io/group.name]: expected none: an Ingress \
                    of the same group";
    check(&(plugin("") + &grouped), &[expected]);
    // Also alone, as `kubectl get ingress -o yaml` prints it.
    check(&grouped, &[expected]);
    check(&(plugin("") + &ingress("")), &[]);
    let other = grouped.replace("networking.k8s.io/v1", "example.com/v1");
    check(&(plugin("") + &other), &[]);
}

#[test]
fn the_session_cookie_of_an_ingress_is_one_that_the_filter_removes() {
    let path = "Ingress ns/i: metadata.annotations[alb.ingress.kubernetes.io/auth-session-cookie]: expected a name in \
                sessionCookies";
    let named = |name: &str| ingress(&annotation("auth-session-cookie", name));
    let logs_in = ingress(&annotation("auth-type", "oidc"));
    let mine = plugin("    sessionCookies: [Mine]\n");
    check(&(plugin("") + &named("AWSELBAuthSessionCookie")), &[]);
    check(&(plugin("") + &named("Mine")), &[path]);
    check(&(mine.clone() + &named("Mine")), &[]);
    check(&(mine.clone() + &named("mine")), &[path]);
    // The load balancer's default, which nothing names.
    check(&(mine.clone() + &logs_in), &[path]);
    check(&(plugin("") + &logs_in), &[]);
    // A rule without a login sets no cookie.
    check(&(mine + &ingress("")), &[]);
    // Another gateway's plugin may be the one that the Ingress leads to.
    let second = wasm_plugin("  phase: AUTHN\n").replace("name: a", "name: b");
    let second = format!("---\n{second}    sessionCookies: [Mine]\n");
    check(&(plugin("") + &second + &named("Mine")), &[]);
}

#[test]
fn an_envoy_filter_that_opens_a_wasm_filter_is_a_problem() {
    let filter = |setting: &str| {
        format!(
            "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {{name: e, namespace: ns}}\nspec:\n  \
             configPatches:\n  - applyTo: HTTP_FILTER\n    patch:\n      operation: MERGE\n      value:\n        \
             typed_config: {{config: {{{setting}}}}}\n"
        )
    };
    let path = "EnvoyFilter ns/e: spec.configPatches[0].patch.value.typed_config.config";
    for (setting, field) in [
        ("fail_open: true", "fail_open"),
        ("failOpen: true", "failOpen"),
        ("failure_policy: FAIL_OPEN", "failure_policy"),
    ] {
        let expected = format!("{path}.{field}: expected a Wasm filter that fails closed");
        check(&filter(setting), &[&expected]);
        check(
            &format!("{}---\n{}", plugin(""), filter(setting)),
            &[&expected],
        );
    }
    for setting in ["fail_open: false", "failure_policy: FAIL_CLOSED"] {
        check(&format!("{}---\n{}", plugin(""), filter(setting)), &[]);
    }
}

#[test]
fn bearer_tokens_that_nothing_verifies_are_warned_of() {
    let policy = |kind: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: p}}\nspec: {{}}\n"
        )
    };
    let both = policy("RequestAuthentication") + &policy("AuthorizationPolicy");
    let config = "    allowMissingToken:\n    - {path: /a, withHeader: x-probe}\n    \
                  - {pathPrefix: /b/, withHeader: Authorization}\n";
    let expected = "~WasmPlugin ns/a: spec.pluginConfig.allowMissingToken[1].withHeader: expected a \
                    RequestAuthentication and an AuthorizationPolicy";
    check(&plugin(config), &[expected]);
    check(
        &(plugin(config) + &policy("RequestAuthentication")),
        &[expected],
    );
    check(
        &(plugin(config) + &policy("AuthorizationPolicy")),
        &[expected],
    );
    check(&(plugin(config) + &both), &[]);
    // A pluginConfig alone is no stream: what else there is can't be known.
    let alone = smallest(0) + "allowMissingToken: [{path: /b, withHeader: authorization}]\n";
    check(&alone, &[]);
}

#[test]
fn a_policy_that_denies_by_a_header_that_may_be_absent_is_warned_of() {
    let policy = |action: &str, condition: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: ns}}\nspec:\n  \
             action: {action}\n  rules:\n  - when: [{{key: 'source.ip', values: [a]}}, {{{condition}}}]\n"
        )
    };
    let config = "    outputClaimToHeaders:\n    - {header: x-user, claim: email}\n    \
                  - {header: x-role, claim: role, required: false}\n    - {header: x-role, claim: sub}\n    \
                  - {header: x-groups, claim: groups, required: false}\n";
    let findings = |action: &str, condition: &str| plugin(config) + &policy(action, condition);
    let of = |field: &str| {
        format!(
            "~AuthorizationPolicy ns/p: spec.rules[0].when[1].{field}: expected a header with a required entry"
        )
    };
    for (action, condition, field, consequence) in [
        (
            "DENY",
            "key: 'request.headers[x-groups]', values: [a]",
            "values",
            "who lacks it passes",
        ),
        (
            "DENY",
            "key: 'request.headers[X_Groups]', values: [a]",
            "values",
            "who lacks it passes",
        ),
        (
            "ALLOW",
            "key: 'request.headers[x-groups]', notValues: [a]",
            "notValues",
            "who lacks it passes",
        ),
        (
            "DENY",
            "key: 'request.headers[x-groups]', notValues: [a]",
            "notValues",
            "who lacks it is denied",
        ),
    ] {
        let text = findings(action, condition);
        check(&text, &[&of(field)]);
        let said = super::findings(&text);
        assert!(said[0].contains(consequence), "{said:#?}");
    }
    for (action, condition) in [
        ("ALLOW", "key: 'request.headers[x-groups]', values: [a]"),
        // Each request that passes has these.
        ("DENY", "key: 'request.headers[x-user]', values: [a]"),
        ("DENY", "key: 'request.headers[x-role]', notValues: [a]"),
        // Not the filter's.
        ("DENY", "key: 'request.headers[x-other]', values: [a]"),
        ("DENY", "key: 'request.auth.claims[groups]', values: [a]"),
    ] {
        check(&findings(action, condition), &[]);
    }
    // Required for one load balancer, absent for the other one's users.
    let second = "      outputClaimToHeaders: [{header: x-user, claim: email, prefix: 'b:'}]\n    \
                  - arn: ARN\n      issuers: [https://b.example.com]\n      clientIds: [c]\n      \
                  outputClaimToHeaders: [{header: x-user, claim: email}, {header: x-role, claim: role}]\n";
    let second = second.replace("ARN", &ARN.replace("50dc6c495c0c9188", "1234567890abcdef"));
    let condition = "key: 'request.headers[x-role]', values: [a]";
    check(
        &(plugin(&second) + &policy("DENY", condition)),
        &[&of("values")],
    );
}

#[test]
fn two_plugins_of_one_name_are_warned_of() {
    let named = |name: &str, plugin_name: &str| {
        wasm_plugin(&format!("  phase: AUTHN\n{plugin_name}"))
            .replace("name: a", &format!("name: {name}"))
    };
    let two =
        |first: &str, second: &str| format!("{}---\n{}", named("a", first), named("b", second));
    let name = "  pluginName: alb-authn\n";
    check(
        &two(name, name),
        &["~WasmPlugin ns/b: spec.pluginName: WasmPlugin ns/a has the same name"],
    );
    check(&two(name, "  pluginName: other\n"), &[]);
    check(&two("", ""), &[]);
}
