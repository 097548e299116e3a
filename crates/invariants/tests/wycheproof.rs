//! Project Wycheproof's vectors for ECDSA on P-256 with SHA-256 and R‖S signatures, through p256 and the
//! filter's own range and length checks. `wasm-tests` takes them through Envoy.
#![allow(clippy::panic, clippy::expect_used, reason = "a test")]

use alb_authn::keys::PublicKey;
use alb_authn::verify::{WasmBackend, is_signature};
use wycheproof::TestResult;
use wycheproof::ecdsa::{TestName, TestSet};

#[test]
fn every_wycheproof_vector_gets_its_verdict() {
    let vectors = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).expect("the crate's own data");
    let (mut seen, mut wrong) = (0, Vec::new());
    for group in vectors.test_groups {
        let key = PublicKey::from_pem(group.pem.as_bytes()).expect("a point on P-256");
        for test in group.tests {
            let verdict = is_signature(&test.sig, &test.msg, &key, &WasmBackend);
            // "Acceptable" is what a verifier may but need not take: of this form there is none.
            if verdict != (test.result == TestResult::Valid) {
                wrong.push((test.tc_id, test.comment));
            }
            seen += 1;
        }
    }
    assert_eq!(wrong, []);
    assert!(seen > 200, "only {seen} vectors");
}
