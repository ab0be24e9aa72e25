//! How much a user has, and how much they may have. Quotas are soft: what is under way when one is reached still
//! comes in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::UserId;
use crate::ports::PortError;
use crate::services::Ports;
use crate::settings::Settings;
use crate::time::Timestamp;
use crate::user::User;

/// What a user may have at most. What is absent has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserQuota {
    /// Bytes of all versions of all images.
    pub bytes: Option<u64>,
    /// Images.
    pub images: Option<u64>,
    /// Jobs that are not final.
    pub open_jobs: Option<u64>,
}

/// What a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of all versions of all images.
    pub bytes: u64,
    /// Images.
    pub images: u64,
    /// Jobs that are not final.
    pub open_jobs: u64,
}

/// Which quota is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Bytes.
    #[error("your images would take more than {0} bytes, the most that you may have; delete some first")]
    Bytes(u64),
    /// Images.
    #[error("you have {0} images, the most that you may have; delete one first")]
    Images(u64),
    /// Jobs that are not final.
    #[error("{0} of your jobs wait or run, the most that may at once; come back when one is done")]
    OpenJobs(u64),
}

/// How long what the repository said of a user's quota is believed. A change that another process made takes effect after
/// this; one that is [learned](Quotas::learn) here does at once.
const BELIEVED: Duration = Duration::from_secs(5);
/// Of how many users it is remembered.
const REMEMBERED: usize = 10_000;

/// Says what users have and may have.
#[derive(Clone)]
pub struct Quotas {
    ports: Arc<Ports>,
    settings: Arc<Settings>,
    known: Arc<Mutex<HashMap<UserId, Known>>>,
}

#[derive(Clone, Copy)]
struct Known {
    quota: UserQuota,
    until: Timestamp,
}

impl Quotas {
    pub(crate) fn new(ports: Arc<Ports>, settings: Arc<Settings>) -> Self {
        Self { ports, settings, known: Arc::default() }
    }

    /// Takes note of a user who was changed here.
    pub fn learn(&self, user: &User) {
        let until = self.ports.clock.now() + BELIEVED;
        note(&mut self.known(), user.id, Known { quota: self.of(user), until });
    }

    /// What a user may have: their own quota, or everybody's.
    pub fn of(&self, user: &User) -> UserQuota {
        user.quota.unwrap_or(self.settings.quota)
    }

    /// What a user has.
    pub async fn usage(&self, owner: UserId) -> Result<Usage, PortError> {
        let (images, bytes) = self.ports.images.usage(owner).await?;
        Ok(Usage { bytes, images, open_jobs: self.ports.jobs.count_open(Some(owner)).await? })
    }

    /// Whether one more image of so many bytes fits.
    pub(crate) async fn check_upload<E>(&self, owner: UserId, more: u64) -> Result<(), E>
    where
        E: From<QuotaError> + From<PortError>,
    {
        let quota = self.find(owner).await?;
        if quota.bytes.is_none() && quota.images.is_none() {
            return Ok(());
        }
        let (images, bytes) = self.ports.images.usage(owner).await?;
        within(images + 1, quota.images, QuotaError::Images)?;
        Ok(within(bytes.saturating_add(more.max(1)), quota.bytes, QuotaError::Bytes)?)
    }

    /// Whether so many more jobs fit, and what `saves` of them save.
    pub(crate) async fn check_jobs<E>(&self, owner: UserId, more: usize, saves: usize) -> Result<(), E>
    where
        E: From<QuotaError> + From<PortError>,
    {
        let quota = self.find(owner).await?;
        if quota.open_jobs.is_some() {
            let open = self.ports.jobs.count_open(Some(owner)).await?;
            within(open.saturating_add(more as u64), quota.open_jobs, QuotaError::OpenJobs)?;
        }
        if saves > 0 && quota.bytes.is_some() {
            let (_, bytes) = self.ports.images.usage(owner).await?;
            // No file is smaller than a byte; how large they are is told when they are made.
            within(bytes.saturating_add(saves as u64), quota.bytes, QuotaError::Bytes)?;
        }
        Ok(())
    }

    async fn find(&self, owner: UserId) -> Result<UserQuota, PortError> {
        let begun = self.ports.clock.now();
        if let Some(known) = self.known().get(&owner).filter(|known| begun < known.until) {
            return Ok(known.quota);
        }
        let user = self.ports.users.get(owner).await?;
        let quota = user.map_or(self.settings.quota, |user| self.of(&user));
        let until = begun + BELIEVED;
        // What was learned since then is later than what was read.
        let mut known = self.known();
        if known.get(&owner).is_none_or(|known| known.until < until) {
            note(&mut known, owner, Known { quota, until });
        }
        Ok(quota)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<UserId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When there is no more room all are forgotten: it costs a look at each.
fn note(known: &mut HashMap<UserId, Known>, owner: UserId, quota: Known) {
    if known.len() >= REMEMBERED && !known.contains_key(&owner) {
        known.clear();
    }
    known.insert(owner, quota);
}

fn within(wanted: u64, most: Option<u64>, error: fn(u64) -> QuotaError) -> Result<(), QuotaError> {
    match most {
        Some(most) if wanted > most => Err(error(most)),
        _ => Ok(()),
    }
}
