//! Following jobs as they change. Events are hints: whatever is passed on was read from the repository, so that
//! a lost, late or doubled event costs time and nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, Either, FutureExt, select};
use futures::stream::{self, BoxStream};

use crate::ids::{JobId, UserId};
use crate::job::Job;
use crate::job_state::JobStatus;
use crate::ports::{Clock, Event, PageRequest, PortError};
use crate::services::Ports;

/// How often a quiet stream says that it is alive, and looks at its jobs whatever the events say.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many jobs are listed at once.
const PAGE: usize = 100;

/// Follows jobs.
#[derive(Clone)]
pub struct Live {
    ports: Arc<Ports>,
}

/// What a follower learns.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A job as it is now. Its revision is larger than that of any update before.
    Job(Box<Job>),
    /// A [`HEARTBEAT`] has passed.
    Quiet,
}

impl Live {
    pub(crate) fn new(ports: Arc<Ports>) -> Self {
        Self { ports }
    }

    /// Follows one of a user's jobs: its state now, then each change, until it is final. `None` if the user has
    /// no such job.
    pub async fn job(
        &self,
        owner: UserId,
        id: JobId,
    ) -> Result<Option<BoxStream<'static, Update>>, PortError> {
        // Subscribed before the job is read, so that no change falls between the two.
        let mut follower = self.follower(owner, Some(id)).await?;
        let Some(job) = self.ports.jobs.get(owner, id).await? else { return Ok(None) };
        let first = follower.news(job).map(|job| Update::Job(Box::new(job)));
        Ok(Some(stream::iter(first).chain(follower.updates()).boxed()))
    }

    /// Follows all of a user's jobs: those that are open, those that are named, and from then on whatever changes.
    /// It ends only if the events do. Whoever comes back after a while names the jobs that it still waits for.
    pub async fn jobs(
        &self,
        owner: UserId,
        named: Vec<JobId>,
    ) -> Result<BoxStream<'static, Update>, PortError> {
        let mut follower = self.follower(owner, None).await?;
        follower.unread.extend(named);
        for status in [JobStatus::Queued, JobStatus::Running] {
            let mut page = PageRequest { after: None, limit: PAGE };
            loop {
                let found = self.ports.jobs.list(Some(owner), Some(status), page).await?;
                page.after = found.items.last().map(|job| job.id);
                follower.unread.extend(found.items.iter().map(|job| job.id));
                if !found.more {
                    break;
                }
            }
        }
        Ok(follower.updates())
    }

    async fn follower(&self, owner: UserId, only: Option<JobId>) -> Result<Follower, PortError> {
        Ok(Follower {
            events: self.ports.events.subscribe(owner).await?,
            heartbeat: heartbeat(&self.ports.clock),
            ports: self.ports.clone(),
            owner,
            only,
            unread: VecDeque::new(),
            seen: HashMap::new(),
        })
    }
}

struct Follower {
    ports: Arc<Ports>,
    owner: UserId,
    /// The one job that is followed; all jobs without.
    only: Option<JobId>,
    events: BoxStream<'static, Event>,
    heartbeat: BoxFuture<'static, ()>,
    /// Jobs that may have changed.
    unread: VecDeque<JobId>,
    /// Jobs that were looked at; final ones are forgotten after a while.
    seen: HashMap<JobId, Seen>,
}

#[derive(Default)]
struct Seen {
    /// The revision that was passed on last.
    revision: Option<u64>,
    /// No change can come after it.
    last: bool,
}

impl Follower {
    fn updates(self) -> BoxStream<'static, Update> {
        stream::unfold(self, |mut follower| async move {
            let update = follower.next().await?;
            Some((update, follower))
        })
        .fuse()
        .boxed()
    }

    async fn next(&mut self) -> Option<Update> {
        loop {
            while let Some(id) = self.unread.pop_front() {
                if let Some(job) = self.read(id).await {
                    return Some(Update::Job(Box::new(job)));
                }
            }
            let finished = |id| self.seen.get(&id).is_some_and(|seen| seen.last);
            if self.only.is_some_and(finished) {
                return None;
            }
            match select(self.events.next(), &mut self.heartbeat).await {
                Either::Left((event, _)) => {
                    let Event { job, revision, .. } = event?;
                    let known = self.seen.get(&job).and_then(|seen| seen.revision);
                    let news = known.is_none_or(|known| known < revision);
                    if news && self.only.is_none_or(|only| only == job) {
                        self.unread.push_back(job);
                    }
                }
                Either::Right(((), _)) => {
                    self.heartbeat = heartbeat(&self.ports.clock);
                    self.seen.retain(|_, seen| !seen.last);
                    self.unread.extend(self.seen.keys());
                    return Some(Update::Quiet);
                }
            }
        }
    }

    /// Reads the job, and gives it if it has changed since it was last passed on.
    async fn read(&mut self, id: JobId) -> Option<Job> {
        match self.ports.jobs.get(self.owner, id).await {
            Ok(Some(job)) => self.news(job),
            Ok(None) => {
                self.seen.insert(id, Seen { revision: None, last: true });
                None
            }
            Err(error) => {
                tracing::debug!(job = %id, %error, "a followed job was not read; the next heartbeat tries again");
                self.seen.entry(id).or_default();
                None
            }
        }
    }

    /// The job, if it has changed since it was last passed on; it is passed on now.
    fn news(&mut self, job: Job) -> Option<Job> {
        let seen = self.seen.entry(job.id).or_default();
        if seen.revision.is_some_and(|revision| revision >= job.revision) {
            return None;
        }
        *seen = Seen { revision: Some(job.revision), last: job.status().is_final() };
        Some(job)
    }
}

fn heartbeat(clock: &Arc<dyn Clock>) -> BoxFuture<'static, ()> {
    let clock = clock.clone();
    async move { clock.sleep(HEARTBEAT).await }.boxed()
}
