//! lighttpd and PHP's own server: each answers with the variables that an application gets.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use wasm_tests::{Folder, closed_port, eventually, latin1};

/// It prints the variables as they came: of two with one name a program gets the first, `env` the last.
const CGI_PROGRAM: &str = "#!/bin/sh\nprintf 'content-type: text/plain\\r\\n\\r\\n'\n\
     tr '\\0' '\\n' </proc/$$/environ\n";
const PHP_PROGRAM: &str = "<?php foreach ($_SERVER as $name => $value) if (is_string($value)) \
     echo strpos($name, 'HTTP_') === 0 ? \"$name=$value\\n\" : '';\n";

/// A server that runs; it ends when it is dropped.
pub(crate) struct Server {
    path: &'static str,
    addr: SocketAddr,
    _folder: Folder,
    child: Child,
}

impl Server {
    /// lighttpd with a CGI program.
    pub(crate) fn lighttpd() -> Self {
        let (addr, folder) = (closed_port(), Folder::new());
        let program = folder.write("env.cgi", CGI_PROGRAM);
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, executable).expect("an own file");
        let lines = [
            r#"server.modules = ("mod_cgi")"#.to_owned(),
            r#"cgi.assign = (".cgi" => "")"#.to_owned(),
            format!("server.document-root = {:?}", folder.path()),
            format!("server.bind = \"{}\"", addr.ip()),
            format!("server.port = {}", addr.port()),
        ];
        let config = folder.write("lighttpd.conf", &lines.join("\n"));
        let mut command = Command::new(unpacked("usr/sbin/lighttpd"));
        command.arg("-D").arg("-f").arg(config);
        command.arg("-m").arg(unpacked("usr/lib/lighttpd"));
        Self::start("lighttpd", "/env.cgi", addr, folder, command)
    }

    /// `php -S`.
    pub(crate) fn php() -> Self {
        let (addr, folder) = (closed_port(), Folder::new());
        folder.write("env.php", PHP_PROGRAM);
        let mut command = Command::new(unpacked("usr/bin/php"));
        command.args(["-n", "-S", &addr.to_string(), "-t"]);
        command.arg(folder.path());
        Self::start("php -S", "/env.php", addr, folder, command)
    }

    fn start(
        name: &'static str,
        path: &'static str,
        addr: SocketAddr,
        folder: Folder,
        mut command: Command,
    ) -> Self {
        command.env("LD_LIBRARY_PATH", unpacked("usr/lib/x86_64-linux-gnu"));
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn();
        let child = child.unwrap_or_else(|e| panic!("{name}: {e}; `make test-cgi` fetches it"));
        eventually("the server listens", || TcpStream::connect(addr).ok());
        Self {
            path,
            addr,
            _folder: folder,
            child,
        }
    }

    /// Where its application is.
    pub(crate) fn path(&self) -> &str {
        self.path
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its answer to a request with this header that passes no filter.
    pub(crate) fn ask(&self, header: &str, value: &str) -> String {
        let mut stream = TcpStream::connect(self.addr).expect("the server listens");
        let path = self.path;
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\n{header}: {value}\r\nconnection: close\r\n\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .expect("an open connection");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        latin1(&answer)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of those that `make test-cgi` unpacked.
fn unpacked(path: &str) -> PathBuf {
    let root = std::env::var_os("CGI_PROGRAMS");
    let root = root.expect("CGI_PROGRAMS is set; run `make test-cgi`");
    Path::new(&root).join(path)
}
