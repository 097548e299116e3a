//! WebSockets: the handshake is authenticated like any request, what follows passes both ways.

mod support;

use hyper::header::{CONNECTION, COOKIE, UPGRADE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn an_upgraded_connection_of_a_logged_in_user_is_a_tunnel_to_the_application() {
    let mut it = support::start(|_| {});
    it.browser.get_following(&it.url("/")).await;

    let handshake = |cookies: &str| {
        Request::get(it.url("/socket"))
            .header(CONNECTION, "upgrade")
            .header(UPGRADE, "websocket")
            .header(COOKIE, cookies)
            .body(http_body_util::Full::default())
            .unwrap()
    };
    let client = standin_alb::identity_provider::https_client(&it.folder.file("ca.pem")).unwrap();
    let refused = client.request(handshake("a=b")).await.unwrap();
    assert_eq!(refused.status(), StatusCode::FOUND);

    let cookies = it.browser.cookie_header("kubeflow.localhost");
    let accepted = client.request(handshake(&cookies)).await.unwrap();
    assert_eq!(accepted.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut tunnel = TokioIo::new(hyper::upgrade::on(accepted).await.unwrap());
    for message in ["hello", "and again"] {
        tunnel.write_all(message.as_bytes()).await.unwrap();
        let mut echo = vec![0; message.len()];
        tunnel.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, message.as_bytes());
    }
}
