//! `keep-exports IN OUT`: writes IN to OUT with the exports that `exports.txt` lists, and without what
//! only other exports use.
//!
//! Envoy calls each Proxy-Wasm callback that a module exports, for each request, and the Rust SDK exports
//! all of them. A callback that does nothing still costs an entry into the VM (0.5 to 1 µs), so the ones
//! that the filter does not use are taken out after linking; wasm-ld has no option for that.
//!
//! An export `override_NAME` takes the place of `NAME`: the module's own callback, if the SDK's can't say
//! all that Envoy understands.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

/// The exports that stay, one in a line, with comments.
const KEPT: &str = include_str!("../exports.txt");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output] = arguments.as_slice() else {
        eprintln!("usage: keep-exports IN OUT");
        return ExitCode::from(2);
    };
    match keep_exports(Path::new(input), Path::new(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keep-exports: {error}");
            ExitCode::FAILURE
        }
    }
}

fn keep_exports(input: &Path, output: &Path) -> Result<(), Box<dyn Error>> {
    let module = keep(&std::fs::read(input)?, &kept_names(KEPT))?;
    Ok(std::fs::write(output, module)?)
}

fn kept_names(list: &str) -> BTreeSet<&str> {
    let lines = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect()
}

/// How a module names what takes the place of one of the SDK's exports.
const OVERRIDE: &str = "override_";

/// Errors: a module that cannot be read, or that lacks one of the exports: then the list is stale, or the
/// module would not do what it should.
fn keep(module: &[u8], kept: &BTreeSet<&str>) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut config = walrus::ModuleConfig::new();
    config
        .generate_name_section(false)
        .generate_producers_section(false);
    let mut module = config.parse(module)?;
    let exports: Vec<_> = module
        .exports
        .iter()
        .map(|export| (export.id(), export.name.clone()))
        .collect();
    for name in kept {
        if !exports.iter().any(|(_, export)| export == name) {
            return Err(format!("the module does not export {name}").into());
        }
    }
    let overridden: BTreeSet<&str> = exports
        .iter()
        .filter_map(|(_, name)| name.strip_prefix(OVERRIDE))
        .collect();
    for (id, name) in &exports {
        match name.strip_prefix(OVERRIDE) {
            Some(overridden) if kept.contains(overridden) => {
                module.exports.get_mut(*id).name = overridden.to_owned();
            }
            None if kept.contains(name.as_str()) && !overridden.contains(name.as_str()) => {}
            _ => module.exports.delete(*id),
        }
    }
    walrus::passes::gc::run(&mut module);
    Ok(module.emit_wasm())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three functions; `run` calls `helper`, nothing calls `idle`.
    fn sample() -> Vec<u8> {
        let mut module = walrus::Module::default();
        let helper = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
        let helper = helper.finish(vec![], &mut module.funcs);
        let mut run = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
        run.func_body().call(helper);
        let run = run.finish(vec![], &mut module.funcs);
        let idle = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
        let idle = idle.finish(vec![], &mut module.funcs);
        module.exports.add("run", run);
        module.exports.add("idle", idle);
        module.emit_wasm()
    }

    #[test]
    fn only_listed_exports_and_what_they_use_stay() {
        let kept = keep(&sample(), &BTreeSet::from(["run"])).unwrap();
        let module = walrus::Module::from_buffer(&kept).unwrap();
        let exports: Vec<&str> = module
            .exports
            .iter()
            .map(|export| export.name.as_str())
            .collect();
        assert_eq!((exports, module.funcs.iter().count()), (vec!["run"], 2));
    }

    #[test]
    fn an_override_takes_the_place_of_the_export_that_it_names() {
        let mut module = walrus::Module::from_buffer(&sample()).unwrap();
        let own = walrus::FunctionBuilder::new(&mut module.types, &[], &[]);
        let own = own.finish(vec![], &mut module.funcs);
        module.exports.add("override_run", own);
        let kept = keep(&module.emit_wasm(), &BTreeSet::from(["run"])).unwrap();
        let module = walrus::Module::from_buffer(&kept).unwrap();
        let exports: Vec<&str> = module.exports.iter().map(|e| e.name.as_str()).collect();
        assert_eq!((exports, module.funcs.iter().count()), (vec!["run"], 1));
    }

    #[test]
    fn a_listed_export_must_be_there() {
        let error = keep(&sample(), &BTreeSet::from(["run", "gone"])).unwrap_err();
        assert_eq!(error.to_string(), "the module does not export gone");
    }

    #[test]
    fn the_list_holds_names_and_comments() {
        assert_eq!(
            kept_names("a # why\n\n# only a comment\n  b\n"),
            BTreeSet::from(["a", "b"])
        );
        let kept = kept_names(KEPT);
        for needed in [
            "memory",
            "proxy_on_request_headers",
            "proxy_on_request_trailers",
        ] {
            assert!(kept.contains(needed), "{needed}");
        }
    }
}
