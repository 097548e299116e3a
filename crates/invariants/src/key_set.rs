//! Any bytes, and any almost good key set, as an identity provider's answer.
//!
//! Which key ids are found is said by a second reader; what each key is, by the `der` and `spki` crates.

use std::collections::BTreeMap;

use alb_authn::keys::{KeySet, MAX_KEY_SET_BYTES, RsaPublicKey};
use arbitrary::{Arbitrary, Unstructured};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use p256::pkcs8::der::asn1::UintRef;
use p256::pkcs8::der::{Decode as _, Reader as _, SliceReader};
use p256::pkcs8::spki::SubjectPublicKeyInfoRef;
use serde_json::Value;

use crate::json::Json;
use crate::support::rsa_modulus;
use crate::token::decode_canonical;

/// # Panics
/// If a rule is broken.
pub fn run(data: &[u8]) {
    check(data);
    check(near_valid(data).as_bytes());
}

fn check(text: &[u8]) {
    let ours = KeySet::parse(text);
    if text.len() > MAX_KEY_SET_BYTES {
        return assert_eq!(ours, None, "a set that is too long");
    }
    // What the second reader can't read, no rule speaks of.
    let Ok(json) = serde_json::from_slice::<Json>(text) else {
        return;
    };
    let keys = match json.get("keys") {
        Some(Json::List(keys)) => keys.as_slice(),
        _ => &[],
    };
    let expected = expected(keys);
    assert_eq!(ours.is_some(), !expected.is_empty(), "{json:?}");
    let Some(ours) = ours else { return };
    for (kid, modulus) in &expected {
        let found = ours.find(kid).unwrap_or_else(|| panic!("{kid:?} is lost"));
        check_key(found, kid, modulus);
    }
    let kids = keys.iter().filter_map(|key| key.get("kid")?.text());
    for kid in kids.chain(["", "no such key"]) {
        assert_eq!(
            ours.find(kid).is_some(),
            expected.contains_key(kid),
            "{kid:?}"
        );
    }
}

/// The key is exactly one SubjectPublicKeyInfo of this modulus and 65537, as RFC 3279 section 2.3.1 has it.
fn check_key(key: &RsaPublicKey, kid: &str, modulus: &[u8]) {
    assert_eq!((key.kid(), key.modulus_bytes()), (kid, modulus.len()));
    let spki = SubjectPublicKeyInfoRef::from_der(key.spki()).expect("one SubjectPublicKeyInfo");
    assert_eq!(spki.algorithm.oid.to_string(), "1.2.840.113549.1.1.1");
    assert!(
        spki.algorithm
            .parameters
            .is_some_and(|parameters| parameters.is_null())
    );
    let bits = spki.subject_public_key.as_bytes().expect("whole bytes");
    let mut reader = SliceReader::new(bits).expect("a short text");
    let numbers = reader.sequence(|numbers| {
        let modulus = UintRef::decode(numbers)?;
        Ok::<_, p256::pkcs8::der::Error>((modulus, UintRef::decode(numbers)?))
    });
    let (n, e) = numbers.expect("an RSAPublicKey");
    assert!(reader.is_finished(), "something behind the key");
    assert_eq!((n.as_bytes(), e.as_bytes()), (modulus, &[1, 0, 1][..]));
}

/// The key ids that must be found, with the modulus of each.
fn expected(keys: &[Json]) -> BTreeMap<String, Vec<u8>> {
    let mut by_kid: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (kid, modulus) in keys.iter().filter_map(usable).take(32) {
        by_kid.entry(kid).or_default().push(modulus);
    }
    by_kid.retain(|_, moduli| moduli.iter().all(|modulus| *modulus == moduli[0]));
    by_kid
        .into_iter()
        .filter_map(|(kid, moduli)| Some((kid, moduli.into_iter().next()?)))
        .collect()
}

