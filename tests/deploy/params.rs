//! `deploy/check-params`: what is wrong in a params.env is named, with what is expected.

use std::collections::BTreeSet;

use super::rendered::{Copied, OVERLAYS, good_params};

/// What it prints for an overlay whose parameter `name` is `value` (`None`: not there), and whether it
/// found all good.
fn verdict(copied: &Copied, overlay: &str, name: &str, value: Option<&str>) -> (bool, String) {
    let mut params: Vec<(&str, &str)> = good_params(overlay);
    params.retain(|(known, _)| *known != name);
    params.extend(value.map(|value| (name, value)));
    copied.write_params(overlay, &params);
    let output = copied.check_params(&format!("overlays/{overlay}"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.success(), said)
}

#[test]
fn good_parameters_are_good_and_an_absent_one_is_named() {
    let copied = Copied::new("good-params");
    for overlay in OVERLAYS {
        for (name, value) in good_params(overlay) {
            assert_eq!(
                verdict(&copied, overlay, name, Some(value)),
                (true, String::new()),
                "{overlay}: {name}"
            );
            for absent in [None, Some("")] {
                let (good, said) = verdict(&copied, overlay, name, absent);
                assert!(
                    !good && said.contains(&format!(": {name}: missing; expected ")),
                    "{said}"
                );
                assert_eq!(said.lines().count(), 1, "{said}");
            }
        }
    }
}

#[test]
fn the_shipped_examples_are_told_from_an_installations_own() {
    let copied = Copied::new("shipped-params");
    for overlay in OVERLAYS {
        let output = copied.check_params(&format!("overlays/{overlay}"));
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(!output.status.success());
        assert!(said.contains("albArn: still the example's"), "{said}");
        assert!(said.contains("image: still the example's"), "{said}");
    }
}

#[test]
fn a_wrong_value_is_named_with_what_is_expected() {
    let copied = Copied::new("wrong-params");
    let expected_arn =
        "expected arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID";
    for (name, value, expected) in [
        ("albArn", "kubeflow", expected_arn),
        (
            "albArn",
            "\"arn:aws:elasticloadbalancing:eu-north-1:111122223333:loadbalancer/app/a/0123456789abcdef\"",
            expected_arn,
        ),
        (
            "albArn",
            "arn:aws:elasticloadbalancing:eu-north-1:111122223333:loadbalancer/net/a/0123456789abcdef",
            expected_arn,
        ),
        (
            "albArn",
            "arn:aws:elasticloadbalancing:eu-north-1:111122223333:targetgroup/a/0123456789abcdef",
            expected_arn,
        ),
        (
            "albArn",
            "arn:elb:elasticloadbalancing:cn-north-1:111122223333:loadbalancer/app/a/0123456789abcdef",
            expected_arn,
        ),
        (
            "albArn",
            "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/a/0123456789abcdef",
            "certArn: expected the region of albArn, eu-west-1, got ",
        ),
        (
            "certArn",
            "arn:aws:acm:us-east-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef",
            "expected the region of albArn, eu-north-1",
        ),
        (
            "CognitoUserPoolArn",
            "arn:aws:cognito-idp:us-east-1:111122223333:userpool/us-east-1_AbCdEf123",
            "expected the region of albArn, eu-north-1",
        ),
        (
            "CognitoUserPoolArn",
            "arn:aws:cognito-idp:eu-north-1:111122223333:userpool/us-east-1_AbCdEf123",
            "the same region twice",
        ),
        (
            "CognitoUserPoolArn",
            "eu-north-1_AbCdEf123",
            "expected arn:aws:cognito-idp:REGION:ACCOUNT:userpool/REGION_ID",
        ),
        (
            "CognitoAppClientId",
            "abc\",\"x",
            "expected the id of the pool's app client",
        ),
        (
            "CognitoUserPoolDomain",
            "https://auth.platform.test",
            "expected a custom domain in full, or the prefix",
        ),
        (
            "CognitoUserPoolDomain",
            "ml-platform.auth.eu-north-1.amazoncognito.com",
            "expected the prefix alone, ml-platform",
        ),
        (
            "CognitoUserPoolDomain",
            "auth.platform.test",
            "cognitoLoginHost: expected auth.platform.test",
        ),
        (
            "cognitoLoginHost",
            "ml-platform.auth.us-east-1.amazoncognito.com",
            "expected ml-platform.auth.eu-north-1.amazoncognito.com",
        ),
        (
            "hostname",
            "https://kubeflow.platform.test",
            "expected a DNS name",
        ),
        ("hostname", "kubeflow.platform.test/", "expected a DNS name"),
        (
            "loadBalancerScheme",
            "public",
            "expected internet-facing or internal",
        ),
        (
            "albSubnetCidr1",
            "10.0.0.1/20",
            "expected the CIDR of a subnet",
        ),
        (
            "albSubnetCidr2",
            "0.0.0.0/0",
            "expected the CIDR of a subnet",
        ),
        (
            "albSubnetCidr3",
            "subnet-0123456789abcdef0",
            "expected the CIDR of a subnet",
        ),
        (
            "albSubnetCidr1",
            "2600:1f14:abc:1200::1/64",
            "expected the CIDR of a subnet",
        ),
        ("albSubnetCidr2", "::/0", "expected the CIDR of a subnet"),
        (
            "ipAddressType",
            "ipv6",
            "expected ipv4, dualstack or dualstack-without-public-ipv4",
        ),
        (
            "ipAddressType",
            "ipv4",
            "expected dualstack, since albSubnetCidr3 is IPv6",
        ),
        ("sessionTimeout", "8h", "expected a number of seconds"),
        ("sessionTimeout", "0", "expected a number of seconds"),
        ("sessionTimeout", "604801", "expected a number of seconds"),
        ("sessionCookie", "a b", "expected the name of a cookie"),
        (
            "image",
            "oci://registry.test/a@sha256:abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd",
            "no tag and no oci://",
        ),
        (
            "image",
            "registry.test/a:v1",
            "expected REGISTRY/NAME@sha256:DIGEST",
        ),
        ("certarn", "x", "no such name here; known are albArn, "),
    ] {
        let (good, said) = verdict(&copied, "kubeflow-cognito", name, Some(value));
        let all = format!("{name}={value}: {said}");
        assert!(!good && said.contains(expected), "{all}");
        // By its name, or by the name of what no longer fits to it.
        let named = said.contains(&format!(": {name}: ")) || expected.contains(": expected");
        assert!(named, "{all}");
    }
    for (name, value, expected) in [
        ("issuer", "login.test", "expected the https URL"),
        (
            "tokenEndpoint",
            "http://login.test/token",
            "expected an https URL",
        ),
        (
            "userInfoEndpoint",
            "https://login.test/\"",
            "expected an https URL",
        ),
        ("clientId", "a\"b", "expected the client's id"),
        (
            "clientSecretName",
            "My Secret",
            "expected the name of a Secret",
        ),
        ("logoutLocation", "/logout", "expected an https URL"),
        (
            "controllerServiceAccount",
            "aws-load-balancer-controller",
            "expected NAMESPACE/NAME",
        ),
    ] {
        let (good, said) = verdict(&copied, "kubeflow-oidc", name, Some(value));
        assert!(
            !good && said.contains(&format!(": {name}: {expected}")),
            "{said}"
        );
    }
    let (good, said) = verdict(&copied, "plain-istio", "allowedUsers", Some("a b"));
    assert!(
        !good && said.contains("allowedUsers: expected an address"),
        "{said}"
    );
}

#[test]
fn a_line_that_is_no_assignment_and_a_second_value_are_named() {
    let copied = Copied::new("lines");
    copied.write_params("plain-istio", &good_params("plain-istio"));
    let path = copied.path("overlays/plain-istio/params.env");
    let good = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        format!("{good}issuer=https://other.test\nclientId\n"),
    )
    .unwrap();
    let said = String::from_utf8(copied.check_params("overlays/plain-istio").stdout).unwrap();
    assert!(
        said.contains("issuer: given twice, the second time in line 6"),
        "{said}"
    );
    assert!(
        said.contains("line 7: expected NAME=VALUE, got 'clientId'"),
        "{said}"
    );
}

