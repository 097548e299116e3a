//! Application Load Balancers: their ARNs, and where AWS serves the keys of a region.
//!
//! Sources: the ALB guide, "Authenticate users using an Application Load Balancer" (key endpoints);
//! the AWS General Reference, "Amazon Resource Names".

use crate::token_kind::{ALB, TokenKind};

/// The full ARN of an application load balancer:
/// `arn:PARTITION:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID`.
///
/// Only the whole ARN authenticates: AWS signs for every account of a region with the same keys, and
/// another account's load balancer can write any issuer and client ("ALBeast", Miggo 2024).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlbArn {
    text: String,
    partition: String,
    region: String,
}

impl AlbArn {
    /// Reads an ARN; `None` for anything but an application load balancer's full one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(6, ':');
        let (arn, partition, service) = (fields.next()?, fields.next()?, fields.next()?);
        let (region, account, resource) = (fields.next()?, fields.next()?, fields.next()?);
        let sound = arn == "arn"
            && is_partition(partition)
            && service == "elasticloadbalancing"
            && is_region(region)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && is_resource(resource);
        sound.then(|| Self {
            text: text.to_owned(),
            partition: partition.to_owned(),
            region: region.to_owned(),
        })
    }

    /// The ARN as text, to compare with a token's `signer`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it is found by: [`search_key`] of its text.
    pub fn search_key(&self) -> SearchKey<'_> {
        search_key(&self.text)
    }

    /// The kind of the tokens that it signs: a token of another kind can't name it.
    pub const fn kind(&self) -> &'static TokenKind {
        &ALB
    }

    /// `aws`, `aws-us-gov`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// `us-west-2`, … Regions are not listed: AWS adds new ones.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Authority and path prefix of the documented key endpoint; `None` if AWS documents none for the partition.
    pub fn documented_key_endpoint(&self) -> Option<(String, String)> {
        let region = self.region();
        match self.partition() {
            "aws" => Some((
                format!("public-keys.auth.elb.{region}.amazonaws.com"),
                "/".to_owned(),
            )),
            "aws-us-gov" => Some((
                format!("s3-{region}.amazonaws.com"),
                format!("/aws-elb-public-keys-prod-{region}/"),
            )),
            _ => None,
        }
    }
}

/// An ARN's end, as a number, then the whole of it.
pub type SearchKey<'a> = (u64, &'a str);

/// By what ARNs are ordered and found. The end, a part of the load balancer's id, comes first: all ARNs of an
/// account begin alike, and Wasm compares one byte at a time.
pub fn search_key(arn: &str) -> SearchKey<'_> {
    let end = arn.as_bytes().last_chunk().copied().unwrap_or_default();
    (u64::from_be_bytes(end), arn)
}

fn is_partition(text: &str) -> bool {
    let mut words = text.split('-');
    words.next() == Some("aws")
        && words.all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

fn is_region(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_resource(text: &str) -> bool {
    let mut parts = text.split('/');
    let is_word = |part: Option<&str>, dash: bool| {
        part.is_some_and(|p| {
            !p.is_empty()
                && p.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || (dash && b == b'-'))
        })
    };
    parts.next() == Some("loadbalancer")
        && parts.next() == Some("app")
        && is_word(parts.next(), true)
        && is_word(parts.next(), false)
        && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/kubeflow/50dc6c495c0c9188";

    #[test]
    fn an_arn_gives_its_partition_and_region() {
        let arn = AlbArn::parse(ARN).unwrap();
        assert_eq!(
            (arn.as_str(), arn.partition(), arn.region()),
            (ARN, "aws", "us-west-2")
        );
    }

    #[test]
    fn only_full_arns_of_application_load_balancers_are_taken() {
        let bad = [
            "",
            "arn:aws:elasticloadbalancing",
            "ARN:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b",
            "arn:azure:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b",
            "arn:aws-:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b",
            "arn:aws:elb:us-west-2:123456789012:loadbalancer/app/a/b",
            "arn:aws:elasticloadbalancing::123456789012:loadbalancer/app/a/b",
            "arn:aws:elasticloadbalancing:US:123456789012:loadbalancer/app/a/b",
            "arn:aws:elasticloadbalancing:us-west-2:12345678901:loadbalancer/app/a/b",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/a/b",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b/c",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b:c",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/a/b\n",
            "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/a/b/c",
        ];
        for text in bad {
            assert_eq!(AlbArn::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn key_endpoints_follow_the_partition() {
        let arn = |partition: &str, region: &str| {
            AlbArn::parse(&format!(
                "arn:{partition}:elasticloadbalancing:{region}:123456789012:loadbalancer/app/a/b"
            ))
            .unwrap()
        };
        let documented = |partition, region| arn(partition, region).documented_key_endpoint();
        assert_eq!(
            documented("aws", "us-west-2"),
            Some((
                "public-keys.auth.elb.us-west-2.amazonaws.com".into(),
                "/".into()
            ))
        );
        assert_eq!(
            documented("aws-us-gov", "us-gov-west-1"),
            Some((
                "s3-us-gov-west-1.amazonaws.com".into(),
                "/aws-elb-public-keys-prod-us-gov-west-1/".into()
            ))
        );
        for partition in ["aws-cn", "aws-iso", "aws-iso-b", "aws-eusc"] {
            assert_eq!(documented(partition, "x-1"), None);
        }
    }
}
