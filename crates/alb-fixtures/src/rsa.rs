//! RSA keys that sign as an identity provider does, and sets of their public halves (RFC 7517, RFC 7518).

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p256::pkcs8::der::asn1::{AnyRef, BitStringRef, Null};
use p256::pkcs8::der::{Encode as _, SecretDocument};
use p256::pkcs8::spki::{AlgorithmIdentifier, ObjectIdentifier, SubjectPublicKeyInfo};
use p256::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{self, RsaEncoding, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::mint::encode;

/// An RSA key pair and the key id under which its public half stands in a key set.
#[derive(Clone)]
pub struct RsaSigner {
    kid: String,
    key: Arc<RsaKeyPair>,
}

/// The keys of `keys/`. Everybody can read their private halves: what they sign proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestKey {
    /// 2048 bits: signs the user pool's access tokens.
    Rsa2048A,
    /// 2048 bits: signs the user pool's ID tokens.
    Rsa2048B,
    /// 2048 bits: an attacker's, or another pool's.
    Rsa2048C,
    /// 3072 bits.
    Rsa3072,
    /// 4096 bits.
    Rsa4096,
}

/// How an [`RsaSigner`] signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// RSASSA-PKCS1-v1_5 with SHA-256: RS256.
    Pkcs1Sha256,
    /// RSASSA-PKCS1-v1_5 with SHA-384: RS384.
    Pkcs1Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-512: RS512.
    Pkcs1Sha512,
    /// RSASSA-PSS with SHA-256: PS256.
    PssSha256,
}

/// Why a private key could not be read.
#[derive(Debug)]
pub struct InvalidRsaKey(String);

impl TestKey {
    fn pem(self) -> &'static str {
        match self {
            Self::Rsa2048A => include_str!("../keys/rsa-2048-a.test-only.pem"),
            Self::Rsa2048B => include_str!("../keys/rsa-2048-b.test-only.pem"),
            Self::Rsa2048C => include_str!("../keys/rsa-2048-c.test-only.pem"),
            Self::Rsa3072 => include_str!("../keys/rsa-3072.test-only.pem"),
            Self::Rsa4096 => include_str!("../keys/rsa-4096.test-only.pem"),
        }
    }

    /// The key, ready to sign, under [`RsaSigner::named_by_thumbprint`]'s id.
    ///
    /// # Panics
    /// If the file is no such key.
    pub fn signer(self) -> RsaSigner {
        static SIGNERS: [OnceLock<RsaSigner>; 5] = [const { OnceLock::new() }; 5];
        let read = || RsaSigner::from_pem("", self.pem()).expect("a key of this crate");
        SIGNERS[self as usize]
            .get_or_init(|| read().named_by_thumbprint())
            .clone()
    }
}

