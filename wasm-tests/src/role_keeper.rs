//! An application that keeps a user's last role, as Grafana does behind an authenticating proxy.
//!
//! Source: Grafana's documentation, "Configure auth proxy authentication": `headers = Role:X-WEBAUTH-ROLE` sets the role
//! of each request that has the header. A request without it changes nothing.

use std::collections::HashMap;
use std::io::BufReader;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use crate::http1::{Body, read_message, values, write_response};

/// Starts it. It answers with the user's role as the body: `x-webauth-role` if the request has it, otherwise the role of
/// the user's last request, at first `Viewer`. The user is in `kubeflow-userid`.
pub fn start_role_keeper() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let addr = listener.local_addr().expect("a bound socket");
    thread::spawn(move || serve(&listener));
    addr
}

/// One connection after the other, each for one request: a role is never read while another request changes it.
fn serve(listener: &TcpListener) {
    let mut roles: HashMap<String, String> = HashMap::new();
    for mut stream in listener.incoming().flatten() {
        let Ok(clone) = stream.try_clone() else {
            continue;
        };
        let Ok(Some(request)) = read_message(&mut BufReader::new(clone), Body::Announced) else {
            continue;
        };
        let header = |name| values(&request.headers, name).first().copied();
        let user = header("kubeflow-userid").unwrap_or_default().to_owned();
        let role = roles.entry(user).or_insert_with(|| "Viewer".to_owned());
        if let Some(header) = header("x-webauth-role") {
            header.clone_into(role);
        }
        // Closing the connection means that the next request is on a new one.
        let _ = write_response(&mut stream, 200, "text/plain", role.as_bytes());
    }
}