/// Key id and modulus of a key that counts.
fn usable(key: &Json) -> Option<(String, Vec<u8>)> {
    let says = |name, text| key.get(name).map(|value| value.text() == Some(text));
    let kid = key.get("kid")?.text()?;
    let number = |name| decode_canonical(key.get(name)?.text()?.as_bytes());
    let number = |name| {
        let number: Vec<u8> = number(name)?;
        Some(
            number
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect::<Vec<u8>>(),
        )
    };
    let (n, e) = (number("n")?, number("e")?);
    let bits = n.len() * 8 - usize::try_from(n.first()?.leading_zeros()).ok()?;
    let is_control = |c: char| matches!(u32::from(c), 0..0x20 | 0x7f..0xa0);
    let is_usable = key.is_clear_object()
        && says("kty", "RSA") == Some(true)
        && says("use", "sig") != Some(false)
        && says("alg", "RS256") != Some(false)
        && (1..=256).contains(&kid.chars().count())
        && !kid.chars().any(is_control)
        && e == [1, 0, 1]
        && n.last().is_some_and(|last| last % 2 == 1)
        && (2048..=4096).contains(&bits);
    is_usable.then(|| (kid.to_owned(), n))
}

/// What stands around the keys.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Frame {
    Plain,
    OtherMembers,
    KeysTwice,
    OtherName,
    Bare,
    NoList,
    Filled { below_the_limit: u8 },
}

/// A good key but for what is changed.
#[derive(Arbitrary, Debug)]
struct Jwk {
    kid: u8,
    modulus: u8,
    copies: u8,
    changes: [Option<Change>; 2],
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Change {
    Drop(Member),
    Twice(Member),
    Replace(Member, Foreign),
    ZerosInFront { of_modulus: bool, count: u8 },
    Size(u8),
    Even,
    Exponent(u8),
    Write { member: Member, form: Form },
    Escaped(Member),
    Kid(u8),
    InList,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Member {
    Kty,
    Use,
    Alg,
    Kid,
    N,
    E,
    X5c,
}

impl Member {
    fn name(self) -> &'static str {
        ["kty", "use", "alg", "kid", "n", "e", "x5c"][self as usize]
    }
}

/// How bytes are written.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Form {
    Padded,
    StandardAlphabet,
    OnePadTooMany,
    Whitespace,
    LastDigitChanged,
}

/// What may stand in place of a member's value.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Foreign {
    Null,
    Number,
    List,
    Empty,
    Text(u8),
}

