//! One RSA public key of a key set, and nothing else.

/// The sizes of modulus that are accepted, in bits: shorter ones are too weak, and longer ones cost each request
/// more than a gateway can pay.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// The one public exponent that is accepted, as every identity provider has it: 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// DER's types (ITU-T X.690 section 8).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// SEQUENCE { rsaEncryption, NULL } in DER (RFC 3279 section 2.3.1).
const ALGORITHM: [u8; 15] = [
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

/// An RSA public key with the exponent 65537, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaPublicKey {
    kid: Box<str>,
    spki: Box<[u8]>,
    modulus_bytes: usize,
}

impl RsaPublicKey {
    /// From modulus and exponent, big-endian, with or without zero bytes in front. `None` for another exponent
    /// than 65537, an even modulus, or one that has not 2048 to 4096 bits.
    pub fn new(kid: &str, modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let is_odd = modulus.last()? & 1 == 1;
        let is_sound = exponent == EXPONENT && is_odd && MODULUS_BITS.contains(&bits(modulus));
        is_sound.then(|| Self {
            kid: kid.into(),
            spki: spki(modulus).into(),
            modulus_bytes: modulus.len(),
        })
    }

    /// The key id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// SubjectPublicKeyInfo in DER. It is written here: Envoy's `verify_signature` accepts a foreign one with
    /// anything behind it.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The length of the modulus, and so of each signature (RFC 8017 section 8.2.2), in bytes.
    pub fn modulus_bytes(&self) -> usize {
        self.modulus_bytes
    }
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The bits of a number without zero bytes in front.
fn bits(number: &[u8]) -> usize {
    let unused = number
        .first()
        .map_or(0, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(8));
    number.len().saturating_mul(8).saturating_sub(unused)
}

/// RFC 3279 section 2.3.1, with RFC 8017's RSAPublicKey in the bit string.
fn spki(modulus: &[u8]) -> Vec<u8> {
    let numbers = [integer(modulus), integer(&EXPONENT)].concat();
    let key = element(SEQUENCE, &numbers);
    let no_unused_bits = [&[0], key.as_slice()].concat();
    let bit_string = element(BIT_STRING, &no_unused_bits);
    element(SEQUENCE, &[ALGORITHM.as_slice(), &bit_string].concat())
}

/// A positive number; a zero byte keeps a leading 1 bit from being a sign.
fn integer(number: &[u8]) -> Vec<u8> {
    let is_signed = number.first().is_some_and(|byte| *byte >= 0x80);
    let sign: &[u8] = if is_signed { &[0] } else { &[] };
    element(INTEGER, &[sign, number].concat())
}

/// One type, length and value (ITU-T X.690 section 8.1).
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = without_zeros(&length);
    let mut bytes = vec![tag];
    match length {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        long => {
            let count = u8::try_from(long.len()).unwrap_or_default();
            bytes.push(0x80 | count);
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bytes: usize, first: u8) -> Vec<u8> {
        let mut modulus = vec![0xa5; bytes];
        modulus[0] = first;
        modulus
    }

    #[test]
    fn the_der_of_2048_bits_is_as_openssl_writes_it() {
        let key = RsaPublicKey::new("k", &modulus(256, 0x80), &EXPONENT).unwrap();
        let start = [
            0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
            0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a,
            0x02, 0x82, 0x01, 0x01, 0x00, 0x80,
        ];
        assert_eq!(key.spki().len(), 294);
        assert!(key.spki().starts_with(&start));
        assert!(key.spki().ends_with(&[0xa5, 0x02, 0x03, 0x01, 0x00, 0x01]));
        assert_eq!(key.modulus_bytes(), 256);
    }

    #[test]
    fn sizes_are_counted_in_bits_and_zeros_in_front_do_not_count() {
        let cases = [
            ("2048 bits", modulus(256, 0x80), true),
            ("2047 bits", modulus(256, 0x7f), false),
            ("2049 bits", modulus(257, 0x01), true),
            ("4096 bits", modulus(512, 0x80), true),
            ("4097 bits", modulus(513, 0x01), false),
            (
                "zeros and 2048 bits",
                [vec![0; 9], modulus(256, 0x80)].concat(),
                true,
            ),
            (
                "zeros and 2047 bits",
                [vec![0; 9], modulus(256, 0x7f)].concat(),
                false,
            ),
            ("even", [modulus(255, 0x80), vec![2]].concat(), false),
            ("nothing", Vec::new(), false),
            ("zeros", vec![0; 256], false),
        ];
        for (case, modulus, is_accepted) in cases {
            let key = RsaPublicKey::new("k", &modulus, &EXPONENT);
            assert_eq!(key.is_some(), is_accepted, "{case}");
        }
        let with_zeros =
            RsaPublicKey::new("k", &[vec![0], modulus(256, 0x80)].concat(), &[0, 1, 0, 1]);
        assert_eq!(
            with_zeros,
            RsaPublicKey::new("k", &modulus(256, 0x80), &EXPONENT)
        );
    }

    #[test]
    fn only_the_usual_exponent_is_accepted() {
        for exponent in [
            &[][..],
            &[0],
            &[1],
            &[3],
            &[1, 0],
            &[1, 0, 1, 0],
            &[2, 0, 1],
        ] {
            let key = RsaPublicKey::new("k", &modulus(256, 0x80), exponent);
            assert_eq!(key, None, "{exponent:?}");
        }
    }
}
