//! Which key sets a configuration has: where they are derived, shared, and not fetched.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose configuration is wrong should fail loudly"
)]

use alb_authn::config::Config;
use serde_json::{Value, json};

const POOL: &str = "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_EXAMPLE";

/// An entry of `loadBalancers` for this issuer and `accessToken`.
fn entry(name: &str, issuer: &str, access_token: Value) -> Value {
    let arn = format!(
        "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/{name}/50dc6c495c0c9188"
    );
    json!({"arn": arn, "issuers": [issuer], "clientIds": ["client"], "accessToken": access_token})
}

/// The key sets of these entries: cluster, authority and path.
fn key_sets(entries: &[Value], more: Value) -> Vec<[String; 3]> {
    let mut config = json!({ "loadBalancers": entries });
    let members = config.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let config = Config::parse(config.to_string().as_bytes());
    let config = config.unwrap_or_else(|problems| panic!("{problems:?}"));
    let sets = config.key_set_sources().iter();
    sets.map(|set| [&set.cluster, &set.authority, &set.path].map(Clone::clone))
        .collect()
}

fn forwarded() -> Value {
    json!({"forwardAccessToken": true})
}

#[test]
fn the_key_set_of_a_user_pool_is_derived_from_its_url() {
    for (region, pool) in [
        ("us-west-2", "us-west-2_EXAMPLE"),
        ("us-gov-west-1", "us-gov-west-1_AbCdEf123"),
        ("xx-new-9", "xx-new-9_Z"),
    ] {
        let authority = format!("cognito-idp.{region}.amazonaws.com");
        let issuer = format!("https://{authority}/{pool}");
        let cluster = format!("outbound|443||{authority}");
        let path = format!("/{pool}/.well-known/jwks.json");
        let derived = key_sets(&[entry("a", &issuer, json!({}))], forwarded());
        assert_eq!(derived, [[cluster, authority, path]]);
    }
}

#[test]
fn what_is_written_replaces_what_would_be_derived() {
    let written = |jwks: Value| {
        let entry = entry("a", POOL, json!({ "jwks": jwks }));
        key_sets(&[entry], forwarded()).remove(0)
    };
    let own = "cognito-idp.us-west-2.amazonaws.com";
    let own_path = "/us-west-2_EXAMPLE/.well-known/jwks.json";
    let own_cluster = format!("outbound|443||{own}");
    assert_eq!(
        written(json!({"cluster": "cognito"})),
        ["cognito", own, own_path]
    );
    assert_eq!(
        written(json!({"authority": "keys.internal:8443"})),
        [
            "outbound|443||keys.internal:8443",
            "keys.internal:8443",
            own_path
        ]
    );
    assert_eq!(
        written(json!({"path": "/mirror"})),
        [own_cluster.as_str(), own, "/mirror"]
    );
}

#[test]
fn entries_with_one_place_of_keys_share_the_set_and_others_do_not() {
    let other = json!({"jwks": {"path": "/mirror"}});
    let entries = [
        entry("a", POOL, json!({})),
        entry("b", POOL, json!({"subject": "username"})),
        entry("c", POOL, other),
    ];
    let sets = key_sets(&entries, forwarded());
    let paths: Vec<&str> = sets.iter().map(|[_, _, path]| path.as_str()).collect();
    assert_eq!(
        paths,
        ["/us-west-2_EXAMPLE/.well-known/jwks.json", "/mirror"]
    );
}

#[test]
fn a_key_set_is_fetched_only_if_something_reads_the_access_token() {
    let entries = [entry("a", POOL, json!({}))];
    let source = |source: &str| json!({"header": "x-groups", "claim": "groups", "source": source, "required": false});
    let headers = |own: &str| json!({"outputClaimToHeaders": [{"header": "x-user", "claim": "email"}, source(own)]});
    let required =
        |own: &str| json!({"requiredClaims": [{"claim": "groups", "source": own, "anyOf": ["*"]}]});
    for (more, expected) in [
        (json!({}), 0),
        (headers("userClaims"), 0),
        (headers("accessToken"), 1),
        (required("userClaims"), 0),
        (required("accessToken"), 1),
        (json!({"forwardAccessToken": true}), 1),
        (json!({"forwardToken": true}), 1),
    ] {
        assert_eq!(key_sets(&entries, more.clone()).len(), expected, "{more}");
    }
    // The list of another load balancer is not its own.
    let own = json!({"outputClaimToHeaders": [{"header": "x-user", "claim": "email"}]});
    let mut unread = entry(
        "b",
        "https://cognito-idp.us-west-2.amazonaws.com/us-west-2_OTHER",
        json!({}),
    );
    let members = unread.as_object_mut().unwrap();
    members.extend(own.as_object().unwrap().clone());
    let [reading] = entries;
    assert_eq!(
        key_sets(&[reading, unread], headers("accessToken")).len(),
        1
    );
}
