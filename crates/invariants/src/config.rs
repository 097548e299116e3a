//! Any bytes as `pluginConfig`.

use alb_authn::config::Config;
use std::time::Duration;

/// # Panics
/// Where a rule is broken.
pub fn run(data: &[u8]) {
    match Config::parse(data) {
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                let line = problem.to_string();
                assert!(
                    !line.chars().any(char::is_control),
                    "not one line: {line:?}"
                );
                assert!(!problem.path().is_empty() && !problem.message().is_empty());
            }
        }
        Ok(config) => check(&config),
    }
}

fn check(config: &Config) {
    let count = config.signers().count();
    assert!((1..=64).contains(&count));
    for load_balancer in config.signers() {
        let arn = load_balancer.arn.as_str();
        assert_eq!(
            config.signers_of(arn).first().map(|lb| lb.arn.as_str()),
            Some(arn)
        );
        assert!(config.signers_of(&format!("{arn} ")).is_empty());
        assert!(config.key_sources().get(load_balancer.keys.0).is_some());
        assert!(!load_balancer.headers.is_empty());
        for mapping in load_balancer
            .headers
            .iter()
            .flat_map(|header| &header.entries)
            .map(|entry| &entry.mapping)
        {
            assert!(config.is_stripped(mapping.header.as_str().as_bytes()));
            assert!(mapping.header.is_assignable());
            assert!(!mapping.prefix.chars().any(char::is_control));
        }
    }
    for name in ["kubeflow-userid", "Kubeflow_UserID", "kubeflow_groups"] {
        assert!(config.is_stripped(name.as_bytes()), "{name}");
    }
    let keys = &config.public_keys;
    assert!(
        keys.max_wait >= Duration::from_millis(100) && keys.max_wait <= Duration::from_secs(60)
    );
    assert!((1..=1024).contains(&keys.max_keys));
    assert!((1..=64).contains(&keys.max_pending_fetches));
    assert!((1..=16_384).contains(&keys.max_waiting_requests));
    assert!((1024..=65_536).contains(&config.max_token_bytes));
    assert!(config.token_cache_bytes <= 67_108_864);
    assert!(config.clock_skew <= Duration::from_secs(300));
    for logout in &config.logout {
        assert!(logout.location.starts_with("https://"));
        assert!(logout.location.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
