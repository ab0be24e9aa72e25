//! The turns under one idempotency key: who may do what a request asks for, and what came of it. For adapters that keep a
//! key in one place.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ids::MadeId;
use crate::ports::{Made, Turn};
use crate::time::Timestamp;

/// What is remembered of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turns {
    /// The last one has the turn, until then.
    attempts: Vec<MadeId>,
    held_until: Timestamp,
    made: Option<Made>,
    forgotten_at: Timestamp,
}

impl Turns {
    /// A key that is seen for the first time: the turn is that of `attempt`.
    pub fn first(attempt: MadeId, now: Timestamp, lease: Duration, keep: Duration) -> Self {
        Self { attempts: vec![attempt], held_until: now + lease, made: None, forgotten_at: now + keep }
    }

    /// When the key is as if never seen.
    pub fn forgotten_at(&self) -> Timestamp {
        self.forgotten_at
    }

    /// Whose turn it is now, after `attempt` has taken it if it is free.
    pub fn take(&mut self, attempt: MadeId, now: Timestamp, lease: Duration, keep: Duration) -> Turn {
        if self.forgotten_at <= now {
            *self = Self::first(attempt, now, lease, keep);
            return Turn::Yours { before: Vec::new() };
        }
        if let Some(made) = &self.made {
            return Turn::Done(made.clone());
        }
        if self.held_until > now {
            return Turn::Taken;
        }
        let before = self.attempts.clone();
        self.attempts.push(attempt);
        self.held_until = now + lease;
        Turn::Yours { before }
    }

    /// Extends the turn of `attempt`, even if its time is over and nobody else has taken it since. Returns whether it has the turn.
    pub fn renew(&mut self, attempt: MadeId, now: Timestamp, lease: Duration) -> bool {
        let held = self.is_held_by(attempt) && self.forgotten_at > now;
        if held {
            self.held_until = now + lease;
        }
        held
    }

    /// Ends the turn of `attempt` with an effect, unless it has lost the turn.
    pub fn done(&mut self, attempt: MadeId, made: Made) {
        if self.is_held_by(attempt) {
            self.made = Some(made);
        }
    }

    /// Ends the turn of `attempt` without an effect, unless it has lost the turn: the key is forgotten now.
    pub fn give_up(&mut self, attempt: MadeId, now: Timestamp) {
        if self.is_held_by(attempt) {
            self.forgotten_at = now;
        }
    }

    fn is_held_by(&self, attempt: MadeId) -> bool {
        self.made.is_none() && self.attempts.last() == Some(&attempt)
    }
}
