//! The repository of jobs. The rules of a job's states are [`Job`]'s own; here each is applied under one lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{Accepted, Cancellation, Clock, Jobs, Page, PageRequest, PortError, Precedent};
use pixmill::{
    Batch, Claim, ClaimTerms, Derivation, ImageId, Job, JobId, JobState, JobStatus, LeaseToken, Outcome,
    Timestamp, UserId,
};

use crate::lock;
use crate::timeline::{Timeline, newest_first};

/// Jobs in memory. The queue is another store, so accepted jobs are [`Accepted::Unpublished`].
pub struct MemoryJobs {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    jobs: HashMap<JobId, Record>,
    timeline: Timeline<JobId>,
    by_derivation: HashMap<Derivation, Vec<JobId>>,
    by_image: HashMap<ImageId, Vec<JobId>>,
}

struct Record {
    job: Job,
    output_removed: bool,
}

impl MemoryJobs {
    /// No jobs. Leases and waits run by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// Applies a transition to a job, if it exists, at the time that it is now.
    fn change<T>(&self, id: JobId, transition: impl FnOnce(&mut Job, Timestamp) -> T) -> Option<T> {
        let mut state = lock(&self.state);
        // Read under the lock, so that no two changes see the time run backwards.
        let now = self.clock.now();
        state.jobs.get_mut(&id).map(|record| transition(&mut record.job, now))
    }
}

impl State {
    fn owned(&self, owner: UserId, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|record| &record.job).filter(|job| job.owner == owner)
    }

    /// How many jobs of this user are before the workers.
    fn released(&self, owner: UserId) -> usize {
        let jobs = self.jobs.values().map(|record| &record.job);
        jobs.filter(|job| job.owner == owner && job.is_released()).count()
    }

    /// Adds a job, unless there is one of this id, and says how it is stored.
    fn add(&mut self, mut job: Job, now: Timestamp, share: usize) -> Job {
        job.accept(now, self.released(job.owner) >= share);
        let Self { jobs, timeline, by_derivation, by_image } = self;
        let stored = match jobs.entry(job.id) {
            Entry::Occupied(stored) => stored.into_mut(),
            Entry::Vacant(vacant) => {
                timeline.add(job.owner, job.created_at, job.id);
                by_derivation.entry(job.derivation.clone()).or_default().push(job.id);
                by_image.entry(job.image).or_default().push(job.id);
                vacant.insert(Record { job, output_removed: false })
            }
        };
        stored.job.clone()
    }

    fn forget(&mut self, is_over: impl Fn(&Record) -> bool, limit: usize) -> usize {
        let Self { jobs, timeline, by_derivation, by_image } = self;
        let forgotten = jobs.extract_if(|_, record| record.job.status().is_final() && is_over(record));
        let mut count = 0;
        for (id, Record { job, .. }) in forgotten.take(limit) {
            timeline.remove(job.owner, job.created_at, id);
            forget_in(by_derivation, &job.derivation, id);
            forget_in(by_image, &job.image, id);
            count += 1;
        }
        count
    }
}

/// Whether the queue may not know of a job, as [`Jobs::due_unpublished`] defines it.
fn may_be_unknown_to_queue(job: &Job, now: Timestamp, older_than: Duration) -> bool {
    let waits = matches!(&job.state, JobState::Queued { not_before } if *not_before > now);
    !waits && job.stale_since().is_some_and(|since| since + older_than <= now)
}

#[async_trait]
impl Jobs for MemoryJobs {
    async fn accept(&self, jobs: Vec<Job>, share: usize) -> Result<Vec<Accepted>, PortError> {
        let now = self.clock.now();
        let state = &mut *lock(&self.state);
        let mut stored = Vec::new();
        let mut answers = Vec::new();
        for job in jobs {
            let job = state.add(job, now, share);
            answers.push(match job.held {
                true => Accepted::Held,
                false if job.follows(&stored) => Accepted::Follows,
                false => Accepted::Unpublished,
            });
            stored.push(job);
        }
        Ok(answers)
    }

