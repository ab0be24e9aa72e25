//! Links to stored versions that work without a token, for a while. A store that signs its own URLs does so; for
//! the others the links made here lead to the API, which checks them with the same signer.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::ids::ImageId;
use crate::image::Version;
use crate::ports::PortError;
use crate::services::Ports;
use crate::settings::Settings;
use crate::time::Timestamp;

/// Signs links with HMAC-SHA256 over what they allow.
#[derive(Clone)]
pub struct LinkSigner(Hmac<Sha256>);

/// Why a link does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It worked once.
    #[error("this link has expired; ask for the image again to get a new one")]
    Expired,
    /// Nobody signed this.
    #[error("this link is not valid; use it exactly as it was given")]
    Forged,
}

impl LinkSigner {
    /// A signer with a key of its own, derived from `secret`.
    pub fn new(secret: &[u8]) -> Self {
        let mac = keyed(secret).chain_update(b"pixmill signed links 1");
        Self(keyed(&mac.finalize().into_bytes()))
    }

    /// The signature for one version of one image until `expires` (seconds since 1970).
    pub fn sign(&self, image: ImageId, version: u32, expires: u64) -> String {
        hex::encode(self.mac(image, version, expires).finalize().into_bytes())
    }

    /// Checks a signature in constant time, and that its time has not passed.
    pub fn verify(
        &self,
        image: ImageId,
        version: u32,
        expires: u64,
        signature: &str,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        let signature = hex::decode(signature).map_err(|_| LinkError::Forged)?;
        self.mac(image, version, expires).verify_slice(&signature).map_err(|_| LinkError::Forged)?;
        if now.secs() >= expires { Err(LinkError::Expired) } else { Ok(()) }
    }

    fn mac(&self, image: ImageId, version: u32, expires: u64) -> Hmac<Sha256> {
        self.0
            .clone()
            .chain_update(image.as_bytes())
            .chain_update(version.to_be_bytes())
            .chain_update(expires.to_be_bytes())
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkSigner(..)")
    }
}

/// Makes links to versions, and checks those that lead here.
#[derive(Clone)]
pub struct Links {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    signer: LinkSigner,
}

impl Links {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>, signer: LinkSigner) -> Self {
        Self { ports, settings, signer }
    }

    /// A URL at which anybody can read this version until it expires.
    pub async fn to_version(&self, image: ImageId, version: &Version) -> Result<String, PortError> {
        let (ttl, media_type) = (self.settings.link_ttl, version.content.format.media_type());
        if let Some(url) = self.ports.blobs.signed_url(version.content.blob.clone(), ttl, media_type).await? {
            return Ok(url);
        }
        Ok(self.own(image, version.number))
    }

    /// The version of `image` that a link leading here allows to read, if it is still there.
    pub async fn follow(
        &self,
        image: ImageId,
        version: u32,
        expires: u64,
        signature: &str,
    ) -> Result<Result<Option<Version>, LinkError>, PortError> {
        match self.signer.verify(image, version, expires, signature, self.ports.clock.now()) {
            Err(error) => Ok(Err(error)),
            Ok(()) => self.ports.images.version(image, version).await.map(Ok),
        }
    }

    fn own(&self, image: ImageId, version: u32) -> String {
        let expires = (self.ports.clock.now() + self.settings.link_ttl).secs();
        let signature = self.signer.sign(image, version, expires);
        let base = &self.settings.public_url;
        format!("{base}/files/{image}/{version}?expires={expires}&signature={signature}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(5_000_000);

    #[test]
    fn a_link_works_until_it_expires() {
        let (signer, image) = (LinkSigner::new(b"secret"), ImageId::random());
        let signature = signer.sign(image, 1, 5_001);
        assert_eq!(signer.verify(image, 1, 5_001, &signature, NOW), Ok(()));
        let later = Timestamp::from_millis(5_001_000);
        assert_eq!(signer.verify(image, 1, 5_001, &signature, later), Err(LinkError::Expired));
    }

    #[test]
    fn nothing_in_a_link_can_be_changed() {
        let (signer, image) = (LinkSigner::new(b"secret"), ImageId::random());
        let signature = signer.sign(image, 1, 6_000);
        let forged = Err(LinkError::Forged);
        assert_eq!(signer.verify(ImageId::random(), 1, 6_000, &signature, NOW), forged);
        assert_eq!(signer.verify(image, 2, 6_000, &signature, NOW), forged);
        assert_eq!(signer.verify(image, 1, 6_001, &signature, NOW), forged);
        assert_eq!(signer.verify(image, 1, 6_000, &signature[2..], NOW), forged);
        assert_eq!(signer.verify(image, 1, 6_000, "", NOW), forged);
        assert_eq!(LinkSigner::new(b"other").verify(image, 1, 6_000, &signature, NOW), forged);
    }
}
