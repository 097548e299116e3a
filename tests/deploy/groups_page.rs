//! What `docs/groups.md` tells people to type: kustomizations build, parameters are the component's, and the commands say
//! what the page says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::rendered::{Copied, good_params};

const PAGE: &str = include_str!("../../docs/groups.md");

/// What stands between the fences of the page's blocks in `language`.
fn blocks(language: &str) -> impl Iterator<Item = &'static str> {
    let fence = format!("```{language}\n");
    let blocks: Vec<&str> = PAGE.split(fence.as_str()).skip(1).collect();
    blocks
        .into_iter()
        .map(|rest| rest.split("```").next().unwrap())
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn its_kustomizations_build_and_each_patch_of_them_changes_something() {
    let copied = Copied::new("groups-page");
    for overlay in ["kubeflow-cognito", "kubeflow-oidc"] {
        copied.write_params(overlay, &good_params(overlay));
    }
    let mut built = 0_usize;
    for block in blocks("yaml").filter(|block| block.contains("kind: Kustomization")) {
        let build = |name: &str, text: &str| {
            copied.write_kustomization(&format!("clusters/{name}"), text);
            copied.build(&format!("clusters/{name}"))
        };
        let rendered = build("mine", block);
        rendered.check_config(&format!("groups-page-{built}"));
        let (before, patches) = block.split_once("patches:\n").unwrap_or((block, ""));
        let is_changed = build("without", before).text != rendered.text;
        assert_eq!(is_changed, !patches.is_empty(), "{block}");
        built = built.saturating_add(1);
    }
    assert!(built >= 4, "{built}");
}

#[test]
fn its_parameters_are_those_of_the_component() {
    let shipped = include_str!("../../deploy/components/groups-policy/params.env");
    let shown = blocks("sh").find(|block| block.starts_with("groupHost="));
    let of = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(of(shown.unwrap()), of(shipped));
}

/// The page's commands that start with `program`, each on one line.
fn commands(program: &str) -> Vec<String> {
    let lines = blocks("sh").flat_map(|block| {
        let block = block.replace("\\\n", " ");
        block.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.filter(|line| line.starts_with(program)).collect()
}

/// A folder with the files that the page's commands read. `alb-token mint` gets `lifetime` for both tokens.
fn folder_with_tokens(lifetime: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("groups-page-commands");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let configuration = blocks("yaml").find(|block| block.starts_with("loadBalancers:"));
    fs::write(folder.join("WasmPlugin.yaml"), configuration.unwrap()).unwrap();
    let names = "--issuer https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE --client 3n4b5urk1ft4fl3mg5e62d9ado";
    let arn = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";
    let made = [
        "alb-token keygen key && mv key.pub key.pem".to_owned(),
        format!(
            "alb-token mint --key key --arn {arn} {names} {lifetime} \
             --claims '{{\"sub\":\"2\",\"email\":\"alice@example.com\",\"email_verified\":\"true\"}}' > token"
        ),
        format!(
            "alb-token mint --access-token {names} {lifetime} \
             --claims '{{\"sub\":\"2\",\"cognito:groups\":[\"ops\",\"ml\"]}}' > access-token"
        ),
        "alb-token key-set > jwks.json".to_owned(),
    ];
    for command in made {
        let (good, _, errors) = run(&folder, &command);
        assert!(good, "{command}: {errors}");
    }
    folder
}

/// Whether a command of a shell succeeds, what it prints and its errors.
fn run(folder: &Path, command: &str) -> (bool, String, String) {
    let programs = ["ALB_TOKEN", "KUSTOMIZE"].map(|name| {
        let program = std::env::var(name).expect("run `make test-deploy`");
        Path::new(&program).parent().unwrap().display().to_string()
    });
    let path = format!("{}:{}", programs.join(":"), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).env("PATH", path);
    let output = shell.current_dir(folder).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, errors) = (text(output.stdout), text(output.stderr));
    (output.status.success(), out, errors)
}

#[test]
#[ignore = "needs alb-token: make test-deploy"]
fn its_commands_show_the_groups_of_the_tokens() {
    let expected = [
        ("inspect < token", "3n4b5urk1ft4fl3mg5e62d9ado"),
        (
            "inspect < access-token",
            "header: kubeflow-groups, claim: \"cognito:groups\"",
        ),
        ("check-config WasmPlugin.yaml", "ok"),
        (
            "--access-token access-token < token",
            "https://public-keys.auth.elb.us-west-2.amazonaws.com/",
        ),
        ("--at 2026-01-31T12:00:00Z < token", "x-group-ml: ml"),
    ];
    let commands = commands("alb-token");
    assert_eq!(commands.len(), expected.len(), "{commands:#?}");
    for (command, (of_command, said)) in commands.iter().zip(expected) {
        assert!(command.contains(of_command), "{command}");
        // 2026-01-31T12:01:00Z, a minute after the time of the page's last command.
        let dated = command.contains("--at");
        let lifetime = if dated {
            "--exp 1769860860"
        } else {
            "--expires-in 60"
        };
        let folder = folder_with_tokens(lifetime);
        let (_, out, errors) = run(&folder, command);
        assert!(out.contains(said), "{command}:\n{out}{errors}");
    }
}

#[test]
#[ignore = "needs kustomize: make test-deploy"]
fn its_check_of_policies_warns_of_each_row_but_the_first() {
    let copied = Copied::new("groups-page-policies");
    copied.write_params("kubeflow-cognito", &good_params("kubeflow-cognito"));
    let policy = |name: &str, action: &str, values: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: a}}\nspec:\n  \
             action: {action}\n  rules:\n  - when: [{{key: 'request.headers[kubeflow-groups]', {values}: [ml]}}]\n---\n"
        )
    };
    let rows = [
        ("grants", "ALLOW", "values"),
        ("denies", "DENY", "values"),
        ("grants-not", "ALLOW", "notValues"),
        ("denies-not", "DENY", "notValues"),
    ];
    let policies: String = rows
        .map(|(name, action, values)| policy(name, action, values))
        .concat();
    copied.write_kustomization(
        "DIR",
        "resources: [../overlays/kubeflow-cognito, policies.yaml]\ncomponents: [../components/groups]\n",
    );
    fs::write(copied.path("DIR/policies.yaml"), policies).unwrap();
    let command = commands("kustomize build DIR").remove(0);
    let (good, said, errors) = run(&copied.path(""), &command);
    assert!(good, "{said}{errors}");
    let warned = |name: &str, what: &str| {
        said.lines()
            .any(|line| line.contains(&format!("a/{name}:")) && line.contains(what))
    };
    assert!(!said.contains("a/grants:"), "{said}");
    assert!(warned("denies", "who lacks it passes"), "{said}");
    assert!(warned("grants-not", "who lacks it passes"), "{said}");
    assert!(warned("denies-not", "who lacks it is denied"), "{said}");
}
