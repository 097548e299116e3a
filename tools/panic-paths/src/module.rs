//! A Wasm module as far as panics go: who calls whom, and where execution can't go on.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use wasmparser::{
    ElementItems, ExternalKind, KnownCustom, Name, Operator, Parser, Payload, TypeRef,
};

/// Functions that never return; a call of one is a panic, an abort, or a failed allocation.
const NORETURN: [&str; 12] = [
    "core::panicking::",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_",
    "core::slice::index::",
    "core::str::slice_error_fail",
    "alloc::alloc::handle_alloc_error",
    "std::process::abort",
    "std::panicking::begin_panic",
    "std::thread::local::panic_access_error",
    "hashbrown::raw::Fallibility",
];

/// The SDK's trait methods that only a filter calls. They are in every context's table of methods, but
/// the SDK itself calls no others through it than `on_…`, `create_…` and `get_type` (its `dispatcher.rs`). A
/// filter's own call is a direct one, and counts.
fn is_for_filters_only(name: &str) -> bool {
    name.strip_prefix("proxy_wasm::traits::")
        .and_then(|rest| rest.split("::").nth(1))
        .is_some_and(|method| {
            !["on_", "create_", "get_type"]
                .iter()
                .any(|called| method.starts_with(called))
        })
}

type Index = u32;

/// See the module.
#[derive(Default)]
pub struct Module {
    names: BTreeMap<Index, String>,
    exports: BTreeMap<String, Index>,
    /// Functions in tables by their type: a function that calls that type through a table may call them.
    in_tables: BTreeMap<Index, BTreeSet<Index>>,
    types: BTreeMap<Index, Index>,
    functions: BTreeMap<Index, Body>,
}

#[derive(Default)]
struct Body {
    calls: BTreeSet<Index>,
    /// Types of functions that it calls through tables.
    table_calls: BTreeSet<Index>,
    /// `unreachable` that is executed and that no call stands before.
    has_bare_trap: bool,
    /// The calls that stand before an `unreachable`.
    traps_after: Vec<Index>,
}

