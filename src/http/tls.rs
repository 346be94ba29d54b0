//! TLS: the certificate that the server shows, read from files, and read again when they change. The key never leaves this
//! file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    time::Duration,
};

use rustls::{
    Error, InconsistentKeys, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
    time::sleep,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use crate::auth::warn_if_open_to_others;

/// The name of HTTP/2 in the handshake (RFC 9113, 3.2).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What the server needs to speak TLS. Clones share the certificate.
#[derive(Clone, Debug)]
pub struct Tls {
    config: Arc<ServerConfig>,
    shown: Arc<ShownCertificate>,
}

#[derive(Debug)]
struct ShownCertificate {
    cert_file: PathBuf,
    key_file: PathBuf,
    current: RwLock<Loaded>,
}

/// A certificate with its key, and what tells whether the files have changed since.
#[derive(Debug)]
struct Loaded {
    pair: Arc<CertifiedKey>,
    digest: [u8; 32],
}

/// The text of both files.
struct Pem {
    cert: String,
    key: SecretString,
}

/// The files hold no certificate and key that can be used.
#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    /// A file is not there, may not be read, or is not text.
    #[error("cannot read {}: {reason}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The file has no certificate, or a broken one.
    #[error("{} holds no certificate that can be used (PEM)", .0.display())]
    NoCertificate(PathBuf),
    /// The file has no key, or one of an unknown kind, or it is encrypted.
    #[error("{} holds no private key that can be used (PEM, not encrypted)", .0.display())]
    NoKey(PathBuf),
    /// The key belongs to another certificate.
    #[error("the key in {} does not belong to the first certificate in {}", key.display(), cert.display())]
    NotAPair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

impl Tls {
    /// Reads a certificate, the ones that it rests on, and its key.
    ///
    /// # Errors
    /// They cannot be used.
    pub fn load(cert_file: &Path, key_file: &Path) -> Result<Self, BadTls> {
        let loaded = Pem::read(cert_file, key_file)?.load(cert_file, key_file)?;
        warn_if_open_to_others(key_file);
        let shown = Arc::new(ShownCertificate {
            cert_file: cert_file.to_owned(),
            key_file: key_file.to_owned(),
            current: RwLock::new(loaded),
        });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has ciphers for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::<ShownCertificate>::clone(&shown));
        config.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        Ok(Self { config: Arc::new(config), shown })
    }

    /// Looks at the files again and again until the stop, and shows what they hold to new connections. While they hold
    /// nothing that can be used, the certificate stays.
    pub async fn follow_files(self, every: Duration, stop: CancellationToken) {
        let mut logged = String::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(every) => {}
            }
            let shown = Arc::clone(&self.shown);
            let failure = match spawn_blocking(move || shown.refresh()).await {
                Ok(Ok(())) => String::new(),
                Ok(Err(failure)) => failure.to_string(),
                Err(failure) => failure.to_string(),
            };
            match failure.as_str() {
                "" => {}
                same if same == logged => debug!("the old certificate is still shown: {same}"),
                new => error!("the old certificate is shown until the files are right: {new}"),
            }
            logged = failure;
        }
    }

    /// Does the handshake.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await
    }
}

/// Returns whether a client has chosen HTTP/2 in the handshake. One that says nothing speaks HTTP/1.1.
pub(super) fn has_chosen_http2<S>(stream: &TlsStream<S>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

impl ShownCertificate {
    /// Takes what the files hold now.
    fn refresh(&self) -> Result<(), BadTls> {
        let pem = Pem::read(&self.cert_file, &self.key_file)?;
        if pem.digest() == self.current.read().expect("no thread panics while it holds it").digest {
            return Ok(());
        }
        let loaded = pem.load(&self.cert_file, &self.key_file)?;
        warn_if_open_to_others(&self.key_file);
        *self.current.write().expect("no thread panics while it holds it") = loaded;
        info!("new connections are shown the new certificate in {}", self.cert_file.display());
        Ok(())
    }
}

impl ResolvesServerCert for ShownCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().expect("no thread panics while it holds it").pair))
    }
}

impl Pem {
    fn read(cert_file: &Path, key_file: &Path) -> Result<Self, BadTls> {
        let read = |file: &Path| {
            fs::read_to_string(file).map_err(|reason| BadTls::Unreadable { file: file.to_owned(), reason })
        };
        Ok(Self { cert: read(cert_file)?, key: read(key_file)?.into() })
    }

    fn digest(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.cert)
            .chain_update(b"\0")
            .chain_update(self.key.expose_secret())
            .finalize()
            .into()
    }

    fn load(&self, cert_file: &Path, key_file: &Path) -> Result<Loaded, BadTls> {
        let no_certificate = || BadTls::NoCertificate(cert_file.to_owned());
        let no_key = || BadTls::NoKey(key_file.to_owned());
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.cert.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or_else(no_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(self.key.expose_secret().as_bytes()).map_err(|_| no_key())?;
        let pair = CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|failure| match failure {
            Error::InvalidCertificate(_) => no_certificate(),
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                BadTls::NotAPair { cert: cert_file.to_owned(), key: key_file.to_owned() }
            }
            _ => no_key(),
        })?;
        Ok(Loaded { pair: Arc::new(pair), digest: self.digest() })
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    /// Writes a new certificate and its key, and returns the certificate.
    fn renew(cert_file: &Path, key_file: &Path) -> CertificateDer<'static> {
        let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(cert_file, pair.cert.pem()).unwrap();
        fs::write(key_file, pair.signing_key.serialize_pem()).unwrap();
        pair.cert.der().clone()
    }

    #[test]
    fn files_that_cannot_be_used_leave_the_certificate_and_are_taken_once_they_can() {
        let folder = std::env::temp_dir().join(format!("flowfi-certificate-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        let first = renew(&cert_file, &key_file);
        let shown = Tls::load(&cert_file, &key_file).unwrap().shown;
        let end = || shown.current.read().unwrap().pair.end_entity_cert().unwrap().clone().into_owned();
        assert!(shown.refresh().is_ok() && end() == first);
        let key = fs::read(&key_file).unwrap();
        let second = renew(&cert_file, &folder.join("new-key.pem"));
        assert!(matches!(shown.refresh(), Err(BadTls::NotAPair { .. })));
        fs::write(&key_file, "no key").unwrap();
        assert!(matches!(shown.refresh(), Err(BadTls::NoKey(_))));
        fs::remove_file(&cert_file).unwrap();
        assert!(matches!(shown.refresh(), Err(BadTls::Unreadable { .. })));
        fs::write(&cert_file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        fs::write(&key_file, key).unwrap();
        assert!(matches!(shown.refresh(), Err(BadTls::NoCertificate(_))));
        assert_eq!(end(), first);
        let third = renew(&cert_file, &key_file);
        assert!(shown.refresh().is_ok() && end() == third && third != second);
        fs::remove_dir_all(folder).unwrap();
    }
}
