//! Each overlay: every parameter at each of its places, and what no overlay may lack or have.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::rendered::{ALB_ARN, Copied, OVERLAYS, Rendered, good_params};

const KEY_HOST: &str = "public-keys.auth.elb.eu-north-1.amazonaws.com";

fn render(overlay: &str, test: &str) -> Rendered {
    let copied = Copied::new(test);
    copied.write_params(overlay, &good_params(overlay));
    copied.build(&format!("overlays/{overlay}"))
}

fn annotations(ingress: &Value) -> &Value {
    &ingress["metadata"]["annotations"]
}

fn annotation<'a>(ingress: &'a Value, name: &str) -> &'a str {
    let key = format!("alb.ingress.kubernetes.io/{name}");
    annotations(ingress)[key].as_str().unwrap()
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn every_overlay_holds_a_good_plugin_that_fails_closed_and_its_key_endpoint() {
    for overlay in OVERLAYS {
        let rendered = render(overlay, &format!("good-{overlay}"));
        let said = rendered.check_config(overlay);
        assert_eq!(
            said.trim_end(),
            "ok: WasmPlugin istio-system/alb-authn",
            "{overlay}"
        );

        let spec = &rendered.only("WasmPlugin")["spec"];
        assert_eq!(spec["pluginConfig"]["mode"], "enforce");
        assert_eq!(spec["pluginConfig"]["loadBalancers"][0]["arn"], ALB_ARN);
        assert_eq!(
            json!([
                spec["phase"],
                spec["failStrategy"],
                spec["selector"]["matchLabels"],
                spec["url"],
            ]),
            json!([
                "AUTHN",
                "FAIL_CLOSE",
                {"istio": "ingressgateway"},
                format!("oci://registry.test:5000/team/alb-authn@sha256:{}abcd", "abcdef".repeat(10)),
            ])
        );
        let entry = &rendered.only("ServiceEntry")["spec"];
        assert_eq!(entry["hosts"], json!([KEY_HOST]));
        assert_eq!(
            entry["ports"],
            json!([{"number": 443, "name": "https", "protocol": "HTTPS"}])
        );
        let rule = &rendered.only("DestinationRule")["spec"];
        assert_eq!(rule["host"], KEY_HOST);
        // Chain and host name: on each Istio version the lack of another one of these opens a hole.
        assert_eq!(
            rule["trafficPolicy"]["tls"],
            json!({
                "mode": "SIMPLE",
                "sni": KEY_HOST,
                "subjectAltNames": [KEY_HOST],
                "caCertificates": "system",
            })
        );
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn every_object_is_in_the_gateways_namespace_in_no_group_and_no_word_in_capitals_is_left() {
    let copied = Copied::new("words");
    let left = [
        "ALB_ARN",
        "CERTIFICATE_ARN",
        "CONTROLLER",
        "CONTROLLER_NAMESPACE",
        "CLIENT",
        "CLIENT_ID",
        "DOMAIN",
        "HOSTNAME",
        "IMAGE",
        "IP_ADDRESS_TYPE",
        "ISSUER",
        "LOAD_BALANCER_NAME",
        "LOGOUT_LOCATION",
        "POOL",
        "POOL_ARN",
        "QUERY",
        "REGION",
        "SCHEME",
        "SECRET",
        "SESSION_COOKIE",
        "SESSION_TIMEOUT",
        "SUBNET_1",
        "SUBNET_2",
        "SUBNET_3",
        "TOKEN",
        "AUTHORIZATION",
        "USERINFO",
        "USERS",
    ];
    for overlay in OVERLAYS {
        copied.write_params(overlay, &good_params(overlay));
        let rendered = copied.build(&format!("overlays/{overlay}"));
        for object in &rendered.objects {
            assert_eq!(object["metadata"]["namespace"], "istio-system", "{object}");
        }
        let words: Vec<&str> = rendered
            .text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| left.contains(word))
            .collect();
        assert!(words.is_empty(), "{overlay}: {words:?}");
        assert!(!rendered.text.contains("ingress.kubernetes.io/group."));
        // The parameters' ConfigMap is read, not applied.
        let filter = [
            "WasmPlugin/alb-authn",
            "DestinationRule/alb-public-keys",
            "ServiceEntry/alb-public-keys",
        ];
        let kubeflow = [
            "EnvoyFilter/alb-trusted-proxy",
            "Ingress/istio-ingress",
            "NetworkPolicy/istio-ingressgateway-from-alb",
            "Role/alb-oidc-client-reader",
            "RoleBinding/alb-oidc-client-reader",
        ];
        let around = match overlay {
            "plain-istio" => &["AuthorizationPolicy/alb-authn-users"][..],
            "kubeflow-oidc" => &kubeflow[..],
            _ => &kubeflow[..3],
        };
        let expected: BTreeSet<String> = filter
            .iter()
            .chain(around)
            .map(ToString::to_string)
            .collect();
        assert_eq!(rendered.names(), expected, "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_base_alone_is_refused_by_the_filter() {
    let rendered = Copied::new("base").build("base");
    let config = rendered.only("WasmPlugin")["spec"]["pluginConfig"].to_string();
    let problems = alb_authn::config::Config::parse(config.as_bytes()).unwrap_err();
    assert_eq!(problems[0].path(), "loadBalancers[0].arn");
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_load_balancer_drops_odd_headers_and_its_health_checks_pass_by_the_filter() {
    for overlay in ["kubeflow-cognito", "kubeflow-oidc"] {
        let rendered = render(overlay, &format!("ingress-{overlay}"));
        let ingress = rendered.only("Ingress");
        for (name, expected) in [
            ("auth-on-unauthenticated-request", "authenticate"),
            ("auth-scope", "openid email"),
            ("auth-session-cookie", "ml-session"),
            ("auth-session-timeout", "3600"),
            (
                "certificate-arn",
                "arn:aws:acm:eu-north-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef",
            ),
            ("healthcheck-path", "/healthz/ready"),
            ("healthcheck-port", "15021"),
            ("healthcheck-protocol", "HTTP"),
            ("ip-address-type", "dualstack"),
            ("listen-ports", r#"[{"HTTPS":443}]"#),
            (
                "load-balancer-attributes",
                "routing.http.drop_invalid_header_fields.enabled=true",
            ),
            ("load-balancer-name", "ml-platform"),
            ("scheme", "internal"),
            ("target-type", "ip"),
        ] {
            assert_eq!(annotation(ingress, name), expected, "{overlay}: {name}");
        }
        assert_eq!(
            ingress["spec"],
            json!({
                "ingressClassName": "alb",
                "rules": [{
                    "host": "kubeflow.platform.test",
                    "http": {"paths": [{
                        "path": "/",
                        "pathType": "Prefix",
                        "backend": {"service": {"name": "istio-ingressgateway", "port": {"number": 80}}},
                    }]},
                }],
            })
        );
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn cognitos_pool_client_and_domain_reach_the_load_balancer_and_the_filter() {
    let rendered = render("kubeflow-cognito", "cognito");
    let ingress = rendered.only("Ingress");
    assert_eq!(annotation(ingress, "auth-type"), "cognito");
    let idp: Value = serde_json::from_str(annotation(ingress, "auth-idp-cognito")).unwrap();
    assert_eq!(
        idp,
        json!({
            "userPoolARN": "arn:aws:cognito-idp:eu-north-1:111122223333:userpool/eu-north-1_AbCdEf123",
            "userPoolClientID": "11223344556677889900112233",
            "userPoolDomain": "ml-platform",
        })
    );
    assert_eq!(
        rendered.only("WasmPlugin")["spec"]["pluginConfig"],
        json!({
            "loadBalancers": [{
                "arn": ALB_ARN,
                "issuers": ["https://cognito-idp.eu-north-1.amazonaws.com/eu-north-1_AbCdEf123"],
                "clientIds": ["11223344556677889900112233"],
            }],
            "outputClaimToHeaders": [{"header": "kubeflow-userid", "claim": "email"}],
            "emailVerified": "required",
            // Knative's probe for each new InferenceService, and nothing else.
            "allowMissingToken": [
                {"path": "/healthz", "methods": ["GET"], "withHeader": "k-network-probe"},
            ],
            "sessionCookies": ["ml-session", "AWSVAAuthSessionCookie"],
            "logout": {
                "path": "/logout",
                "location": "https://ml-platform.auth.eu-north-1.amazoncognito.com/logout\
                    ?client_id=11223344556677889900112233&logout_uri=https://kubeflow.platform.test",
                "hosts": ["kubeflow.platform.test"],
            },
            "mode": "enforce",
        })
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn an_oidc_providers_endpoints_reach_the_load_balancer_and_its_issuer_the_filter() {
    let rendered = render("kubeflow-oidc", "oidc");
    let ingress = rendered.only("Ingress");
    assert_eq!(annotation(ingress, "auth-type"), "oidc");
    let idp: Value = serde_json::from_str(annotation(ingress, "auth-idp-oidc")).unwrap();
    assert_eq!(
        idp,
        json!({
            "issuer": "https://login.test/realms/ml",
            "authorizationEndpoint": "https://login.test/authorize?a=b",
            "tokenEndpoint": "https://login.test/token",
            "userInfoEndpoint": "https://login.test/userinfo",
            "secretName": "ml-client-secret",
        })
    );
    let config = &rendered.only("WasmPlugin")["spec"]["pluginConfig"];
    assert_eq!(
        config["loadBalancers"],
        json!([{
            "arn": ALB_ARN,
            "issuers": ["https://login.test/realms/ml"],
            "clientIds": ["ml-client"],
        }])
    );
    assert_eq!(
        config["logout"],
        json!({
            "path": "/logout",
            "location": "https://login.test/end?x=1&y=https://z.test",
            "hosts": ["kubeflow.platform.test"],
        })
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_load_balancers_controller_may_read_the_oidc_clients_secret_and_no_other() {
    let rendered = render("kubeflow-oidc", "secret-reader");
    let role = rendered.only("Role");
    assert_eq!(
        role["rules"],
        json!([{
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["ml-client-secret"],
            "verbs": ["get", "list", "watch"],
        }])
    );
    let binding = rendered.only("RoleBinding");
    assert_eq!(
        binding["roleRef"],
        json!({
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": role["metadata"]["name"],
        })
    );
    assert_eq!(
        binding["subjects"],
        json!([{"kind": "ServiceAccount", "name": "alb-controller", "namespace": "networking"}])
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn only_the_load_balancers_subnets_reach_the_gateway_and_one_proxy_is_trusted() {
    for overlay in ["kubeflow-cognito", "kubeflow-oidc"] {
        let rendered = render(overlay, &format!("network-{overlay}"));
        let policy = &rendered.only("NetworkPolicy")["spec"];
        assert_eq!(
            policy["podSelector"],
            json!({"matchLabels": {"istio": "ingressgateway"}})
        );
        assert_eq!(
            policy["ingress"],
            json!([
                {
                    "from": [
                        {"ipBlock": {"cidr": "10.1.0.0/20"}},
                        {"ipBlock": {"cidr": "10.2.0.0/20"}},
                        {"ipBlock": {"cidr": "2600:1f14:abc:1200::/64"}},
                    ],
                    "ports": [{"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 15021}],
                },
                {
                    "from": [{"namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "knative-serving"},
                    }}],
                    "ports": [{"protocol": "TCP", "port": 8080}],
                },
                {
                    "from": [{"namespaceSelector": {}}],
                    "ports": [{"protocol": "TCP", "port": 15020}, {"protocol": "TCP", "port": 15090}],
                },
            ])
        );
        let patch = &rendered.only("EnvoyFilter")["spec"]["configPatches"][0]["patch"];
        assert_eq!(patch["value"]["typed_config"]["xff_num_trusted_hops"], 1);
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn without_kubeflow_the_policy_asks_for_the_header_that_the_filter_sets() {
    let rendered = render("plain-istio", "plain");
    let config = &rendered.only("WasmPlugin")["spec"]["pluginConfig"];
    assert_eq!(
        config["outputClaimToHeaders"],
        json!([{"header": "x-authenticated-email", "claim": "email"}])
    );
    let policy = &rendered.only("AuthorizationPolicy")["spec"];
    assert_eq!(
        *policy,
        json!({
            "selector": {"matchLabels": {"istio": "ingressgateway"}},
            "action": "ALLOW",
            "rules": [{"when": [{
                "key": "request.headers[x-authenticated-email]",
                "values": ["*@platform.test"],
            }]}],
        })
    );
    assert!(!rendered.text.contains("kubeflow"));
}
