//! Whether requests should come here: what `/health/ready` says.

use std::sync::{Arc, PoisonError, RwLock};

/// Whether the server takes requests. Copies speak of the same server, which is ready at first.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<RwLock<State>>);

/// What a server is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for these systems. With none, it takes requests.
    Waiting(Vec<&'static str>),
    /// It takes no more requests.
    Stopping,
}

impl Default for State {
    fn default() -> Self {
        Self::Waiting(Vec::new())
    }
}

impl Readiness {
    /// The server can serve no request while these systems are away. With none, it takes requests again, unless it is
    /// being stopped.
    pub fn wait_for(&self, systems: Vec<&'static str>) {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if *state != State::Stopping {
            *state = State::Waiting(systems);
        }
    }

    /// The server is being stopped: call this before it begins to refuse connections.
    pub fn stop(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = State::Stopping;
    }

    pub(crate) fn state(&self) -> State {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopping_server_stays_so() {
        let readiness = Readiness::default();
        assert_eq!(readiness.state(), State::default());
        readiness.wait_for(vec!["S3"]);
        assert_eq!(readiness.state(), State::Waiting(vec!["S3"]));
        readiness.stop();
        readiness.wait_for(Vec::new());
        assert_eq!(readiness.state(), State::Stopping);
    }
}