#[test]
fn before_the_load_balancer_exists_zeros_stand_for_its_id_and_are_pointed_out() {
    let copied = Copied::new("zeros");
    let arn = "arn:aws:elasticloadbalancing:eu-north-1:111122223333:loadbalancer/app/ml-platform/0000000000000000";
    let (good, said) = verdict(&copied, "kubeflow-cognito", "albArn", Some(arn));
    assert!(
        good && said.contains(
            "albArn's id is zeros: until it is the real one, the filter refuses everybody"
        ),
        "{said}"
    );
}

#[test]
fn a_kustomization_around_an_overlay_is_checked_by_that_overlays_parameters() {
    let copied = Copied::new("around");
    copied.write_kustomization("mine", "resources:\n- ../overlays/kubeflow-oidc\n");
    let said = String::from_utf8(copied.check_params("mine").stdout).unwrap();
    assert!(
        said.contains("overlays/kubeflow-oidc/params.env: albArn: still the example's"),
        "{said}"
    );
}

#[test]
fn in_govcloud_the_option_that_is_needed_is_pointed_out() {
    let copied = Copied::new("govcloud-params");
    let arn = "arn:aws-us-gov:elasticloadbalancing:us-gov-east-1:111122223333:loadbalancer/app/a-b/0123456789abcdef";
    let (good, said) = verdict(&copied, "plain-istio", "albArn", Some(arn));
    assert!(
        good && said.contains("needs deploy/components/govcloud"),
        "{said}"
    );
}

