//! `wasm-image image|artifact MODULE VERSION OUT`: writes MODULE as an OCI image layout into the folder
//! OUT, which must not exist, and into OUT.tar, and prints the image's digest.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use wasm_image::{Form, Layout};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [form, module, version, out] = arguments.as_slice() else {
        return usage();
    };
    let form = match form.as_str() {
        "image" => Form::Image,
        "artifact" => Form::Artifact,
        _ => return usage(),
    };
    match write(form, Path::new(module), version, Path::new(out)) {
        Ok(digest) => {
            println!("{digest}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("wasm-image: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: wasm-image image|artifact MODULE VERSION OUT");
    ExitCode::from(2)
}

fn write(form: Form, module: &Path, version: &str, out: &Path) -> Result<String, Box<dyn Error>> {
    let module = std::fs::read(module).map_err(|error| format!("{}: {error}", module.display()))?;
    let layout = Layout::of(form, &module, version)?;
    layout.write(out)?;
    std::fs::write(out.with_added_extension("tar"), layout.archive()?)?;
    Ok(layout.digest().to_owned())
}
