//! A process that is started again on other terms, as whoever orders faults from it does.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{Server, owned};
use crate::process::{signal, stands_still};
use crate::program::Ended;

/// How often it is looked whether a process that starts stands still.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Server {
    /// Starts this process alone again, with these variables beside those that it was started with; the next start is
    /// without them. One that is told to stand still before it is ready is woken.
    ///
    /// # Errors
    /// What it left behind if it ended instead of coming up; it can be started again all the same.
    ///
    /// # Panics
    /// If it does neither in time.
    pub async fn start_again_with(&mut self, more: &[(&str, &str)]) -> Result<(), Ended> {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let variables = [self.variables.clone(), owned(more)].concat();
        let again = Self::launch(self.part, self.home.clone(), variables, self.arguments.clone()).await?;
        let before = std::mem::replace(self, again);
        self.variables.clone_from(&before.variables);
        self.earlier = before.own_log();
        Ok(())
    }

    /// Whether its process has ended.
    ///
    /// # Panics
    /// If the process is not ours.
    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().expect("one may wait for one's own child").is_some()
    }
}

/// Wakes a process whenever it stands still, for as long as what is returned lives.
pub(super) fn keep_awake(process: u32) -> impl Drop {
    AbortOnDrop(tokio::spawn(wake(process)))
}

/// A task that ends with this.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Wakes a process whenever it stands still.
async fn wake(process: u32) {
    loop {
        if stands_still(process) {
            signal(process, "CONT");
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
