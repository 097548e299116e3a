//! A copy of `deploy/` with parameters of its own, and the objects that kustomize makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::yaml;

pub(crate) const ALB_ARN: &str = "arn:aws:elasticloadbalancing:eu-north-1:111122223333:loadbalancer/app/ml-platform/0123456789abcdef";
const IMAGE: &str = "registry.test:5000/team/alb-authn@sha256:abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd";

/// Every value of every overlay, each unlike all others and unlike the shipped ones.
pub(crate) fn good_params(overlay: &str) -> Vec<(&'static str, &'static str)> {
    let kubeflow = [
        ("albArn", ALB_ARN),
        ("image", IMAGE),
        ("loadBalancerScheme", "internal"),
        ("ipAddressType", "dualstack"),
        ("albSubnetCidr1", "10.1.0.0/20"),
        ("albSubnetCidr2", "10.2.0.0/20"),
        // Either family.
        ("albSubnetCidr3", "2600:1f14:abc:1200::/64"),
        ("sessionTimeout", "3600"),
        ("sessionCookie", "ml-session"),
        ("hostname", "kubeflow.platform.test"),
        (
            "certArn",
            "arn:aws:acm:eu-north-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef",
        ),
    ];
    let cognito = [
        (
            "CognitoUserPoolArn",
            "arn:aws:cognito-idp:eu-north-1:111122223333:userpool/eu-north-1_AbCdEf123",
        ),
        // Only digits: it must stay a string.
        ("CognitoAppClientId", "11223344556677889900112233"),
        ("CognitoUserPoolDomain", "ml-platform"),
        (
            "cognitoLoginHost",
            "ml-platform.auth.eu-north-1.amazoncognito.com",
        ),
    ];
    let oidc = [
        ("issuer", "https://login.test/realms/ml"),
        ("authorizationEndpoint", "https://login.test/authorize?a=b"),
        ("tokenEndpoint", "https://login.test/token"),
        ("userInfoEndpoint", "https://login.test/userinfo"),
        ("clientId", "ml-client"),
        ("clientSecretName", "ml-client-secret"),
        ("controllerServiceAccount", "networking/alb-controller"),
        (
            "logoutLocation",
            "https://login.test/end?x=1&y=https://z.test",
        ),
    ];
    let plain = [
        ("albArn", ALB_ARN),
        ("image", IMAGE),
        ("issuer", "https://login.test/realms/ml"),
        ("clientId", "ml-client"),
        ("allowedUsers", "*@platform.test"),
    ];
    match overlay {
        "kubeflow-cognito" => [&kubeflow[..], &cognito[..]].concat(),
        "kubeflow-oidc" => [&kubeflow[..], &oidc[..]].concat(),
        "plain-istio" => plain.to_vec(),
        other => panic!("no parameters for {other}"),
    }
}

pub(crate) const OVERLAYS: [&str; 3] = ["kubeflow-cognito", "kubeflow-oidc", "plain-istio"];

/// `deploy/`, copied; removed with the value.
pub(crate) struct Copied(PathBuf);

impl Copied {
    /// `test` names the copy, so that tests can run side by side.
    pub(crate) fn new(test: &str) -> Self {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deploy-{test}"));
        let _ = fs::remove_dir_all(&root);
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy");
        let copied = Command::new("cp")
            .arg("-R")
            .arg(shipped)
            .arg(&root)
            .status();
        assert!(copied.unwrap().success());
        Self(root)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.join(below)
    }

    pub(crate) fn write_params(&self, overlay: &str, params: &[(&str, &str)]) {
        self.write_params_of(&format!("overlays/{overlay}"), params);
    }

    /// The parameters of an overlay, or of a component that has some.
    pub(crate) fn write_params_of(&self, below: &str, params: &[(&str, &str)]) {
        let lines: String = params.iter().map(|(n, v)| format!("{n}={v}\n")).collect();
        fs::write(self.path(&format!("{below}/params.env")), lines).unwrap();
    }

    /// A kustomization beside `overlays`, as a user writes one.
    pub(crate) fn write_kustomization(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name)).unwrap();
        fs::write(self.path(&format!("{name}/kustomization.yaml")), text).unwrap();
    }

    /// The objects of a kustomization.
    pub(crate) fn build(&self, below: &str) -> Rendered {
        let output = self.kustomize(below);
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{below}: {errors}");
        Rendered {
            objects: yaml::documents(&text),
            text,
        }
    }

    pub(crate) fn kustomize(&self, below: &str) -> Output {
        let kustomize = std::env::var("KUSTOMIZE").expect("KUSTOMIZE: run `make test-deploy`");
        let mut command = Command::new(kustomize);
        command.arg("build").arg(self.path(below));
        command.output().unwrap()
    }

    pub(crate) fn check_params(&self, below: &str) -> Output {
        let mut command = Command::new(self.path("check-params"));
        command.arg(self.path(below)).output().unwrap()
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Rendered {
    pub(crate) text: String,
    pub(crate) objects: Vec<Value>,
}

impl Rendered {
    /// The only object of that kind.
    pub(crate) fn only(&self, kind: &str) -> &Value {
        let found: Vec<&Value> = self.of_kind(kind).collect();
        assert_eq!(found.len(), 1, "{kind}");
        found[0]
    }

    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |it| it["kind"] == kind)
    }

    /// KIND/NAME of each object.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let name = |it: &Value| {
            let of = |value: &Value| value.as_str().unwrap().to_owned();
            format!("{}/{}", of(&it["kind"]), of(&it["metadata"]["name"]))
        };
        self.objects.iter().map(name).collect()
    }

    /// What `alb-token check-config` says; panics unless it found no problem.
    pub(crate) fn check_config(&self, test: &str) -> String {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.yaml"));
        fs::write(&file, &self.text).unwrap();
        let tool = std::env::var("ALB_TOKEN").expect("ALB_TOKEN: run `make test-deploy`");
        let output = Command::new(tool).arg("check-config").arg(&file).output();
        let output = output.unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }

    /// What the end of `make check-deploy` says: the findings, and the notice below them. Panics if there is a problem.
    pub(crate) fn check_rendering(&self) -> (String, String) {
        let tool = std::env::var("ALB_TOKEN").expect("ALB_TOKEN: run `make test-deploy`");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/check-rendering");
        let mut command = Command::new(script);
        command.arg(tool).stdin(Stdio::piped());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(self.text.as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let [findings, notice] =
            [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        assert!(output.status.success(), "{findings}{notice}");
        (findings, notice)
    }
}
