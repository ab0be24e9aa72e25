//! Which requests under an idempotency key were made, are being made, or may be made.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::content::ContentHash;
use crate::idempotency::OnceKey;
use crate::ids::{MadeId, UserId};
use crate::ports::PortError;

/// Whose turn it is to do what a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The caller's. Those who tried before were cut short, and one may have made what it was going to make.
    Yours {
        /// The attempts before this, the first one first.
        before: Vec<MadeId>,
    },
    /// That of somebody who is at it.
    Taken,
    /// Nobody's: it is done.
    Done(Made),
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What was made.
    pub id: MadeId,
    /// What tells the request from others under the same key.
    pub fingerprint: ContentHash,
}

/// The memory of idempotency keys.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait OnceKeys: Send + Sync + 'static {
    /// Takes the turn of a request if it is free, for `lease`. `attempt` names the turn, and what it is going to
    /// make. A key is forgotten `keep` after it was first seen.
    ///
    /// # Behavior
    /// - Of many concurrent calls with one key exactly one has the turn.
    /// - Keys of other users and of other operations do not matter.
    /// - After the lease the next caller has the turn, and learns of all attempts before.
    /// - A key is forgotten after its time, done or not.
    async fn begin(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
        keep: Duration,
    ) -> Result<Turn, PortError>;

    /// Extends a turn. `false` means that it is somebody else's, or nobody's.
    ///
    /// # Behavior
    /// - A renewed turn lasts `lease` from now.
    /// - Whoever has lost the turn, or is done, renews nothing.
    async fn renew(&self, key: OnceKey, attempt: MadeId, lease: Duration) -> Result<bool, PortError>;

    /// Ends a turn with an effect.
    ///
    /// # Behavior
    /// - From then on the request is done, with what was made and the fingerprint.
    /// - Whoever has lost the turn changes nothing.
    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError>;

    /// Ends a turn without an effect.
    ///
    /// # Behavior
    /// - A turn given up is free for the next caller, as if there had been none.
    /// - Whoever has lost the turn, or is done, gives up nothing.
    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError>;

    /// Removes a user's keys.
    ///
    /// # Behavior
    /// - The user's keys are as if never seen; those of others stay.
    async fn forget(&self, owner: UserId) -> Result<(), PortError>;

    /// Removes keys whose time is over, at most `limit` of them, and says how many.
    ///
    /// # Behavior
    /// - Keys whose time is over are removed once; others stay.
    async fn purge(&self, limit: usize) -> Result<usize, PortError>;
}
