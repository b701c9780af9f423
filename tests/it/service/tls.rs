//! Who answers in Square's name: only a server whose certificate is for that
//! host, valid today and signed by an authority that this machine trusts gets
//! the token. No setting turns that off.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};
use squaresync::square::tls;

use super::square;
use crate::support::process::{LONG, Setup, TOKEN, until};
use crate::support::{Kind, TestDb};

/// An authority that only this test's processes trust.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let (key, mut params) = (KeyPair::generate().unwrap(), named("authority.invalid"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self(Issuer::new(params, key), certificate.pem())
    }

    fn signs(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), key)
    }
}

/// A certificate as a server shows it.
type Shown = (CertificateDer<'static>, KeyPair);

fn named(host: &str) -> CertificateParams {
    CertificateParams::new([host.to_owned()]).unwrap()
}

fn signed_by_itself(host: &str) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = named(host).self_signed(&key).unwrap();
    (certificate.der().clone(), key)
}

/// A server that shows a certificate, hears what comes, and says nothing.
struct Server {
    address: SocketAddr,
    callers: Arc<AtomicUsize>,
    heard: Arc<Mutex<String>>,
}

impl Server {
    fn showing((certificate, key): Shown) -> Self {
        tls::provide();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            callers: Arc::default(),
            heard: Arc::default(),
        };
        let (callers, heard) = (Arc::clone(&server.callers), Arc::clone(&server.heard));
        std::thread::spawn(move || {
            for caller in listener.incoming() {
                let text = hear(&config, caller.unwrap());
                heard.lock().unwrap().push_str(&text);
                callers.fetch_add(1, Ordering::SeqCst);
            }
        });
        server
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().clone()
    }
}

/// What a caller says first, once it trusts us.
fn hear(config: &Arc<ServerConfig>, mut caller: TcpStream) -> String {
    caller.set_read_timeout(Some(LONG)).unwrap();
    let mut server = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut said = vec![0; 4096];
    let length = Stream::new(&mut server, &mut caller).read(&mut said);
    said.truncate(length.unwrap_or_default());
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn the_token_goes_only_to_whom_a_trusted_certificate_names() {
    let db = TestDb::new(Kind::Sqlite);
    let (authority, square) = (Authority::new(), square());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &authority.1).unwrap();
    let setup = Setup::new(&db, &square).with("SSL_CERT_FILE", file.path().to_str().unwrap());
    let mut expired = named("localhost");
    expired.not_before = date_time_ymd(2001, 1, 1);
    expired.not_after = date_time_ymd(2002, 1, 1);
    let mut early = named("localhost");
    early.not_before = date_time_ymd(2500, 1, 1);
    early.not_after = date_time_ymd(2501, 1, 1);

    for (what, shown) in [
        ("signed by itself", signed_by_itself("localhost")),
        (
            "of nobody's authority",
            Authority::new().signs(&named("localhost")),
        ),
        ("expired", authority.signs(&expired)),
        ("not yet valid", authority.signs(&early)),
        ("for another host", authority.signs(&named("example.com"))),
    ] {
        let server = Server::showing(shown);
        let url = format!("https://localhost:{}", server.address.port());
        let sync = setup.clone().with("SQUARE_API_URL", url).start(&["sync"]);
        // Asked again, it is refused again: the first answer has been told of.
        let told = || sync.stderr();
        until(LONG, told, || {
            (1 < server.callers.load(Ordering::SeqCst)).then_some(())
        })
        .await;
        assert!(
            sync.stderr().contains("connection"),
            "{what}: {}",
            sync.stderr()
        );
        assert_eq!(server.heard(), "", "{what}");
        sync.kill();
    }

    let server = Server::showing(authority.signs(&named("localhost")));
    let url = format!("https://localhost:{}", server.address.port());
    let sync = setup.with("SQUARE_API_URL", url).start(&["sync"]);
    let told = || sync.stderr();
    let heard = until(LONG, told, || {
        Some(server.heard()).filter(|heard| !heard.is_empty())
    })
    .await;
    assert!(
        heard.contains(&format!("Bearer {TOKEN}")),
        "the trusted one is called"
    );
    sync.kill();
}
