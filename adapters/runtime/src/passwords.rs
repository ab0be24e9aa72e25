//! Passwords hashed with Argon2id, on threads of their own.

use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread::available_parallelism;

use argon2::password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use pixmill::ports::{Passwords, PortError, PortErrorKind};
use pixmill::{Password, PasswordHash};
use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::{Semaphore, oneshot};

const ADAPTER: &str = "runtime";
const HASH: &str = "passwords.hash";
const VERIFY: &str = "passwords.verify";

/// The most memory that a stored hash may ask for, in KiB: 1 GiB. More is taken for damage.
const MAX_MEMORY_KIB: u32 = 1 << 20;
/// The most work that a stored hash may ask for, in KiB times passes: a few seconds. More is taken for damage.
const MAX_WORK_KIB: u64 = 1 << 22;

/// How hard hashing is made, and how much of the machine it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argon2Config {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// How often that memory is passed over.
    pub passes: u32,
    /// Lanes; they are computed one after another here.
    pub lanes: u32,
    /// How many hashes are computed at once.
    pub threads: NonZeroUsize,
    /// How many calls may wait for a thread; one more is turned away.
    pub waiting: usize,
}

impl Default for Argon2Config {
    /// Argon2id with 19 MiB, two passes and one lane, as the OWASP Password Storage Cheat Sheet has it, on half
    /// of the cores, with 64 calls waiting.
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            memory_kib: 19 * 1024,
            passes: 2,
            lanes: 1,
            threads: NonZeroUsize::new(cores / 2).unwrap_or(NonZeroUsize::MIN),
            waiting: 64,
        }
    }
}

/// Hashes passwords with Argon2id version 19 into PHC strings.
///
/// Hashes of other parameters verify with the parameters that they were written with, so the configuration may
/// change at any time. An unknown user's password is checked against a hash of the configured parameters that
/// nobody's password has.
#[derive(Debug)]
pub struct Argon2Passwords {
    hasher: Arc<Hasher>,
    threads: ThreadPool,
    places: Arc<Semaphore>,
}

impl Argon2Passwords {
    /// Starts the threads, and makes the hash for unknown users on one of them.
    ///
    /// # Errors
    /// `InvalidInput` for parameters outside of Argon2's bounds (at least 8 KiB a lane, one pass, one lane), and
    /// the system's if it gives no more threads.
    pub fn start(config: &Argon2Config) -> io::Result<Self> {
        let params = Params::new(config.memory_kib, config.passes, config.lanes, None).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("argon2 parameters: {error}"))
        })?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hasher = Arc::new(Hasher { argon2, decoy: OnceLock::new() });
        let threads = ThreadPoolBuilder::new()
            .num_threads(config.threads.get())
            .thread_name(|index| format!("passwords-{index}"))
            .build()
            .map_err(io::Error::other)?;
        let early = Arc::clone(&hasher);
        threads.spawn(move || {
            // If it fails, the first call that needs it tries again and reports the error.
            let _ = early.decoy();
        });
        let places = Arc::new(Semaphore::new(config.threads.get().saturating_add(config.waiting)));
        Ok(Self { hasher, threads, places })
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        operation: &'static str,
        compute: impl FnOnce(&Hasher) -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            error(PortErrorKind::Unavailable, operation, "too many passwords wait to be hashed")
        })?;
        let hasher = Arc::clone(&self.hasher);
        let (answer, answered) = oneshot::channel();
        self.threads.spawn_fifo(move || {
            let result = if answer.is_closed() {
                // The caller went away while it waited.
                return;
            } else {
                catch_unwind(AssertUnwindSafe(|| compute(&hasher)))
                    .unwrap_or_else(|_| Err(error(PortErrorKind::Internal, operation, "hashing panicked")))
            };
            drop(place);
            let _ = answer.send(result);
        });
        answered.await.unwrap_or_else(|_| Err(error(PortErrorKind::Internal, operation, "the thread ended")))
    }
}

#[async_trait]
impl Passwords for Argon2Passwords {
    async fn hash(&self, password: Password) -> Result<PasswordHash, PortError> {
        self.on_thread(HASH, move |hasher| hasher.hash(&password)).await
    }

    async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, PortError> {
        self.on_thread(VERIFY, move |hasher| match hash {
            Some(hash) => hasher.verify(&password, &hash),
            None => hasher.pretend(&password),
        })
        .await
    }
}

#[derive(Debug)]
struct Hasher {
    argon2: Argon2<'static>,
    decoy: OnceLock<phc::PasswordHash>,
}

impl Hasher {
    fn hash(&self, password: &Password) -> Result<PasswordHash, PortError> {
        let hash = self.compute(password.expose())?;
        Ok(PasswordHash::from_phc(hash.to_string()))
    }

    fn verify(&self, password: &Password, hash: &PasswordHash) -> Result<bool, PortError> {
        let corrupt = |why: &'static str| error(PortErrorKind::Corrupt, VERIFY, why);
        let stored = phc::PasswordHash::new(hash.expose()).map_err(|e| {
            error(PortErrorKind::Corrupt, VERIFY, format!("the stored hash is no PHC string: {e}"))
        })?;
        if stored.salt.is_none() || stored.hash.is_none() {
            return Err(corrupt("the stored hash lacks its salt or its value"));
        }
        let params = Params::try_from(&stored).map_err(|e| {
            error(PortErrorKind::Corrupt, VERIFY, format!("the stored hash's parameters: {e}"))
        })?;
        let work = u64::from(params.m_cost()) * u64::from(params.t_cost());
        if params.m_cost() > MAX_MEMORY_KIB || work > MAX_WORK_KIB {
            return Err(corrupt(
                "the stored hash asks for more memory or passes than any that this adapter writes",
            ));
        }
        match self.argon2.verify_password(password.expose().as_bytes(), &stored) {
            Ok(()) => Ok(true),
            Err(HashError::PasswordInvalid) => Ok(false),
            Err(HashError::OutOfMemory) => Err(error(PortErrorKind::Unavailable, VERIFY, "out of memory")),
            Err(e) => {
                Err(error(PortErrorKind::Corrupt, VERIFY, format!("the stored hash can't be checked: {e}")))
            }
        }
    }

    /// Takes as long as a check against a real hash. The result is thrown away: the decoy's password opens nothing.
    fn pretend(&self, password: &Password) -> Result<bool, PortError> {
        let decoy = self.decoy()?;
        let _ = std::hint::black_box(self.argon2.verify_password(password.expose().as_bytes(), decoy));
        Ok(false)
    }

    fn decoy(&self) -> Result<&phc::PasswordHash, PortError> {
        if let Some(decoy) = self.decoy.get() {
            return Ok(decoy);
        }
        let decoy = self.compute("the password of nobody")?;
        Ok(self.decoy.get_or_init(|| decoy))
    }

    fn compute(&self, password: &str) -> Result<phc::PasswordHash, PortError> {
        self.argon2.hash_password(password.as_bytes()).map_err(|e| match e {
            HashError::OutOfMemory | HashError::RngFailure => {
                error(PortErrorKind::Unavailable, HASH, e.to_string())
            }
            e => error(PortErrorKind::Internal, HASH, e.to_string()),
        })
    }
}

fn error(kind: PortErrorKind, operation: &'static str, why: impl Into<String>) -> PortError {
    PortError::new(kind, ADAPTER, operation).with_source(why.into())
}
