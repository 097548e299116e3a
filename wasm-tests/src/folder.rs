//! A temporary folder for the files of one test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

use serde_json::Value;

/// A temporary folder that is removed with its owner.
pub struct Folder(PathBuf);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// An empty one. Its name is short: the path of a Unix socket in it has 107 bytes at most.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("alb-authn-test-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a writable temporary folder");
        Self(path)
    }

    /// Its own path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it, present or not.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file; returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, text).expect("a writable folder");
        path
    }

    /// Replaces a file that Envoy watches; by a rename, so that Envoy reads no half of it.
    pub(crate) fn exchange(&self, name: &str, content: &Value) {
        let draft = self.write("draft", &content.to_string());
        fs::rename(draft, self.file(name)).expect("a writable folder");
    }

    /// A file's text; empty if there is none.
    pub fn read(&self, name: &str) -> String {
        let bytes = fs::read(self.file(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
