//! Project Wycheproof's vectors inside Envoy. ECDSA for P-256 and SHA-256 with R‖S signatures: through Envoy's
//! `verify_signature`, and through p256 in V8. RSA PKCS#1 v1.5 with SHA-256: through `verify_signature`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wasm_tests::{Scenario, vectors_module};
use wycheproof::ecdsa::{TestName, TestSet};
use wycheproof::{TestResult, rsa_pkcs1_verify as rsa};

#[test]
fn both_backends_judge_every_wycheproof_vector_rightly() {
    let s = Scenario::new().module(vectors_module()).start();
    let mut connection = s.get("/").connect();
    let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).expect("the vectors are there");
    let (mut valid, mut invalid) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let expected = if test.result.must_fail() {
                "invalid"
            } else {
                "valid"
            };
            for backend in ["host", "wasm"] {
                let question = s
                    .get("/")
                    .header("x-backend", backend)
                    .header("x-key", &STANDARD.encode(&group.pem))
                    .header("x-message", &STANDARD.encode(&test.msg))
                    .header("x-signature", &STANDARD.encode(&test.sig));
                let answer = connection.send(&question);
                let verdict = String::from_utf8_lossy(&answer.body).into_owned();
                let (id, comment) = (test.tc_id, &test.comment);
                assert_eq!(
                    verdict, expected,
                    "{backend}, {id}: {comment}, {:?}",
                    test.flags
                );
            }
            match expected {
                "valid" => valid += 1,
                _ => invalid += 1,
            }
        }
    }
    println!("{valid} valid and {invalid} invalid signatures on two backends");
    assert_eq!(valid + invalid, set.number_of_tests);
    assert!(valid > 100 && invalid > 50);
}

#[test]
fn envoy_judges_every_wycheproof_vector_of_rs256_rightly() {
    let s = Scenario::new().module(vectors_module()).start();
    let mut connection = s.get("/").connect();
    for (name, bits) in [
        (rsa::TestName::Rsa2048Sha256, 2048),
        (rsa::TestName::Rsa3072Sha256, 3072),
        (rsa::TestName::Rsa4096Sha256, 4096),
    ] {
        let set = rsa::TestSet::load(name).expect("the vectors are there");
        let (mut valid, mut invalid) = (0, 0);
        for group in &set.test_groups {
            assert_eq!(group.key_size, bits);
            for test in &group.tests {
                let question = s
                    .get("/")
                    .header("x-backend", "rs256")
                    .header("x-modulus", &STANDARD.encode(&group.key.n))
                    .header("x-exponent", &STANDARD.encode(&group.key.e))
                    .header("x-message", &STANDARD.encode(&test.msg))
                    .header("x-signature", &STANDARD.encode(&test.sig));
                let answer = connection.send(&question);
                let verdict = String::from_utf8_lossy(&answer.body).into_owned();
                // What may be accepted (a digest without its NULL) is not.
                let is_valid = test.result == TestResult::Valid;
                let expected = match (is_valid, group.key.e.as_slice()) {
                    // The filter has no use for another exponent.
                    (_, exponent) if exponent != [1, 0, 1] => "no question",
                    (true, _) => "valid",
                    (false, _) => "invalid",
                };
                let (id, comment) = (test.tc_id, &test.comment);
                assert_eq!(
                    verdict, expected,
                    "{bits}, {id}: {comment}, {:?}",
                    test.flags
                );
                valid += usize::from(is_valid);
                invalid += usize::from(!is_valid);
            }
        }
        println!("{bits} bits: {valid} valid and {invalid} invalid signatures");
        assert_eq!(valid + invalid, set.number_of_tests);
        assert!(valid >= 7 && invalid >= 250);
    }
}
