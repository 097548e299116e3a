//! One thing to say about a configuration.

use std::fmt;

use serde::Serialize;

/// What is to be said, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// `WasmPlugin istio-system/alb-authn`; `None` for a pluginConfig alone, and for the file.
    pub(crate) object: Option<String>,
    /// The field; empty for the whole.
    pub(crate) path: String,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The filter does not start with it, or does not protect.
    Problem,
    /// It works, and gives something up.
    Warning,
}

impl Finding {
    pub(crate) fn problem(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Problem,
            object: None,
            path: path.into(),
            message: message.into(),
        }
    }

    pub(crate) fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::problem(path, message)
        }
    }

    /// The same, said of an object of a manifest.
    pub(crate) fn of(self, object: &str) -> Self {
        Self {
            object: Some(object.to_owned()),
            ..self
        }
    }

    /// `OBJECT: PATH: `, without what is absent.
    pub(crate) fn place(&self) -> String {
        let object = self.object.as_deref().unwrap_or_default();
        let named = [object, &self.path]
            .into_iter()
            .filter(|place| !place.is_empty());
        named.map(|place| format!("{place}: ")).collect()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place(), self.message)
    }
}
