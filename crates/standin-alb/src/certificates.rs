//! Certificates for one run: a CA, and a leaf for each name. At AWS they come from ACM and public CAs, in
//! a mesh from its own.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};

/// A leaf: its files' name and whom it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    file: String,
    /// A host name, or a SPIFFE ID.
    name: String,
}

impl FromStr for Leaf {
    type Err = &'static str;

    /// `NAME`, or `FILE=NAME`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (file, name) = text.split_once('=').unwrap_or((text, text));
        if file.is_empty() || name.is_empty() || file.contains('/') {
            return Err("expected NAME, or FILE=NAME where the name can't be a file's");
        }
        Ok(Self {
            file: file.into(),
            name: name.into(),
        })
    }
}

/// Writes `ca.pem`, and `FILE.pem` and `FILE.key` for each leaf, into a folder.
pub fn write(directory: &Path, leaves: &[Leaf]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let ca_key = KeyPair::generate().map_err(io::Error::other)?;
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    ca.distinguished_name
        .push(DnType::CommonName, "standin-alb, this run's CA");
    let certificate = ca.self_signed(&ca_key).map_err(io::Error::other)?;
    write_file(&directory.join("ca.pem"), &certificate.pem(), 0o644)?;

    let issuer = Issuer::new(ca, ca_key);
    for leaf in leaves {
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = parameters(&leaf.name)
            .and_then(|parameters| parameters.signed_by(&key, &issuer))
            .map_err(io::Error::other)?;
        let file = |extension: &str| directory.join(format!("{}.{extension}", leaf.file));
        write_file(&file("pem"), &certificate.pem(), 0o644)?;
        write_file(&file("key"), &key.serialize_pem(), 0o600)?;
    }
    Ok(())
}

fn parameters(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::default();
    let name = if name.starts_with("spiffe://") {
        SanType::URI(name.try_into()?)
    } else {
        SanType::DnsName(name.try_into()?)
    };
    parameters.subject_alt_names = vec![name];
    Ok(parameters)
}

fn write_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())
}
