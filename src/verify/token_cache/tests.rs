use super::*;
use crate::config::Config;
use crate::testing::{at, config, header, payload, public_key, sign};
use crate::token::{UnverifiedToken, precheck};
use crate::verify::{P256, verify};

fn identity(config: &Config) -> Rc<Identity> {
    let token = UnverifiedToken::parse(sign(&header(), &payload()).as_bytes()).unwrap();
    let token = precheck(token, config, at(0)).unwrap();
    let token = verify(token, &public_key(1), &P256).unwrap();
    Rc::new(crate::claims::identify(&token, |_| false).unwrap())
}

fn token(number: u32) -> Vec<u8> {
    format!("token {number:08}").into_bytes()
}

#[test]
fn a_token_is_found_whole_and_under_its_key_only() {
    let identity = identity(&config());
    let (key, same_bytes) = (Rc::new(public_key(1)), Rc::new(public_key(1)));
    let mut cache = TokenCache::new(10_000);
    cache.insert(b"token", Rc::clone(&key), Rc::clone(&identity));
    assert_eq!(cache.find(b"token", &key), Some(identity));
    assert_eq!(cache.find(b"toke", &key), None);
    assert_eq!(cache.find(b"tokens", &key), None);
    assert_eq!(cache.find(b"token", &same_bytes), None);
}

#[test]
fn what_a_gone_key_verified_goes_with_it() {
    let identity = identity(&config());
    let (gone, kept) = (Rc::new(public_key(1)), Rc::new(public_key(2)));
    let mut cache = TokenCache::new(10_000);
    cache.insert(b"a", Rc::clone(&gone), Rc::clone(&identity));
    cache.insert(b"b", Rc::clone(&kept), Rc::clone(&identity));
    cache.remove_key(&gone);
    assert!(cache.find(b"a", &gone).is_none() && cache.find(b"b", &kept).is_some());
    assert_eq!(Rc::strong_count(&gone), 1);
}

#[test]
fn memory_stays_inside_the_bound_and_the_oldest_leave() {
    let identity = identity(&config());
    let key = Rc::new(public_key(1));
    let mut cache = TokenCache::new(4096);
    for number in 0..50_000 {
        cache.insert(&token(number), Rc::clone(&key), Rc::clone(&identity));
        assert!(cache.bytes <= 4096 && cache.entries.len() == cache.oldest_first.len());
    }
    assert!(cache.entries.len() > 10);
    assert!(cache.find(&token(49_999), &key).is_some() && cache.find(&token(0), &key).is_none());
}

#[test]
fn the_same_token_again_takes_no_second_place() {
    let identity = identity(&config());
    let mut cache = TokenCache::new(4096);
    for number in 1..100 {
        cache.insert(b"token", Rc::new(public_key(number)), Rc::clone(&identity));
    }
    assert_eq!((cache.entries.len(), cache.oldest_first.len()), (1, 1));
}

#[test]
fn zero_bytes_keep_nothing_and_a_token_over_the_bound_evicts_nothing() {
    let identity = identity(&config());
    let key = Rc::new(public_key(1));
    let mut off = TokenCache::new(0);
    off.insert(b"token", Rc::clone(&key), Rc::clone(&identity));
    assert!(!off.is_enabled() && off.find(b"token", &key).is_none());
    let mut small = TokenCache::new(1000);
    small.insert(b"token", Rc::clone(&key), Rc::clone(&identity));
    small.insert(&[b'x'; 1000], Rc::clone(&key), identity);
    assert!(small.find(b"token", &key).is_some());
}