impl Foreign {
    fn json(self) -> String {
        let texts = [
            "RSA", "rsa", "EC", "oct", "sig", "enc", "RS256", "PS256", "RS384", "ES256", "k 1",
            "AQAB",
        ];
        match self {
            Self::Null => "null".to_owned(),
            Self::Number => "65537".to_owned(),
            Self::List => r#"["RSA"]"#.to_owned(),
            Self::Empty => r#""""#.to_owned(),
            Self::Text(which) => quoted(texts[usize::from(which) % texts.len()]),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn near_valid(data: &[u8]) -> String {
    let mut input = Unstructured::new(data);
    let frame = Frame::arbitrary(&mut input).unwrap_or(Frame::Plain);
    let mut keys: Vec<String> = Vec::new();
    while !input.is_empty() && keys.len() < 48 {
        let Ok(jwk) = Jwk::arbitrary(&mut input) else {
            break;
        };
        let copies = if jwk.copies > 200 { 3 } else { 0 };
        for copy in 0..=copies {
            keys.push(jwk.text(copy));
        }
    }
    let keys = format!("[{}]", keys.join(","));
    match frame {
        Frame::Plain => format!(r#"{{"keys":{keys}}}"#),
        Frame::OtherMembers => format!(r#"{{"issuer":null,"keys":{keys},"Keys":[]}}"#),
        Frame::KeysTwice => format!(r#"{{"keys":[{{"kty":"RSA"}}],"keys":{keys}}}"#),
        Frame::OtherName => format!(r#"{{"keys":[],"k\u0065ys":{keys}}}"#),
        Frame::Bare => keys,
        Frame::NoList => format!(r#"{{"keys":{{"keys":{keys}}}}}"#),
        Frame::Filled { below_the_limit } => {
            let mut text = format!(r#"{{"keys":{keys}}}"#);
            let length = MAX_KEY_SET_BYTES + 3 - usize::from(below_the_limit % 6);
            text.extend(std::iter::repeat_n(' ', length.saturating_sub(text.len())));
            text
        }
    }
}

impl Jwk {
    fn text(&self, copy: u8) -> String {
        let mut modulus = rsa_modulus(self.modulus % 8);
        let mut exponent = vec![1, 0, 1];
        for change in self.changes.into_iter().flatten() {
            change.numbers(&mut modulus, &mut exponent);
        }
        let kid = format!("kid-{}", u16::from(self.kid % 48) + u16::from(copy) * 5);
        let mut members: Vec<(&str, String)> = vec![
            ("kty", quoted("RSA")),
            ("use", quoted("sig")),
            ("alg", quoted("RS256")),
            ("kid", quoted(&kid)),
            ("n", quoted(&URL_SAFE_NO_PAD.encode(&modulus))),
            ("e", quoted(&URL_SAFE_NO_PAD.encode(&exponent))),
        ];
        for change in self.changes.into_iter().flatten() {
            change.members(&mut members, &modulus, &exponent);
        }
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!(r#""{name}":{value}"#))
            .collect();
        let object = format!("{{{}}}", members.join(","));
        let is_in_list = self
            .changes
            .iter()
            .flatten()
            .any(|change| matches!(change, Change::InList));
        if is_in_list {
            format!("[{object}]")
        } else {
            object
        }
    }
}

impl Change {
    fn numbers(self, modulus: &mut Vec<u8>, exponent: &mut Vec<u8>) {
        match self {
            Self::ZerosInFront { of_modulus, count } => {
                let number = if of_modulus { modulus } else { exponent };
                let zeros = vec![0; usize::from(count % 5)];
                number.splice(0..0, zeros);
            }
            Self::Size(which) => {
                let sizes = [
                    (255, 0x80),
                    (256, 0x7f),
                    (257, 1),
                    (384, 0xff),
                    (512, 0x80),
                    (513, 1),
                    (512, 0xff),
                    (1, 3),
                ];
                let (length, first) = sizes[usize::from(which) % sizes.len()];
                modulus.resize(length, 0xa5);
                modulus[0] = first;
            }
            Self::Even => {
                if let Some(last) = modulus.last_mut() {
                    *last &= 0xfe;
                }
            }
            Self::Exponent(which) => {
                let exponents: [&[u8]; 7] = [
                    &[3],
                    &[1],
                    &[0],
                    &[1, 0, 3],
                    &[1, 0, 1, 0],
                    &[1, 0, 0, 1],
                    &[1; 9],
                ];
                *exponent = exponents[usize::from(which) % exponents.len()].to_vec();
            }
            _ => {}
        }
    }

    fn members(self, members: &mut Vec<(&str, String)>, modulus: &[u8], exponent: &[u8]) {
        match self {
            Self::Drop(member) => members.retain(|(name, _)| *name != member.name()),
            Self::Twice(member) => {
                let twice = members
                    .iter()
                    .find(|(name, _)| *name == member.name())
                    .cloned();
                members.extend(twice);
            }
            Self::Replace(member, value) => {
                members.retain(|(name, _)| *name != member.name());
                members.push((member.name(), value.json()));
            }
            Self::Write { member, form } => {
                let (name, bytes) = match member {
                    Member::E => ("e", exponent),
                    _ => ("n", modulus),
                };
                members.retain(|(own, _)| *own != name);
                members.push((name, quoted(&form.write(bytes))));
            }
            Self::Escaped(member) => {
                let (_, value) = match members.iter_mut().find(|(name, _)| *name == member.name()) {
                    Some(found) => found,
                    None => return,
                };
                let first = value.chars().nth(1).filter(char::is_ascii_alphanumeric);
                if let Some(first) = first {
                    value.replace_range(1..2, &format!("\\u{:04x}", u32::from(first)));
                }
            }
            Self::Kid(which) => {
                let kid = match which % 6 {
                    0 => "k".repeat(256),
                    1 => "k".repeat(257),
                    2 => "é".repeat(256),
                    3 => "a\nb".to_owned(),
                    4 => "a\u{85}b".to_owned(),
                    _ => "fT+/7=".to_owned(),
                };
                members.retain(|(name, _)| *name != "kid");
                members.push(("kid", quoted(&kid)));
            }
            Self::ZerosInFront { .. }
            | Self::Size(_)
            | Self::Even
            | Self::Exponent(_)
            | Self::InList => {}
        }
    }
}

impl Form {
    fn write(self, bytes: &[u8]) -> String {
        match self {
            Self::Padded => URL_SAFE.encode(bytes),
            Self::StandardAlphabet => STANDARD.encode(bytes),
            Self::OnePadTooMany => URL_SAFE.encode(bytes) + "=",
            Self::Whitespace => URL_SAFE_NO_PAD.encode(bytes) + " ",
            Self::LastDigitChanged => {
                let mut text = URL_SAFE_NO_PAD.encode(bytes);
                text.pop();
                text.push('x');
                text
            }
        }
    }
}
