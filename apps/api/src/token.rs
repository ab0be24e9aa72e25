//! Tokens: JSON Web Tokens signed with HMAC-SHA256, and nothing else. jsonwebtoken parses and checks them; the
//! signature comes from the hash crates that the core uses too.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, Header, Validation};
use moka::sync::Cache;
use pixmill::ports::Clock;
use pixmill::{Secret, UserId};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// Who makes the tokens.
const ISSUER: &str = "pixmill";
/// Whom they are for.
const AUDIENCE: &str = "pixmill-api";
/// How far the clocks of two servers may be apart.
const LEEWAY: Duration = Duration::from_secs(5);

/// How many tokens are remembered as good. Checking a signature takes longer than answering a status poll.
const REMEMBERED: u64 = 16_384;

/// Makes and checks tokens.
pub(crate) struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    ttl: Duration,
    clock: Arc<dyn Clock>,
    /// Tokens whose signature was found good; whether their time has passed is asked each time.
    good: Cache<Box<str>, Grant>,
}

/// What a good token says.
#[derive(Clone, Copy)]
pub(crate) struct Grant {
    pub(crate) user: UserId,
    /// The user's epoch at the login.
    pub(crate) epoch: u32,
    /// Seconds since 1970.
    expires: u64,
}

/// Why a token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It worked once.
    #[error("the token has expired; log in again")]
    Expired,
    /// Nobody here signed it, or not for this purpose.
    #[error("the token is not valid; log in to get one")]
    Invalid,
    /// The password was changed, or the account closed or deleted.
    #[error("the token was revoked when the password or the account changed; log in again")]
    Revoked,
    /// An API key that nobody has, or not any more.
    #[error("there is no such API key, or it was revoked; make one with POST /account/keys")]
    UnknownKey,
    /// An API key whose time is over.
    #[error("the API key has expired; make another with POST /account/keys")]
    ExpiredKey,
}

impl TokenError {
    /// A stable word for programs.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::Invalid => "token_invalid",
            Self::Revoked => "token_revoked",
            Self::UnknownKey => "key_unknown",
            Self::ExpiredKey => "key_expired",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    /// The user's epoch. Tokens from before there were epochs are of the first.
    #[serde(default)]
    epoch: u32,
}

impl Tokens {
    /// Tokens signed with `secret` that work for `ttl`.
    pub(crate) fn new(secret: &Secret, ttl: Duration, clock: Arc<dyn Clock>) -> Self {
        // One provider serves the process. If the program has installed its own, that one is used.
        let _ = HS256_ONLY.install_default();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // Checked below, by our clock instead of the system's.
        validation.validate_exp = false;
        let key = secret.expose().as_bytes();
        Self {
            encoding: EncodingKey::from_secret(key),
            decoding: DecodingKey::from_secret(key),
            validation,
            ttl,
            clock,
            good: Cache::new(REMEMBERED),
        }
    }

    /// A token for `user`, from now on.
    pub(crate) fn issue(&self, user: UserId, epoch: u32) -> Result<String, jsonwebtoken::errors::Error> {
        let now = self.clock.now();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_string(),
            iat: now.secs(),
            exp: (now + self.ttl).secs(),
            epoch,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What a token says, if it is good.
    pub(crate) fn verify(&self, token: &str) -> Result<Grant, TokenError> {
        let grant = match self.good.get(token) {
            Some(grant) => grant,
            None => {
                let grant = self.check(token)?;
                self.good.insert(token.into(), grant);
                grant
            }
        };
        if self.clock.now().secs() >= grant.expires.saturating_add(LEEWAY.as_secs()) {
            return Err(TokenError::Expired);
        }
        Ok(grant)
    }

    fn check(&self, token: &str) -> Result<Grant, TokenError> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let user = claims.sub.parse().map_err(|_| TokenError::Invalid)?;
        Ok(Grant { user, epoch: claims.epoch, expires: claims.exp })
    }
}

static HS256_ONLY: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| {
        check_key(*algorithm, key.family())?;
        Ok(Box::new(Hs256::new(key.as_bytes())))
    },
    verifier_factory: |algorithm, key| {
        check_key(*algorithm, key.family())?;
        Ok(Box::new(Hs256::new(key.try_get_as_bytes()?)))
    },
    key_utils: KeyUtils::new_unimplemented(),
};

fn check_key(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), jsonwebtoken::errors::Error> {
    match (algorithm, family) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(()),
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
