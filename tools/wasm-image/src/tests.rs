use std::io::Read;

use flate2::read::GzDecoder;
use serde_json::Value;

use super::*;

/// The smallest module: magic number and version.
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

fn layout(form: Form) -> Layout {
    Layout::of(form, MODULE, "1.2.3").unwrap()
}

fn blob(layout: &Layout, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let bytes = layout.blobs[digest.strip_prefix("sha256:").unwrap()].clone();
    assert_eq!(descriptor["size"], bytes.len());
    assert_eq!(super::digest(&bytes), digest);
    bytes
}

fn manifest(layout: &Layout) -> Value {
    let descriptor = serde_json::to_value(&layout.manifest).unwrap();
    serde_json::from_slice(&blob(layout, &descriptor)).unwrap()
}

#[test]
fn the_digests_are_these_whatever_the_machine() {
    // Another digest for the same module and version means that who rebuilds a released image can't
    // compare it. Where a package's update changes it on purpose, say so in the changelog.
    assert_eq!(
        layout(Form::Image).digest(),
        "sha256:4d11720b555127eeaa1cfab75757946d223d0e34a30b258913142a4336f1ef92"
    );
    assert_eq!(
        layout(Form::Artifact).digest(),
        "sha256:6cc58f78c1aa9ac9c8a1d14c36ab76de053f64e0222848ce118c16dc8f1659b9"
    );
}

#[test]
fn the_images_last_layer_holds_the_module_and_nothing_of_the_machine() {
    let layout = layout(Form::Image);
    let manifest = manifest(&layout);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1);
    assert_eq!(
        layers[0]["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );

    let mut tar = Vec::new();
    let gzip = blob(&layout, &layers[0]);
    // RFC 1952: no flags, so no file name; no time.
    assert_eq!(gzip[3..8], [0; 5]);
    GzDecoder::new(&gzip[..]).read_to_end(&mut tar).unwrap();
    let mut archive = tar::Archive::new(&tar[..]);
    let mut entries = archive.entries().unwrap();
    let mut entry = entries.next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap().to_str(), Some("plugin.wasm"));
    let header = entry.header().clone();
    assert_eq!(
        (header.mtime().unwrap(), header.mode().unwrap()),
        (0, 0o644)
    );
    assert_eq!((header.uid().unwrap(), header.gid().unwrap()), (0, 0));
    let mut module = Vec::new();
    entry.read_to_end(&mut module).unwrap();
    assert_eq!(module, MODULE);
    assert!(entries.next().is_none());

    let config: Value = serde_json::from_slice(&blob(&layout, &manifest["config"])).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"][0], super::digest(&tar));
}

#[test]
fn the_artifact_has_exactly_a_description_and_the_bare_module() {
    let layout = layout(Form::Artifact);
    let manifest = manifest(&layout);
    let layers = manifest["layers"].as_array().unwrap();
    let types: Vec<&Value> = layers.iter().map(|layer| &layer["mediaType"]).collect();
    assert_eq!(
        types,
        [
            "application/vnd.module.wasm.config.v1+json",
            "application/vnd.module.wasm.content.layer.v1+wasm",
        ]
    );
    assert_eq!(blob(&layout, &layers[1]), MODULE);
}

#[test]
fn the_archive_holds_the_layouts_files() {
    let layout = layout(Form::Image);
    let archive = layout.archive().unwrap();
    let mut archive = tar::Archive::new(&archive[..]);
    let names = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        entry.path().unwrap().to_str().unwrap().to_owned()
    });
    let expected = layout
        .blobs
        .keys()
        .map(|digest| format!("blobs/sha256/{digest}"));
    let expected = expected.chain(["index.json".to_owned(), "oci-layout".to_owned()]);
    assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn a_directory_that_exists_is_left_alone() {
    let directory = std::env::temp_dir().join(format!("wasm-image-{}", std::process::id()));
    layout(Form::Image).write(&directory).unwrap();
    let again = layout(Form::Artifact).write(&directory).unwrap_err();
    std::fs::remove_dir_all(&directory).unwrap();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
}
