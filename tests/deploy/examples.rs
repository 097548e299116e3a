//! The examples: what is shown is what Kubeflow writes, and what users copy works.

use serde_json::{Value, json};

use super::rendered::{Copied, good_params};
use super::yaml;

/// The folder that people copy protects as it is.
#[test]
fn the_cluster_to_copy_enforces() {
    let text = include_str!("../../deploy/clusters/example/kustomization.yaml");
    let kustomization = yaml::documents(text).remove(0);
    let components = kustomization["components"].as_array().unwrap();
    assert!(!components.is_empty());
    assert!(!components.contains(&json!("../../components/observe")));
    assert!(kustomization.get("patches").is_none());
}

/// The YAML that the install guide shows under a heading.
fn guide_block(heading: &str) -> &'static str {
    let guide = include_str!("../../docs/install-kubeflow-aws.md");
    let (_, section) = guide.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, block) = section.split_once("```yaml\n").unwrap();
    block.split("```").next().unwrap()
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_options_to_copy_work_each_line_of_them() {
    let copied = Copied::new("options");
    copied.write_params("kubeflow-cognito", &good_params("kubeflow-cognito"));
    let path = copied.path("clusters/example/kustomization.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let said = copied.build("clusters/example").check_config("options");
    assert!(
        said.contains("ok: WasmPlugin istio-system/alb-authn"),
        "{said}"
    );
    // What docs/istio.md prefers.
    let shown = copied.build("clusters/example");
    assert_eq!(
        shown.only("WasmPlugin")["spec"]["failStrategy"],
        "FAIL_RELOAD"
    );

    // Every option there is, is shown. Two need a load balancer in another partition, one another identity
    // provider, and the last one would hide the plugin from the patch.
    let all = text
        .replace("# - ../../components/traffic-extension\n", "")
        .replace("# - ../../components/govcloud\n", "")
        .replace("# - ../../components/other-partition\n", "")
        .replace("# - ../../components/groups-oidc\n", "")
        .replace("# - ../", "- ../");
    let (components, patches) = all.split_once("# patches:").unwrap();
    let all = format!("{components}patches:{}", patches.replace("\n# ", "\n"));
    std::fs::write(&path, all).unwrap();
    let all = copied.build("clusters/example");
    all.check_config("all-options");
    let config = &all.only("WasmPlugin")["spec"]["pluginConfig"];
    assert_eq!(config["outputClaimToHeaders"][0]["lowercase"], true);
    assert_eq!(all.of_kind("VirtualService").count(), 2);
    assert_eq!(config["loadBalancers"][0]["accessToken"], json!({}));
    assert_eq!(all.of_kind("RequestAuthentication").count(), 2);
    let entries = std::fs::read_dir(copied.path("components")).unwrap();
    for entry in entries.map(|entry| entry.unwrap().file_name()) {
        let name = format!("components/{}", entry.to_str().unwrap());
        assert!(text.contains(&name), "{name}");
    }
    assert!(!all.text.contains("group.name"));
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn each_profile_lets_in_its_owner_and_the_contributor_and_nobody_else_by_the_header() {
    let rendered = Copied::new("profiles").build("examples/profile-rbac");
    let allowed = |namespace: &str| -> Vec<Value> {
        let policies = rendered
            .of_kind("AuthorizationPolicy")
            .filter(|it| it["metadata"]["namespace"] == namespace);
        let rules = policies.flat_map(|it| it["spec"]["rules"].as_array().unwrap());
        let by_header =
            rules.filter(|rule| rule["when"][0]["key"] == "request.headers[kubeflow-userid]");
        by_header
            .map(|rule| {
                // From the gateway and the pipelines' UI only: any other pod could write the header.
                assert_eq!(
                    rule["from"],
                    json!([{"source": {"principals": [
                        "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account",
                        "cluster.local/ns/kubeflow/sa/ml-pipeline-ui",
                    ]}}])
                );
                rule["when"][0]["values"].clone()
            })
            .collect()
    };
    assert_eq!(
        allowed("alice"),
        [json!(["alice@example.com"]), json!(["carol@example.com"])]
    );
    assert_eq!(
        allowed("bob"),
        [json!(["bob@example.com"]), json!(["carol@example.com"])]
    );
    assert_eq!(rendered.of_kind("Namespace").count(), 2);
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_guides_patch_for_eks_auto_mode_lets_its_controller_read_the_secret() {
    let copied = Copied::new("auto-mode");
    copied.write_params("kubeflow-oidc", &good_params("kubeflow-oidc"));
    let patch = guide_block("EKS Auto Mode");
    let text = format!("resources:\n- ../overlays/kubeflow-oidc\n{patch}");
    copied.write_kustomization("mine", &text);
    assert_eq!(
        copied.build("mine").only("RoleBinding")["subjects"],
        json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "eks:managed"}])
    );
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn the_guides_entry_for_one_host_is_a_good_one() {
    let copied = Copied::new("one-host");
    copied.write_params("kubeflow-oidc", &good_params("kubeflow-oidc"));
    let entry = &yaml::documents(guide_block("Several hosts and InferenceServices"))[0];
    let operation = json!([{
        "op": "add",
        "path": "/spec/pluginConfig/allowMissingToken/-",
        "value": entry["allowMissingToken"][0],
    }]);
    let target = json!({"kind": "WasmPlugin", "name": "alb-authn"});
    let mine = json!({
        "resources": ["../overlays/kubeflow-oidc"],
        "components": ["../components/bearer-tokens"],
        "patches": [{"target": target, "patch": operation.to_string()}],
    });
    copied.write_kustomization("mine", &mine.to_string());
    let rendered = copied.build("mine");
    let said = rendered.check_config("one-host");
    assert_eq!(said.trim_end(), "ok: WasmPlugin istio-system/alb-authn");
    let allowed = &rendered.only("WasmPlugin")["spec"]["pluginConfig"]["allowMissingToken"];
    assert_eq!(allowed[2]["hosts"], json!(["iris.team.models.example.com"]));
}
