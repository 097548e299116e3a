//! A good access token, what is changed in it, and the user beside whose token it comes.

use alb_authn::time::UnixTime;
use arbitrary::Arbitrary;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::KIDS;
use crate::support::{CLIENT, ISSUER, NOON, Rarely, after_noon, rsa_key, toy_access_token};

/// Texts that a member may hold. The first of each kind is the good one.
const TEXTS: [&str; 20] = [
    ISSUER,
    "subject-1",
    "subject-2",
    CLIENT,
    "client-2",
    "api",
    "access",
    "id",
    "ID",
    "Bearer",
    "RS256",
    "ES256",
    "none",
    "HS256",
    "k1",
    "a+/b=",
    "no such key",
    "https://idp.example.com/",
    "",
    "at+jwt",
];

/// What is sent, and to whom.
#[derive(Arbitrary, Debug)]
pub(super) struct Attack {
    pub(super) config: u8,
    pub(super) user: User,
    header: [Rarely<Change<HeaderName>>; 2],
    payload: [Rarely<Change<ClaimName>>; 3],
    signing: Rarely<Signing>,
    shape: Rarely<Shape>,
    kid: u8,
    /// Which claims name the client.
    client_claims: u8,
    seconds: i8,
    milliseconds: u8,
}

/// The user's token.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct User {
    client: bool,
    sub: u8,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum HeaderName {
    Alg,
    Kid,
    Crit,
    Typ,
    Jwk,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum ClaimName {
    Iss,
    Sub,
    Uid,
    DottedName,
    Act,
    ClientId,
    Azp,
    Cid,
    Aud,
    TokenUse,
    Typ,
    Exp,
    Nbf,
    Groups,
}

/// One member is changed, removed, or written a second time.
#[derive(Arbitrary, Clone, Copy, Debug)]
struct Change<N> {
    name: N,
    value: Option<Written>,
    /// Beside the good one, in front or behind.
    beside: Option<bool>,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Written {
    Null,
    True,
    Text(u8),
    EscapedText(u8),
    List(u8, u8),
    Object(u8),
    /// From noon on, halves of a second.
    Seconds(i8),
    FarSeconds(u8),
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Signing {
    OtherKey(u8),
    Bit(u8),
    Cut(u8),
    Longer(u8),
    None,
    OfOtherText,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Shape {
    Padded,
    StandardAlphabet,
    HalfPadded(u8),
    FourParts,
    TwoParts,
    BlankBehind,
    LastBit(u8),
}

impl HeaderName {
    fn name(self) -> &'static str {
        ["alg", "kid", "crit", "typ", "jwk"][self as usize]
    }
}

impl ClaimName {
    fn name(self) -> &'static str {
        let names = [
            "iss",
            "sub",
            "uid",
            "act.sub",
            "act",
            "client_id",
            "azp",
            "cid",
            "aud",
            "token_use",
            "typ",
            "exp",
            "nbf",
            "cognito:groups",
        ];
        names[self as usize]
    }
}

impl Written {
    fn json(self) -> String {
        let text = |which: u8| Value::from(TEXTS[usize::from(which) % TEXTS.len()]).to_string();
        match self {
            Self::Null => "null".to_owned(),
            Self::True => "true".to_owned(),
            Self::Text(which) => text(which),
            Self::EscapedText(which) => text(which).replace('/', "\\/").replace('e', "\\u0065"),
            Self::List(first, second) => format!("[{},{}]", text(first), text(second)),
            Self::Object(which) => format!(r#"{{"sub":{},"sub":{0}}}"#, text(which)),
            Self::Seconds(halves) => {
                let halves = NOON * 2 + i64::from(halves);
                let fraction = if halves % 2 == 0 { "" } else { ".5" };
                format!("{}{fraction}", halves / 2)
            }
            Self::FarSeconds(which) => {
                let far = [
                    "0",
                    "-1",
                    "1e300",
                    "-1e300",
                    "18446744073709551615",
                    "9223372036854775",
                    "1E9",
                    "1e400",
                ];
                far[usize::from(which) % far.len()].to_owned()
            }
        }
    }
}

type Members = Vec<(&'static str, String)>;

fn change(members: &mut Members, name: &'static str, value: Option<Written>, beside: Option<bool>) {
    let written = value.map(|value| (name, value.json()));
    match beside {
        None => {
            members.retain(|(own, _)| *own != name);
            members.extend(written);
        }
        Some(true) => members.extend(written),
        Some(false) => members.splice(0..0, written).for_each(drop),
    }
}

fn object(members: &Members) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!("{{{}}}", members.join(","))
}

impl Attack {
    /// At the ends of all lives, too.
    pub(super) fn now(&self) -> UnixTime {
        let milliseconds = i64::from(self.milliseconds % 4) - 1;
        after_noon(i64::from(self.seconds) * 1000 + milliseconds)
    }

    fn key_number(&self) -> u8 {
        self.kid % 3 + 1
    }

    fn header(&self) -> String {
        let kid = KIDS[usize::from(self.kid % 3)];
        let mut members: Members = vec![
            ("kid", Value::from(kid).to_string()),
            ("alg", r#""RS256""#.to_owned()),
        ];
        for one in self.header.iter().filter_map(|change| change.0) {
            change(&mut members, one.name.name(), one.value, one.beside);
        }
        object(&members)
    }

    pub(super) fn payload(&self) -> String {
        let mut members: Members = [
            ("sub", json!("subject-1")),
            ("uid", json!("subject-1")),
            ("act", json!({ "sub": "subject-1" })),
            ("iss", json!(ISSUER)),
            ("aud", json!(["api", self.user.client()])),
            ("token_use", json!("access")),
            ("exp", json!(NOON + 60)),
            ("cognito:groups", json!(["admins"])),
        ]
        .map(|(name, value)| (name, value.to_string()))
        .to_vec();
        let client_claims = ["client_id", "azp", "cid"].into_iter().enumerate();
        let named = client_claims.filter(|(index, _)| self.client_claims >> index & 1 == 1);
        members.extend(named.map(|(_, name)| (name, json!(self.user.client()).to_string())));
        for one in self.payload.iter().filter_map(|change| change.0) {
            change(&mut members, one.name.name(), one.value, one.beside);
        }
        object(&members)
    }

    pub(super) fn token(&self) -> String {
        let (header, payload) = (self.header(), self.payload());
        let sign = |payload: &str, number: u8| {
            toy_access_token(header.as_bytes(), payload.as_bytes(), &rsa_key("", number))
        };
        let token = sign(&payload, self.key_number());
        let Some((input, signature)) = token.rsplit_once('.') else {
            return token;
        };
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        match self.signing.0 {
            None => {}
            Some(Signing::OtherKey(number)) => return sign(&payload, number % 4 + 1),
            Some(Signing::OfOtherText) => {
                let other = sign("{}", self.key_number());
                let (_, signature) = other.rsplit_once('.').unwrap_or_default();
                return format!("{input}.{signature}");
            }
            Some(Signing::Bit(bit)) => bytes[usize::from(bit) / 8] ^= 1 << (bit % 8),
            Some(Signing::Cut(count)) => bytes.truncate(256 - usize::from(count % 8)),
            Some(Signing::Longer(count)) => bytes.extend(vec![0; usize::from(count % 8)]),
            Some(Signing::None) => bytes.clear(),
        }
        let parts = [header.into_bytes(), payload.into_bytes(), bytes];
        Shape::write(self.shape.0, &parts)
    }
}

impl User {
    pub(super) fn client(self) -> &'static str {
        if self.client { CLIENT } else { "client-2" }
    }

    /// `None` if it is no string.
    pub(super) fn sub_text(self) -> Option<&'static str> {
        match self.sub {
            0..16 => Some("subject-2"),
            16..48 => None,
            48..64 => Some(""),
            _ => Some("subject-1"),
        }
    }

    pub(super) fn sub(self) -> Value {
        match (self.sub_text(), self.sub) {
            (Some(text), _) => json!(text),
            (None, 16..32) => json!(7),
            (None, _) => Value::Null,
        }
    }
}

impl Shape {
    fn write(shape: Option<Self>, parts: &[Vec<u8>; 3]) -> String {
        let plain = parts.each_ref().map(|part| URL_SAFE_NO_PAD.encode(part));
        let padded = parts.each_ref().map(|part| URL_SAFE.encode(part));
        match shape {
            None => plain.join("."),
            Some(Self::Padded) => padded.join("."),
            Some(Self::StandardAlphabet) => parts
                .each_ref()
                .map(|part| STANDARD_NO_PAD.encode(part))
                .join("."),
            Some(Self::HalfPadded(which)) => {
                let mut mixed = plain;
                let index = usize::from(which % 3);
                mixed[index].clone_from(&padded[index]);
                mixed.join(".")
            }
            Some(Self::FourParts) => plain.join(".") + ".e30",
            Some(Self::TwoParts) => plain[..2].join("."),
            Some(Self::BlankBehind) => plain.join(".") + " ",
            Some(Self::LastBit(which)) => {
                let mut changed = plain;
                let part = &mut changed[usize::from(which % 3)];
                part.pop();
                part.push('B');
                changed.join(".")
            }
        }
    }
}
