//! Configurations that can't be used are refused with the reason.

use serde_json::{Value, json};
use standin_alb::config::Config;

fn config() -> Value {
    let login = json!({"Type": "authenticate-oidc", "AuthenticateOidcConfig": {
        "Issuer": "https://idp.example.com",
        "AuthorizationEndpoint": "https://idp.example.com/auth",
        "TokenEndpoint": "https://idp.example.com/token",
        "UserInfoEndpoint": "https://idp.example.com/userinfo",
        "ClientId": "id",
        "ClientSecret": "secret",
    }});
    let certificate = json!({"CertificateFile": "a.pem", "PrivateKeyFile": "a.key"});
    json!({
        "LoadBalancerArn": "arn",
        "TargetGroups": {"group": "127.0.0.1:1"},
        "Listeners": [{
            "Protocol": "HTTPS",
            "Address": "127.0.0.1:0",
            "Certificate": certificate,
            "DefaultActions": [login, {"Type": "forward", "TargetGroupArn": "group"}],
        }],
        "PublicKeys": {"Address": "127.0.0.1:0", "Certificate": certificate},
        "IdentityProviderCaFile": "ca.pem",
    })
}

#[test]
fn has_the_api_s_defaults() {
    let config = Config::parse(&config().to_string()).unwrap();
    let text = format!("{:?}", config.listeners[0].default_actions);
    for default in [
        "\"AWSELBAuthSessionCookie\"",
        "604800",
        "\"openid\"",
        "Authenticate",
    ] {
        assert!(text.contains(default), "{default} in {text}");
    }
    assert!(!config.drops_invalid_header_fields());
}

#[test]
fn is_refused_with_the_reason() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 9] = [
        (
            |c| c["Listeners"][0]["Protocol"] = "HTTP".into(),
            "an HTTP listener has none",
        ),
        (
            |c| {
                c["Listeners"][0]["Protocol"] = "HTTP".into();
                c["Listeners"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("Certificate");
            },
            "only with HTTPS listeners",
        ),
        (|c| c["TargetGroups"] = json!({}), "not one of TargetGroups"),
        (
            |c| login(c)["TokenEndpoint"] = "http://idp.example.com/".into(),
            "TokenEndpoint",
        ),
        (|c| login(c)["SessionTimeout"] = 0.into(), "SessionTimeout"),
        (
            |c| login(c)["SessionCookieName"] = "a b".into(),
            "SessionCookieName",
        ),
        (|c| login(c)["Sope"] = "openid".into(), "Sope"),
        (
            |c| {
                let fixed = json!({"StatusCode": "302"});
                c["Listeners"][0]["DefaultActions"] =
                    json!([{"Type": "fixed-response", "FixedResponseConfig": fixed}]);
            },
            "StatusCode",
        ),
        (
            |c| {
                c["Listeners"][0]["DefaultActions"]
                    .as_array_mut()
                    .unwrap()
                    .pop();
            },
            "last action",
        ),
    ];
    for (change, reason) in cases {
        let mut config = config();
        change(&mut config);
        let error = Config::parse(&config.to_string()).unwrap_err().to_string();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

fn login(config: &mut Value) -> &mut Value {
    &mut config["Listeners"][0]["DefaultActions"][0]["AuthenticateOidcConfig"]
}
