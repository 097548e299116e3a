//! A Wasm module as an OCI image, in the two forms that Istio's agent accepts (istio/istio
//! `pkg/wasm/imagefetcher.go`), written as an OCI image layout (image-spec `image-layout.md`).
//!
//! Nothing of the machine gets into the bytes: no times, no owners, no names of files. The same module
//! and version make the same digest anywhere, so anybody can check an image by building it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use flate2::{Compression, GzBuilder};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What the agent looks for in the image's last layer.
const FILE_NAME: &str = "plugin.wasm";

/// How the module is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A container image whose last layer, tar+gzip, holds `plugin.wasm`: every registry and mirror takes
    /// it (solo-io/wasm `spec/spec-compat.md`).
    Image,
    /// An artifact of exactly two layers, the module's description and the bare module (solo-io/wasm
    /// `spec/README.md`).
    Artifact,
}

/// A layout's files, before they are written.
pub struct Layout {
    /// By their digests, in hex.
    blobs: BTreeMap<String, Vec<u8>>,
    manifest: Descriptor,
}

// The documents are structs and not `json!` values: the order of those members depends on a feature of
// serde_json that any other package of the build may turn on, and the digest with it.

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: String,
    size: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'static str,
    manifests: [&'a Descriptor; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: Vec<Descriptor>,
    annotations: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct ImageConfig {
    /// The module runs on any machine, but tools that copy images, Docker's among them, pick one by its
    /// platform and pass over what they don't know.
    architecture: &'static str,
    os: &'static str,
    created: &'static str,
    config: Empty,
    rootfs: RootFs,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: [String; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ModuleConfig {
    r#type: &'static str,
    abi_versions: [&'static str; 1],
    config: Empty,
}

#[derive(Serialize)]
struct Empty {}

impl Layout {
    /// Errors: none in practice; everything is written into memory.
    pub fn of(form: Form, module: &[u8], version: &str) -> io::Result<Self> {
        let mut blobs = BTreeMap::new();
        let (config, layers) = match form {
            Form::Image => image(&mut blobs, module)?,
            Form::Artifact => artifact(&mut blobs, module)?,
        };
        let manifest = Manifest {
            schema_version: 2,
            media_type: MANIFEST,
            config,
            layers,
            annotations: BTreeMap::from([
                ("org.opencontainers.image.title", "alb-authn"),
                ("org.opencontainers.image.version", version),
                ("org.opencontainers.image.licenses", "Apache-2.0"),
            ]),
        };
        let manifest = store(&mut blobs, MANIFEST, to_bytes(&manifest)?);
        Ok(Self { blobs, manifest })
    }

    /// `sha256:…` of the manifest: what a reference by digest names.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.manifest.digest
    }

    /// Writes the layout into `directory`, which must not exist: a file left over there would be part of
    /// it.
    pub fn write(&self, directory: &Path) -> io::Result<()> {
        if let Some(parent) = directory.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::create_dir(directory)?;
        std::fs::create_dir_all(directory.join("blobs/sha256"))?;
        for (name, bytes) in self.files()? {
            std::fs::write(directory.join(name), bytes)?;
        }
        Ok(())
    }

    /// The layout as one file, which skopeo and podman call `oci-archive`.
    pub fn archive(&self) -> io::Result<Vec<u8>> {
        let files = self.files()?;
        tar_of(files.iter().map(|(name, bytes)| (&name[..], &bytes[..])))
    }

    fn files(&self) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let index = Index {
            schema_version: 2,
            media_type: INDEX,
            manifests: [&self.manifest],
        };
        let version = br#"{"imageLayoutVersion":"1.0.0"}"#;
        let about = [
            ("index.json".to_owned(), to_bytes(&index)?),
            ("oci-layout".to_owned(), version.to_vec()),
        ];
        let blobs = self.blobs.iter();
        let blobs = blobs.map(|(digest, bytes)| (format!("blobs/sha256/{digest}"), bytes.clone()));
        Ok(about.into_iter().chain(blobs).collect())
    }
}

type Parts = (Descriptor, Vec<Descriptor>);

fn image(blobs: &mut BTreeMap<String, Vec<u8>>, module: &[u8]) -> io::Result<Parts> {
    let tar = tar_of([(FILE_NAME, module)])?;
    let config = ImageConfig {
        architecture: "amd64",
        os: "linux",
        created: "1970-01-01T00:00:00Z",
        config: Empty {},
        rootfs: RootFs {
            r#type: "layers",
            diff_ids: [digest(&tar)],
        },
    };
    let layer = gzip(&tar)?;
    let layers = vec![store(blobs, IMAGE_LAYER, layer)];
    Ok((store(blobs, IMAGE_CONFIG, to_bytes(&config)?), layers))
}

fn artifact(blobs: &mut BTreeMap<String, Vec<u8>>, module: &[u8]) -> io::Result<Parts> {
    let description = ModuleConfig {
        r#type: "envoy_proxy",
        abi_versions: ["v0-2-1"],
        config: Empty {},
    };
    let config = store(blobs, WASM_CONFIG, to_bytes(&description)?);
    let layers = vec![config.clone(), store(blobs, WASM_LAYER, module.to_vec())];
    Ok((config, layers))
}

fn store(
    blobs: &mut BTreeMap<String, Vec<u8>>,
    media_type: &'static str,
    bytes: Vec<u8>,
) -> Descriptor {
    let (digest, size) = (digest(&bytes), bytes.len());
    blobs.insert(digest.trim_start_matches("sha256:").to_owned(), bytes);
    Descriptor {
        media_type,
        digest,
        size,
    }
}

fn tar_of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> io::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(u64::try_from(bytes.len()).map_err(io::Error::other)?);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        tar.append(&header, bytes)?;
    }
    tar.into_inner()
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    // 255: an unknown system.
    let builder = GzBuilder::new().mtime(0).operating_system(255);
    let mut gzip = builder.write(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    gzip.finish()
}

fn to_bytes(value: &impl Serialize) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

fn digest(bytes: &[u8]) -> String {
    let hex = Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("sha256:{hex}")
}

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const IMAGE_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const IMAGE_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const WASM_CONFIG: &str = "application/vnd.module.wasm.config.v1+json";
const WASM_LAYER: &str = "application/vnd.module.wasm.content.layer.v1+wasm";

#[cfg(test)]
mod tests;
