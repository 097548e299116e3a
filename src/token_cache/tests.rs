use super::*;
use crate::testing::{at, config, header, payload, public_key, sign};
use crate::token::{UnverifiedToken, check_locally};
use crate::token_kind::ALB;
use crate::verify::{WasmBackend, verify};

/// Accepted tokens whose text is chosen.
struct Sample(AcceptedToken);

impl Sample {
    fn new() -> Self {
        let token = UnverifiedToken::parse(sign(&header(), &payload()).as_bytes()).unwrap();
        let token = check_locally(token, &ALB, &config(), at(0)).unwrap();
        let key = Rc::new(public_key(1));
        let token = verify(token, &key, &WasmBackend).unwrap();
        let claims = crate::claims::read_user_claims(&token, config().clock(at(0))).unwrap();
        Self(AcceptedToken::new(token, key, claims))
    }

    fn token(&self, raw: &[u8], key: &Rc<PublicKey>) -> Rc<AcceptedToken> {
        Rc::new(AcceptedToken {
            raw: raw.into(),
            header: self.0.header.clone(),
            key: Rc::clone(key),
            claims: self.0.claims.clone(),
        })
    }
}

fn text(number: u32) -> Vec<u8> {
    format!("a token of more than thirty-two bytes {number:08}").into_bytes()
}

#[test]
fn a_token_is_found_whole_and_under_its_key_only() {
    let sample = Sample::new();
    let (key, same_bytes) = (Rc::new(public_key(1)), Rc::new(public_key(1)));
    let mut cache = TokenCache::new(10_000);
    cache.insert(sample.token(&text(1), &key));
    let found = cache.find(&text(1)).unwrap();
    assert_eq!(
        (found.raw(), found.header().kid),
        (&*text(1), sample.0.header().kid)
    );
    assert!(found.is_verified_by(&key) && !found.is_verified_by(&same_bytes));
}

#[test]
fn another_token_with_the_same_end_is_not_found() {
    let sample = Sample::new();
    let key = Rc::new(public_key(1));
    let mut cache = TokenCache::new(10_000);
    let known = text(1);
    cache.insert(sample.token(&known, &key));
    let mut forged = known.clone();
    forged[0] = b'b';
    let longer = [b"x".as_slice(), &known].concat();
    for other in [
        &forged[..],
        &longer,
        &known[1..],
        &known[known.len() - 32..],
    ] {
        assert_eq!(tail(other), tail(&known));
        assert!(cache.find(other).is_none());
    }
    assert!(cache.find(b"").is_none() && cache.find(b"short").is_none());
}

#[test]
fn what_a_gone_key_verified_goes_with_it() {
    let sample = Sample::new();
    let (gone, kept) = (Rc::new(public_key(1)), Rc::new(public_key(2)));
    let mut cache = TokenCache::new(10_000);
    cache.insert(sample.token(&text(1), &gone));
    cache.insert(sample.token(&text(2), &kept));
    cache.remove_key(&gone);
    assert!(cache.find(&text(1)).is_none() && cache.find(&text(2)).is_some());
    assert_eq!(Rc::strong_count(&gone), 1);
}

#[test]
fn memory_stays_inside_the_bound_and_the_oldest_leave() {
    let sample = Sample::new();
    let key = Rc::new(public_key(1));
    let mut cache = TokenCache::new(8192);
    for number in 0..50_000 {
        cache.insert(sample.token(&text(number), &key));
        let (entries, in_line) = cache.entries.lengths();
        assert!(cache.entries.bytes() <= 8192 && entries == in_line);
    }
    assert!(cache.entries.lengths().0 > 10);
    assert!(cache.find(&text(49_999)).is_some() && cache.find(&text(0)).is_none());
}

#[test]
fn the_same_token_again_takes_no_second_place() {
    let sample = Sample::new();
    let mut cache = TokenCache::new(4096);
    for number in 1..100 {
        cache.insert(sample.token(&text(1), &Rc::new(public_key(number))));
    }
    assert_eq!(cache.entries.lengths(), (1, 1));
}

#[test]
fn zero_bytes_keep_nothing_and_a_token_over_the_bound_evicts_nothing() {
    let sample = Sample::new();
    let key = Rc::new(public_key(1));
    let mut off = TokenCache::new(0);
    off.insert(sample.token(&text(1), &key));
    assert!(!off.is_enabled() && off.find(&text(1)).is_none());
    let mut small = TokenCache::new(1000);
    small.insert(sample.token(&text(1), &key));
    small.insert(sample.token(&[b'x'; 1000], &key));
    assert!(small.find(&text(1)).is_some());
}