impl RsaSigner {
    /// The key in a PEM text: PKCS#8 (`-----BEGIN PRIVATE KEY-----`), 2048 to 4096 bits, as `openssl genpkey` writes it.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_pem(kid: impl Into<String>, pem: &str) -> Result<Self, InvalidRsaKey> {
        let (_, document) =
            SecretDocument::from_pem(pem).map_err(|e| InvalidRsaKey(e.to_string()))?;
        let key = RsaKeyPair::from_pkcs8(document.as_bytes())
            .map_err(|e| InvalidRsaKey(e.to_string()))?;
        Ok(Self {
            kid: kid.into(),
            key: Arc::new(key),
        })
    }

    /// The same key under another id.
    #[must_use]
    pub fn named(self, kid: impl Into<String>) -> Self {
        let kid = kid.into();
        Self { kid, ..self }
    }

    /// The same key under an id of Cognito's form: standard base64, 44 characters, made from the public half.
    #[must_use]
    pub fn named_by_thumbprint(self) -> Self {
        let kid = STANDARD.encode(Sha256::digest(self.spki_der()));
        self.named(kid)
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The modulus, big-endian, without leading zeros.
    pub fn modulus(&self) -> Vec<u8> {
        PublicKeyComponents::from(self.key.public()).n
    }

    /// The public exponent, big-endian, without leading zeros.
    pub fn exponent(&self) -> Vec<u8> {
        PublicKeyComponents::from(self.key.public()).e
    }

    /// The public key as SubjectPublicKeyInfo in DER (RFC 3279 section 2.3.1).
    ///
    /// # Panics
    /// Never: a public key always has such a form.
    pub fn spki_der(&self) -> Vec<u8> {
        let pkcs1 = self.key.public().as_ref();
        let spki: SubjectPublicKeyInfoRef<'_> = SubjectPublicKeyInfo {
            algorithm: rsa_encryption(),
            subject_public_key: BitStringRef::from_bytes(pkcs1).expect("some 500 bytes"),
        };
        spki.to_der().expect("a sequence of two known members")
    }

    /// The public key as Cognito writes it into a key set.
    pub fn jwk(&self) -> Value {
        json!({
            "alg": "RS256",
            "e": encode(&self.exponent(), false),
            "kid": self.kid,
            "kty": "RSA",
            "n": encode(&self.modulus(), false),
            "use": "sig",
        })
    }

    /// The raw signature over `message`, as long as the modulus.
    ///
    /// # Panics
    /// If the operating system gives no randomness.
    pub fn sign(&self, scheme: Scheme, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                scheme.encoding(),
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .expect("the operating system gives randomness");
        signature
    }

    /// Signs two JSON texts, whatever they hold, in RFC 7515's base64url without padding.
    pub fn sign_parts(&self, scheme: Scheme, protected_header: &[u8], payload: &[u8]) -> String {
        let input = format!(
            "{}.{}",
            encode(protected_header, false),
            encode(payload, false)
        );
        let signature = self.sign(scheme, input.as_bytes());
        format!("{input}.{}", encode(&signature, false))
    }
}

impl Scheme {
    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Pkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
            Self::Pkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
            Self::Pkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
            Self::PssSha256 => &signature::RSA_PSS_SHA256,
        }
    }
}

/// A key set (JWKS) as an issuer publishes it.
pub fn key_set(keys: &[RsaSigner]) -> String {
    let keys: Vec<Value> = keys.iter().map(RsaSigner::jwk).collect();
    json!({ "keys": keys }).to_string()
}

/// Whether `signature` is RS256's over `message` by the key in `spki_der` (SubjectPublicKeyInfo, 2048 to 8192 bits):
/// what Envoy's `verify_signature` answers, for programs without an Envoy.
pub fn rs256_verifies(spki_der: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Ok(spki) = SubjectPublicKeyInfoRef::try_from(spki_der) else {
        return false;
    };
    let Some(pkcs1) = spki.subject_public_key.as_bytes() else {
        return false;
    };
    let key = UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pkcs1);
    spki.algorithm == rsa_encryption() && key.verify(message, signature).is_ok()
}

/// The same with a member of a key set: `n` and `e` in base64url without padding.
pub fn rs256_verifies_with_jwk(jwk: &Value, message: &[u8], signature: &[u8]) -> bool {
    let decode = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    let (Some(n), Some(e)) = (decode("n"), decode("e")) else {
        return false;
    };
    let scheme = &signature::RSA_PKCS1_2048_8192_SHA256;
    let key = PublicKeyComponents { n, e };
    key.verify(scheme, message, signature).is_ok()
}

fn rsa_encryption() -> AlgorithmIdentifierRef<'static> {
    AlgorithmIdentifier {
        oid: RSA_ENCRYPTION,
        parameters: Some(AnyRef::from(Null)),
    }
}

impl fmt::Display for InvalidRsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(why) = self;
        write!(
            f,
            "not an RSA private key of 2048 to 4096 bits in PEM, PKCS#8 ({why}); `openssl genpkey -algorithm RSA` writes one"
        )
    }
}

impl std::error::Error for InvalidRsaKey {}

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