    async fn release(
        &self,
        owner: Option<UserId>,
        share: usize,
        limit: usize,
    ) -> Result<Vec<JobId>, PortError> {
        let state = &mut *lock(&self.state);
        let held = state.jobs.values().map(|record| &record.job).filter(|job| job.held);
        let held = held.filter(|job| owner.is_none_or(|owner| job.owner == owner));
        let mut held: Vec<_> = held.map(|job| (job.created_at, job.id, job.owner)).collect();
        held.sort();
        let mut free = HashMap::new();
        let mut let_go: Vec<Job> = Vec::new();
        let mut to_publish = Vec::new();
        for (_, id, owner) in held {
            let free = free.entry(owner).or_insert_with(|| {
                let released = state.released(owner);
                if released > share / 2 { 0 } else { share - released }
            });
            if *free > 0 && let_go.len() < limit {
                *free -= 1;
                let job = &mut state.jobs.get_mut(&id).expect("it was there just now").job;
                job.held = false;
                if !job.follows(&let_go) {
                    to_publish.push(id);
                }
                let_go.push(job.clone());
            }
        }
        Ok(to_publish)
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        self.change(id, Job::published);
        Ok(())
    }

    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        Ok(lock(&self.state).owned(owner, id).cloned())
    }

    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        Ok(lock(&self.state).jobs.get(&id).map(|record| record.job.clone()))
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError> {
        let state = lock(&self.state);
        let Some(owner) = owner else {
            let jobs = state.jobs.values().map(|record| &record.job);
            let jobs = jobs.filter(|job| status.is_none_or(|status| job.status() == status));
            let after = page.after.and_then(|id| state.jobs.get(&id)).map(|record| &record.job);
            let after = after.map(|job| (job.created_at, job.id));
            return Ok(newest_first(jobs, page, after, |job| (job.created_at, job.id)));
        };
        let place = |id| state.owned(owner, id).map(|job| job.created_at);
        let matches = |job: &&Job| status.is_none_or(|status| job.status() == status);
        Ok(state.timeline.page(owner, page, place, |id| state.owned(owner, id).filter(matches).cloned()))
    }

    async fn count_open(&self, owner: Option<UserId>) -> Result<u64, PortError> {
        let is_open = |record: &&Record| {
            !record.job.status().is_final() && owner.is_none_or(|owner| record.job.owner == owner)
        };
        Ok(lock(&self.state).jobs.values().filter(is_open).count() as u64)
    }

    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError> {
        Ok(self.change(id, |job, now| job.claim(now, terms)).unwrap_or(Claim::Unknown))
    }

    async fn claim_siblings(
        &self,
        leader: &Job,
        terms: ClaimTerms,
    ) -> Result<Vec<(Job, LeaseToken)>, PortError> {
        let ids = leader.batch.into_iter().flat_map(Batch::ids);
        let join = |job: &mut Job, now| job.join(leader, now, terms).map(|token| (job.clone(), token));
        Ok(ids.filter_map(|id| self.change(id, join)?).collect())
    }

    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError> {
        Ok(self.change(id, |job, now| job.renew(now, token, ttl)).unwrap_or(false))
    }

    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError> {
        Ok(self.change(id, |job, now| job.finish(now, token, outcome)).unwrap_or(false))
    }

    async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError> {
        let cancelled = self.change(id, |job, now| Cancellation::of(job, owner, now));
        Ok(cancelled.unwrap_or(Cancellation::Unknown))
    }

    async fn cancel_all(&self, image: ImageId) -> Result<Vec<Job>, PortError> {
        let State { jobs, by_image, .. } = &mut *lock(&self.state);
        let now = self.clock.now();
        let mut cancelled = Vec::new();
        for id in by_image.get(&image).into_iter().flatten() {
            if let Some(record) = jobs.get_mut(id)
                && record.job.cancel(now)
            {
                cancelled.push(record.job.clone());
            }
        }
        Ok(cancelled)
    }

    async fn precedent(&self, job: &Job, for_at_least: Duration) -> Result<Option<Precedent>, PortError> {
        let State { jobs, by_derivation, .. } = &*lock(&self.state);
        let now = self.clock.now();
        let until = now + for_at_least;
        let mut same =
            by_derivation.get(&job.derivation).into_iter().flatten().rev().filter_map(|id| jobs.get(id));
        let kept = |record: &&Record| !record.output_removed && record.job.output(until).is_some();
        if let Some(made) = same.clone().find(kept) {
            return Ok(Some(Precedent::Made(Box::new(made.job.clone()))));
        }
        Ok(same.any(|other| other.job.runs_ahead_of(job, now)).then_some(Precedent::InTheMaking))
    }

    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError> {
        let state = lock(&self.state);
        let now = self.clock.now();
        let mut due: Vec<&Job> = state.jobs.values().map(|record| &record.job).collect();
        due.retain(|job| may_be_unknown_to_queue(job, now, older_than));
        due.sort_by_key(|job| (job.updated_at, job.id));
        Ok(due.into_iter().take(limit).map(|job| job.id).collect())
    }

    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        let state = lock(&self.state);
        let now = self.clock.now();
        let is_due = |record: &&Record| {
            !record.output_removed && record.job.remove_output_at.is_some_and(|at| at <= now)
        };
        Ok(state.jobs.values().filter(is_due).take(limit).map(|record| record.job.clone()).collect())
    }

    async fn output_removed(&self, id: JobId, generation: usize) -> Result<(), PortError> {
        let mut state = lock(&self.state);
        let now = self.clock.now();
        if let Some(record) = state.jobs.get_mut(&id) {
            record.output_removed |= record.job.output_removed(now, generation);
        }
        Ok(())
    }

    async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError> {
        let mut state = lock(&self.state);
        let now = self.clock.now();
        Ok(state.jobs.get_mut(&id).and_then(|record| {
            record.job.redrive(now, generation).then(|| {
                record.output_removed = false;
                record.job.clone()
            })
        }))
    }

    async fn expire(&self, after: Duration, limit: usize) -> Result<usize, PortError> {
        let mut state = lock(&self.state);
        let now = self.clock.now();
        let is_over = |Record { job, output_removed }: &Record| {
            job.updated_at + after <= now && (*output_removed || job.remove_output_at.is_none())
        };
        Ok(state.forget(is_over, limit))
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        lock(&self.state).forget(|record| record.job.owner == owner, usize::MAX);
        Ok(())
    }
}

/// Takes a job out of an index.
fn forget_in<K: Eq + Hash>(index: &mut HashMap<K, Vec<JobId>>, key: &K, id: JobId) {
    if let Some(ids) = index.get_mut(key) {
        ids.retain(|other| *other != id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}
