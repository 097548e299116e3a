//! Both forms through a real registry. `make test-image` builds crane and installs Debian's
//! docker-registry for this; plain `cargo test` leaves it out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test without its registry should fail loudly"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use wasm_image::{Form, Layout};

const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// Debian's docker-registry on a free port, with a directory of its own; ends with the value.
struct Registry {
    process: Child,
    directory: PathBuf,
    address: String,
}

impl Registry {
    fn start(test: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        let config = directory.join("config.yml");
        let root = directory.join("data");
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n",
            root.display()
        );
        fs::write(&config, text).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry: run `make test-image`");
        // It chooses the port and says which.
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(
                log.read_line(&mut line).unwrap(),
                0,
                "docker-registry ended"
            );
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
                break rest.split(end).next().unwrap().to_owned();
            }
        };
        // Its log must be read on, or it would wait for room.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            process,
            directory,
            address,
        }
    }

    /// What crane prints.
    fn crane(&self, arguments: &[&str]) -> Vec<u8> {
        let crane = std::env::var("CRANE").expect("CRANE: run `make test-image`");
        let mut command = Command::new(crane);
        // Nobody's credentials are needed, or sent.
        command.env("DOCKER_CONFIG", &self.directory);
        let output = command.args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "crane {arguments:?}: {errors}");
        output.stdout
    }

    /// Pushes the form, and gives the reference by digest and the manifest that is read back.
    fn push(&self, form: Form) -> (String, Value) {
        let layout = Layout::of(form, MODULE, "1.2.3").unwrap();
        let directory = self.directory.join(format!("{form:?}"));
        layout.write(&directory).unwrap();
        let name = format!("{}/team/alb-authn", self.address);
        self.crane(&[
            "push",
            directory.to_str().unwrap(),
            &format!("{name}:1.2.3"),
        ]);
        let digest = self.crane(&["digest", &format!("{name}:1.2.3")]);
        assert_eq!(
            String::from_utf8(digest).unwrap().trim_end(),
            layout.digest()
        );
        let by_digest = format!("{name}@{}", layout.digest());
        let manifest = self.crane(&["manifest", &by_digest]);
        (name, serde_json::from_slice(&manifest).unwrap())
    }

    fn blob(&self, name: &str, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().unwrap();
        self.crane(&["blob", &format!("{name}@{digest}")])
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[test]
#[ignore = "needs crane and docker-registry: make test-image"]
fn the_image_comes_back_with_the_module_in_its_last_layer() {
    let registry = Registry::start("registry-image");
    let (name, manifest) = registry.push(Form::Image);
    let last = manifest["layers"].as_array().unwrap().last().unwrap();
    assert_eq!(
        last["mediaType"],
        "application/vnd.oci.image.layer.v1.tar+gzip"
    );
    let layer = registry.blob(&name, last);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&layer[..]));
    let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
    assert_eq!(entry.path().unwrap().to_str(), Some("plugin.wasm"));
    let mut module = Vec::new();
    std::io::Read::read_to_end(&mut entry, &mut module).unwrap();
    assert_eq!(module, MODULE);
}

#[test]
#[ignore = "needs crane and docker-registry: make test-image"]
fn the_artifact_comes_back_with_two_layers_the_module_bare_in_one() {
    let registry = Registry::start("registry-artifact");
    let (name, manifest) = registry.push(Form::Artifact);
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 2);
    let module = layers
        .iter()
        .find(|it| it["mediaType"] == "application/vnd.module.wasm.content.layer.v1+wasm");
    assert_eq!(registry.blob(&name, module.unwrap()), MODULE);
}

#[test]
#[ignore = "needs crane and docker-registry: make test-image"]
fn both_forms_stand_side_by_side_and_pushing_again_changes_nothing() {
    let registry = Registry::start("registry-both");
    let (name, image) = registry.push(Form::Image);
    let (_, artifact) = registry.push(Form::Artifact);
    assert_ne!(image, artifact);
    fs::remove_dir_all(registry.directory.join("Image")).unwrap();
    assert_eq!(registry.push(Form::Image), (name, image));
}