impl Module {
    /// Reads a module with a name section. Errors: no such thing.
    pub fn parse(bytes: &[u8]) -> Result<Self, Box<dyn Error>> {
        let mut module = Self::default();
        let (mut imported, mut defined) = (0, 0);
        let mut in_tables = Vec::new();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::ImportSection(imports) => {
                    for import in imports {
                        if let TypeRef::Func(type_index) = import?.ty {
                            module.types.insert(imported, type_index);
                            imported += 1;
                        }
                    }
                }
                Payload::FunctionSection(types) => {
                    for (index, type_index) in (imported..).zip(types) {
                        module.types.insert(index, type_index?);
                    }
                }
                Payload::ExportSection(exports) => {
                    for export in exports {
                        let export = export?;
                        if export.kind == ExternalKind::Func {
                            module.exports.insert(export.name.to_owned(), export.index);
                        }
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        if let ElementItems::Functions(functions) = element?.items {
                            for function in functions {
                                in_tables.push(function?);
                            }
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    module
                        .functions
                        .insert(imported + defined, Body::parse(&body)?);
                    defined += 1;
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        module.read_names(names)?;
                    }
                }
                _ => {}
            }
        }
        for function in in_tables {
            if let Some(type_index) = module.types.get(&function) {
                module
                    .in_tables
                    .entry(*type_index)
                    .or_default()
                    .insert(function);
            }
        }
        if module.names.is_empty() {
            return Err("the module has no names".into());
        }
        Ok(module)
    }

    fn read_names(
        &mut self,
        names: wasmparser::NameSectionReader<'_>,
    ) -> Result<(), Box<dyn Error>> {
        for name in names {
            if let Name::Function(functions) = name? {
                for naming in functions {
                    let naming = naming?;
                    // Without the hash at the end, which changes from build to build.
                    let plain = format!("{:#}", rustc_demangle::demangle(naming.name));
                    self.names.insert(naming.index, plain);
                }
            }
        }
        Ok(())
    }

    fn name(&self, index: Index) -> &str {
        self.names.get(&index).map_or("?", String::as_str)
    }

    fn never_returns(&self, index: Index) -> bool {
        let name = self.name(index);
        NORETURN.iter().any(|beginning| name.starts_with(beginning))
    }

    /// The functions reachable from `exports` that call a function without return, or trap by themselves,
    /// with what they call. The panic machinery itself is left out.
    pub fn traps(&self, exports: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for index in self.reachable(exports) {
            let Some(body) = self
                .functions
                .get(&index)
                .filter(|_| !self.never_returns(index))
            else {
                continue;
            };
            let calls = body.calls.iter().filter(|call| self.never_returns(**call));
            let mut how: BTreeSet<String> = calls.map(|call| self.name(*call).to_owned()).collect();
            if body.has_bare_trap {
                how.insert("a trap of its own".to_owned());
            }
            let unexplained = body
                .traps_after
                .iter()
                .filter(|call| !self.is_diverging(**call));
            how.extend(unexplained.map(|call| format!("a trap after {}", self.name(*call))));
            if !how.is_empty() {
                found
                    .entry(self.name(index).to_owned())
                    .or_default()
                    .extend(how);
            }
        }
        found
            .into_iter()
            .map(|(name, how)| (name, how.into_iter().collect()))
            .collect()
    }

    /// Whether a call of this function explains an `unreachable` behind it: it never returns, or does
    /// nothing but call such a one.
    fn is_diverging(&self, index: Index) -> bool {
        self.never_returns(index)
            || self.functions.get(&index).is_some_and(|body| {
                body.calls.iter().any(|call| self.never_returns(*call)) || body.has_bare_trap
            })
    }

    fn reachable(&self, exports: &[&str]) -> BTreeSet<Index> {
        let kept = |name: &str| {
            exports
                .iter()
                .any(|export| export.split('#').next().map(str::trim) == Some(name))
        };
        let starts = self
            .exports
            .iter()
            .filter(|(name, _)| kept(name))
            .map(|(_, index)| *index);
        let mut open: Vec<Index> = starts.collect();
        let mut seen = BTreeSet::new();
        while let Some(index) = open.pop() {
            if !seen.insert(index) {
                continue;
            }
            if let Some(body) = self.functions.get(&index) {
                open.extend(&body.calls);
                let of_type = body
                    .table_calls
                    .iter()
                    .filter_map(|called| self.in_tables.get(called));
                let called = of_type
                    .flatten()
                    .filter(|index| !is_for_filters_only(self.name(**index)));
                open.extend(called);
            }
        }
        seen
    }
}

/// The instruction before, as far as it tells what an `unreachable` means.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Call(Index),
    /// Execution goes on elsewhere.
    Jump,
    /// The end of a loop that is left by jumps only: what follows is never executed.
    EndlessLoop,
    Other,
}

impl Body {
    fn parse(body: &wasmparser::FunctionBody<'_>) -> Result<Self, Box<dyn Error>> {
        let mut found = Self::default();
        let mut before = Before::Other;
        let mut is_loop = Vec::new();
        for operator in body.get_operators_reader()? {
            before = match operator? {
                Operator::Call { function_index } => {
                    found.calls.insert(function_index);
                    Before::Call(function_index)
                }
                Operator::CallIndirect { type_index, .. } => {
                    found.table_calls.insert(type_index);
                    Before::Other
                }
                Operator::Loop { .. } => {
                    is_loop.push(true);
                    Before::Other
                }
                Operator::Block { .. } | Operator::If { .. } => {
                    is_loop.push(false);
                    Before::Other
                }
                Operator::End => match (is_loop.pop(), before) {
                    (Some(true), Before::Jump) => Before::EndlessLoop,
                    _ => Before::Other,
                },
                Operator::Br { .. } | Operator::BrTable { .. } | Operator::Return => Before::Jump,
                Operator::Unreachable => {
                    found.note_trap(before);
                    Before::Jump
                }
                _ => Before::Other,
            };
        }
        Ok(found)
    }

    fn note_trap(&mut self, before: Before) {
        match before {
            Before::Call(call) => self.traps_after.push(call),
            Before::EndlessLoop | Before::Jump => {}
            Before::Other => self.has_bare_trap = true,
        }
    }
}
