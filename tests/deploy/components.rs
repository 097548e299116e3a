//! Each option around each overlay.

use serde_json::{Value, json};

use super::rendered::{Copied, OVERLAYS, Rendered, good_params};

/// An overlay with options, as `clusters/example` does it.
fn render(test: &str, overlay: &str, components: &[&str]) -> Rendered {
    let copied = Copied::new(test);
    copied.write_params(overlay, &good_params(overlay));
    build(&copied, overlay, components)
}

fn build(copied: &Copied, overlay: &str, components: &[&str]) -> Rendered {
    let list: String = components
        .iter()
        .map(|name| format!("- ../components/{name}\n"))
        .collect();
    let text = format!("resources:\n- ../overlays/{overlay}\ncomponents:\n{list}");
    copied.write_kustomization("mine", &text);
    copied.build("mine")
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn fail_reload_changes_the_strategy_and_nothing_else() {
    for overlay in OVERLAYS {
        let without = render(&format!("reload-without-{overlay}"), overlay, &["observe"]);
        let with = render(
            &format!("reload-{overlay}"),
            overlay,
            &["observe", "fail-reload"],
        );
        let expected = without
            .text
            .replace("failStrategy: FAIL_CLOSE", "failStrategy: FAIL_RELOAD");
        assert_ne!(with.text, without.text);
        assert_eq!(with.text, expected);
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn observe_is_warned_of() {
    let rendered = render("observe", "kubeflow-cognito", &["observe"]);
    let said = rendered.check_config("observe");
    assert!(
        said.contains("spec.pluginConfig.mode: nothing is refused"),
        "{said}"
    );
    let (findings, notice) = rendered.check_rendering();
    assert_eq!(findings, said);
    assert!(
        notice.contains("NOTHING IS REFUSED: mode is observe."),
        "{notice}"
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn a_rendering_that_enforces_says_nothing_of_refusing_nothing() {
    for overlay in OVERLAYS {
        let (findings, notice) =
            render(&format!("enforce-{overlay}"), overlay, &["fail-reload"]).check_rendering();
        assert!(findings.contains("ok: WasmPlugin"), "{findings}");
        assert_eq!(notice, "", "{overlay}");
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn a_traffic_extension_says_what_the_plugin_said() {
    for overlay in OVERLAYS {
        let plugin = render(&format!("te-without-{overlay}"), overlay, &["fail-reload"]);
        let plugin = &plugin.only("WasmPlugin")["spec"];
        let rendered = render(
            &format!("te-{overlay}"),
            overlay,
            &["fail-reload", "traffic-extension"],
        );
        assert_eq!(rendered.of_kind("WasmPlugin").count(), 0);
        let of = |names: &[&str]| -> Value {
            names
                .iter()
                .map(|name| ((*name).to_owned(), plugin[*name].clone()))
                .collect::<serde_json::Map<_, _>>()
                .into()
        };
        let mut expected = of(&["selector", "phase"]);
        expected["wasm"] = of(&[
            "url",
            "imagePullPolicy",
            "pluginName",
            "failStrategy",
            "pluginConfig",
        ]);
        // Nothing that the plugin has is left out.
        assert_eq!(plugin.as_object().unwrap().len(), 7);
        assert_eq!(rendered.only("TrafficExtension")["spec"], expected);
        let said = rendered.check_config(&format!("te-{overlay}"));
        assert_eq!(
            said.trim_end(),
            "ok: TrafficExtension istio-system/alb-authn"
        );
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn where_clusters_are_filtered_a_virtual_service_names_the_key_endpoint_and_serves_nothing() {
    let rendered = render("filtered", "kubeflow-oidc", &["filtered-gateway-clusters"]);
    let spec = &rendered.only("VirtualService")["spec"];
    assert_eq!(spec["hosts"], json!(["alb-public-keys.invalid"]));
    let entry = &rendered.only("ServiceEntry")["spec"];
    let route = &spec["http"][0];
    assert_eq!(
        route["route"][0]["destination"],
        json!({"host": entry["hosts"][0], "port": {"number": 443}})
    );
    assert_eq!(
        route["fault"]["abort"],
        json!({"httpStatus": 404, "percentage": {"value": 100}})
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn in_govcloud_the_cluster_is_the_one_that_the_filter_asks_for() {
    for region in ["us-gov-west-1", "us-gov-east-1"] {
        let arn = format!(
            "arn:aws-us-gov:elasticloadbalancing:{region}:111122223333:loadbalancer/app/a-b/0123456789abcdef"
        );
        let mut params: Vec<(&str, &str)> = good_params("plain-istio");
        params.retain(|(name, _)| *name != "albArn");
        params.push(("albArn", &arn));
        let copied = Copied::new(region);
        copied.write_params("plain-istio", &params);
        let text = "resources:\n- ../overlays/plain-istio\ncomponents:\n- ../components/govcloud\n";
        copied.write_kustomization("mine", text);
        let rendered = copied.build("mine");
        let config = rendered.only("WasmPlugin")["spec"]["pluginConfig"].to_string();
        let config = alb_authn::config::Config::parse(config.as_bytes()).unwrap();
        let host = &config.key_sources()[0].authority;
        assert_eq!(
            rendered.only("ServiceEntry")["spec"]["hosts"],
            json!([host])
        );
        let rule = &rendered.only("DestinationRule")["spec"];
        let tls = &rule["trafficPolicy"]["tls"];
        let names = json!([rule["host"], tls["sni"], tls["subjectAltNames"][0]]);
        assert_eq!(names, json!([host, host, host]));
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn with_bearer_tokens_whoever_has_neither_is_denied() {
    for (overlay, header) in [
        ("kubeflow-cognito", "kubeflow-userid"),
        ("plain-istio", "x-authenticated-email"),
    ] {
        let rendered = render(&format!("bearer-{overlay}"), overlay, &["bearer-tokens"]);
        rendered.check_config(&format!("bearer-{overlay}"));
        let config = &rendered.only("WasmPlugin")["spec"]["pluginConfig"];
        assert_eq!(config["outputClaimToHeaders"][0]["header"], header);
        // Knative's probe stays, and the policy lets it pass too.
        let allowed = config["allowMissingToken"].as_array().unwrap();
        let bearers = json!({"pathPrefix": "/pipeline/", "withHeader": "authorization"});
        assert_eq!(allowed.last(), Some(&bearers));
        let probes = usize::from(overlay == "kubeflow-cognito");
        assert_eq!(allowed.len(), 1 + probes);
        let mut policies = rendered.of_kind("AuthorizationPolicy");
        let policy = policies.find(|it| it["metadata"]["name"] == "alb-authn-require-identity");
        assert_eq!(
            policy.unwrap()["spec"],
            json!({
                "selector": {"matchLabels": {"istio": "ingressgateway"}},
                "action": "DENY",
                "rules": [{
                    "from": [{"source": {"notRequestPrincipals": ["*"]}}],
                    "to": [{"operation": {"notPaths": ["/healthz"]}}],
                    "when": [{"key": format!("request.headers[{header}]"), "notValues": ["*"]}],
                }],
            })
        );
        let rule = &rendered.only("RequestAuthentication")["spec"]["jwtRules"][0];
        // The same place and form as `withHeader` asks for.
        let expected = json!([{"name": "authorization", "prefix": "Bearer "}]);
        assert_eq!(rule["fromHeaders"], expected);
        assert_eq!(rendered.of_kind("ConfigMap").count(), 0);
    }
}

/// The hosts of the Ingress, each of which leads to the gateway with every path.
fn hosts(rendered: &Rendered) -> Vec<&str> {
    let rules = &rendered.only("Ingress")["spec"]["rules"];
    let rules = rules.as_array().unwrap();
    let host = |rule| {
        let rule: &Value = rule;
        assert_eq!(rule["http"], rules[0]["http"]);
        rule["host"].as_str().unwrap()
    };
    rules.iter().map(host).collect()
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn further_hosts_and_a_wildcard_lead_to_the_gateway_too() {
    let copied = Copied::new("hosts");
    let overlay = "kubeflow-oidc";
    copied.write_params(overlay, &good_params(overlay));
    copied.write_params_of(
        "components/further-host",
        &[("furtherHost", "apps.platform.test")],
    );
    let models = "*.models.platform.test";
    copied.write_params_of("components/wildcard-host", &[("wildcardHost", models)]);
    let ours = "kubeflow.platform.test";

    let both = build(&copied, overlay, &["further-host", "wildcard-host"]);
    assert_eq!(hosts(&both), [ours, "apps.platform.test", models]);
    // A session belongs to one host, and so does its end.
    assert_eq!(
        both.only("WasmPlugin")["spec"]["pluginConfig"]["logout"]["hosts"],
        json!([ours, "apps.platform.test"])
    );
    assert_eq!(both.of_kind("ConfigMap").count(), 0);
    both.check_config("hosts");

    assert_eq!(
        hosts(&build(&copied, overlay, &["wildcard-host"])),
        [ours, models]
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn in_other_partitions_the_key_endpoint_is_asked_for() {
    for (partition, region) in [("aws-cn", "cn-north-1"), ("aws-eusc", "eusc-de-east-1")] {
        let arn = format!(
            "arn:{partition}:elasticloadbalancing:{region}:111122223333:loadbalancer/app/a-b/0123456789abcdef"
        );
        let mut params: Vec<(&str, &str)> = good_params("plain-istio");
        params.retain(|(name, _)| *name != "albArn");
        params.push(("albArn", &arn));
        let copied = Copied::new(partition);
        copied.write_params("plain-istio", &params);
        let config = |rendered: &Rendered| {
            let config = rendered.only("WasmPlugin")["spec"]["pluginConfig"].to_string();
            alb_authn::config::Config::parse(config.as_bytes())
        };
        let problems = config(&build(&copied, "plain-istio", &[])).unwrap_err();
        assert_eq!(problems[0].path(), "loadBalancers[0].keyEndpoint.authority");

        let endpoint = [("keyHost", "keys.partition.test"), ("keyPathPrefix", "/p/")];
        copied.write_params_of("components/other-partition", &endpoint);
        let rendered = build(&copied, "plain-istio", &["other-partition"]);
        let config = config(&rendered).unwrap();
        let asked = &config.key_sources()[0];
        assert_eq!(
            (asked.cluster.as_str(), asked.path_prefix.as_str()),
            ("outbound|443||keys.partition.test", "/p/")
        );
        let host = json!("keys.partition.test");
        assert_eq!(
            rendered.only("ServiceEntry")["spec"]["hosts"],
            json!([host])
        );
        let rule = &rendered.only("DestinationRule")["spec"];
        let tls = &rule["trafficPolicy"]["tls"];
        for named in [&rule["host"], &tls["sni"], &tls["subjectAltNames"][0]] {
            assert_eq!(*named, host);
        }
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn an_option_put_into_the_overlay_itself_is_an_error_and_no_half_filled_plugin() {
    // There the options come before the parameters, which then don't find the fields that they fill.
    let copied = Copied::new("misplaced");
    copied.write_params("kubeflow-cognito", &good_params("kubeflow-cognito"));
    let path = copied.path("overlays/kubeflow-cognito/kustomization.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let option = "components:\n- ../../components/traffic-extension\n";
    std::fs::write(&path, text + option).unwrap();
    let output = copied.kustomize("overlays/kubeflow-cognito");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(errors.contains("unable to find field"), "{errors}");
}
