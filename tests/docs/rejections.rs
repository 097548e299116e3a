//! `docs/rejections.md` and the code.

use std::collections::BTreeSet;

use alb_authn::keys::FetchFailure;
use alb_authn::reason::{Reason, Rejection};

use crate::REJECTIONS;
use crate::markdown::{blocks, code, rows, section};

#[test]
fn the_table_of_reasons_is_the_codes() {
    let documented: Vec<(String, String, String)> = rows(REJECTIONS, "Reason")
        .iter()
        .map(|row| {
            (
                code(row[0]).unwrap().to_owned(),
                row[1].to_owned(),
                row[2].to_owned(),
            )
        })
        .collect();
    let expected: Vec<(String, String, String)> = Reason::all()
        .map(|reason| {
            let (status, message) = match reason {
                Reason::Ok | Reason::NoToken => ("–".to_owned(), "–"),
                Reason::Logout => ("302, 200".to_owned(), "–"),
                Reason::Rejected(rejection) => {
                    (rejection.status().to_string(), rejection.message())
                }
            };
            (reason.name().to_owned(), status, message.to_owned())
        })
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_advice_of_the_page_is_the_codes() {
    let documented = rows(REJECTIONS, "Advice").into_iter().flat_map(|row| {
        let advice = row[0].to_owned();
        let reasons = row[1].split('`').skip(1).step_by(2);
        reasons
            .map(move |reason| (reason.to_owned(), advice.clone()))
            .collect::<Vec<_>>()
    });
    let expected = Rejection::ALL
        .iter()
        .map(|rejection| (rejection.name().to_owned(), rejection.advice().to_owned()));
    assert_eq!(
        documented.collect::<BTreeSet<_>>(),
        expected.collect::<BTreeSet<_>>()
    );
}

#[test]
fn every_reason_has_a_section_under_its_status() {
    let mut status = None;
    let mut sections = Vec::new();
    for line in REJECTIONS.lines() {
        if let Some(name) = line.strip_prefix("### ").and_then(code) {
            sections.push((name.to_owned(), status));
        } else if let Some(heading) = line.strip_prefix("## ") {
            let number = heading
                .rsplit_once('(')
                .and_then(|(_, rest)| rest.strip_suffix(')'));
            status = number.map(|text| text.parse::<u16>().unwrap());
        }
    }
    let expected: Vec<(String, Option<u16>)> = Reason::all()
        .map(|reason| (reason.name().to_owned(), reason.status()))
        .collect();
    assert_eq!(sections, expected);
}

#[test]
fn every_refusal_says_what_to_check_with_a_command() {
    for rejection in Rejection::ALL {
        let section = section(REJECTIONS, &format!("### `{rejection}`"));
        assert!(!blocks(section, "sh").is_empty(), "{rejection}");
    }
}

#[test]
fn the_causes_of_a_failed_fetch_are_the_codes() {
    let documented: BTreeSet<String> = rows(REJECTIONS, "Cause")
        .iter()
        .map(|row| code(row[0]).unwrap().to_owned())
        .collect();
    let expected: BTreeSet<String> = [
        FetchFailure::NotFound(404),
        FetchFailure::Connection,
        FetchFailure::Timeout,
        FetchFailure::Status(500),
        FetchFailure::NotAKey,
        FetchFailure::NotAKeySet,
        FetchFailure::NotDispatched,
        FetchFailure::EndedAtOnce,
    ]
    .iter()
    .map(|failure| failure.to_string().split(' ').next().unwrap().to_owned())
    .collect();
    assert_eq!(documented, expected);
}
