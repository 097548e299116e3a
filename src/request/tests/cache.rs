//! Tokens that come again.

use super::*;

#[test]
fn a_repeated_token_is_found_in_the_cache_until_it_expires() {
    let config = config_with(json!({ "clockSkew": "0s" }));
    let mut cache = Caches::new(100_000, false);
    let mut payload = payload();
    payload["exp"] = json!(NOON + 60);
    let token = sign(&header(), &payload);
    assert_eq!(
        go_on(&config, &mut cache, &token, at(0)),
        (Reason::Ok, Some(false))
    );
    assert_eq!(
        go_on(&config, &mut cache, &token, at(59)),
        (Reason::Ok, Some(true))
    );
    let expired = rejected(Rejection::TokenExpired);
    assert_eq!(
        go_on(&config, &mut cache, &token, at(60)),
        (expired, Some(true)),
        "the payload's exp"
    );
    assert_eq!(
        go_on(&config, &mut cache, &token, at(120)).0,
        expired,
        "the header's exp"
    );
}

#[test]
fn a_known_token_is_judged_anew_under_another_key() {
    let config = config_with(json!({}));
    let mut cache = Caches::new(100_000, false);
    let token = token();
    let mut under = |number| {
        go_on_with(
            Rc::new(public_key(number)),
            &config,
            &mut cache,
            &token,
            at(0),
        )
    };
    assert_eq!(under(1), (Reason::Ok, Some(false)));
    assert_eq!(under(1), (Reason::Ok, Some(false)), "fetched again");
    let forged = (rejected(Rejection::InvalidSignature), Some(false));
    assert_eq!(under(2), forged);
}

#[test]
fn requests_that_waited_with_one_token_are_verified_once() {
    let config = config_with(json!({}));
    let mut cache = Caches::new(100_000, false);
    let token = token();
    let mut hits = Vec::new();
    let waiting =
        [(); 2].map(|()| arrive_after(&config, &cache.user, &[("x-amzn-oidc-data", &token)]));
    for request in waiting {
        let Request::AwaitingKey(request) = request else {
            panic!("the key should be needed");
        };
        let mut judge = Judge {
            config: &config,
            backend: &WasmBackend,
            caches: &mut cache,
        };
        let judgement = judged(judge.resume(request.park(&config), Ok(KEY.with(Rc::clone)), at(0)));
        hits.push((judgement.decision.reason, judgement.findings.cache_lookup));
    }
    assert_eq!(hits, [(Reason::Ok, Some(false)), (Reason::Ok, Some(true))]);
}

#[test]
fn only_accepted_tokens_get_into_the_cache() {
    let config = config_with(json!({}));
    let mut cache = Caches::new(100_000, false);
    let unverified = sign(&header(), &json!({ "email": "a@example.com" }));
    for _ in 0..2 {
        let seen = go_on(&config, &mut cache, &unverified, at(0));
        assert_eq!(seen, (rejected(Rejection::UnverifiedEmail), Some(false)));
    }
}