#[test]
fn in_other_partitions_the_option_that_is_needed_is_pointed_out() {
    let copied = Copied::new("partition-params");
    let arn = "arn:aws-eusc:elasticloadbalancing:eusc-de-east-1:111122223333:loadbalancer/app/a-b/0123456789abcdef";
    let (good, said) = verdict(&copied, "plain-istio", "albArn", Some(arn));
    assert!(
        good && said.contains("needs deploy/components/other-partition"),
        "{said}"
    );
}

#[test]
fn a_components_own_parameters_are_checked_with_the_overlays() {
    let copied = Copied::new("component-params");
    copied.write_params("kubeflow-oidc", &good_params("kubeflow-oidc"));
    for (component, name, good, bad) in [
        ("further-host", "furtherHost", "a.test", "*.a.test"),
        ("wildcard-host", "wildcardHost", "*.a.test", "a.test"),
        ("other-partition", "keyHost", "a.test", "https://a.test"),
        ("other-partition", "keyPathPrefix", "/a/", "/a"),
    ] {
        let text = format!(
            "resources:\n- ../overlays/kubeflow-oidc\ncomponents:\n- ../components/{component}\n"
        );
        copied.write_kustomization("mine", &text);
        let folder = format!("components/{component}");
        let file = std::fs::read_to_string(copied.path(&format!("{folder}/params.env"))).unwrap();
        assert!(file.contains(name), "{file}");
        let mut params = vec![("keyHost", "keys.test"), ("keyPathPrefix", "/")];
        params.retain(|(other, _)| component == "other-partition" && *other != name);
        for (value, is_good) in [(good, true), (bad, false)] {
            let all = [&params[..], &[(name, value)]].concat();
            copied.write_params_of(&folder, &all);
            let output = copied.check_params("mine");
            let said = String::from_utf8(output.stdout).unwrap();
            let named = said.contains(&format!("{component}/params.env: {name}: expected"));
            assert_eq!(
                (output.status.success(), named),
                (is_good, !is_good),
                "{said}"
            );
        }
    }
}

#[test]
fn the_install_guide_tells_where_each_parameter_comes_from() {
    let guide = include_str!("../../docs/install-kubeflow-aws.md");
    let table = guide.split("| Name | Value |").nth(1).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let names: BTreeSet<&str> = rows
        .flat_map(|row| {
            let cell = row.split(" | ").next().unwrap();
            cell.split('`').skip(1).step_by(2)
        })
        .collect();
    let known: BTreeSet<&str> = good_params("kubeflow-cognito")
        .iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(names, known);

    // What another provider needs in addition.
    let (_, guide) = guide.split_once("\n## Another OIDC provider\n").unwrap();
    let (section, _) = guide.split_once("\n## ").unwrap();
    for (name, _) in good_params("kubeflow-oidc") {
        assert!(
            known.contains(name) || section.contains(&format!("`{name}`")),
            "{name}"
        );
    }
}
