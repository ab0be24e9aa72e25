//! Faults before the repositories.
#![deny(clippy::missing_trait_methods)]

use std::time::Duration;

use async_trait::async_trait;
use pixmill::ports::{
    Accepted, ApiKeys, Cancellation, CreateUser, DeletedUser, Images, Jobs, Made, OnceKeys, Page,
    PageRequest, PortError, Precedent, Turn, Users,
};
use pixmill::{
    ApiKey, ApiKeyId, BlobKey, Claim, ClaimTerms, Image, ImageId, Job, JobId, JobStatus, LeaseToken, MadeId,
    NewVersion, OnceKey, Outcome, Step, Stepped, User, UserChange, UserId, Username, Version,
};

use super::Faulty;

#[async_trait]
impl<P: Users + ?Sized> Users for Faulty<P> {
    async fn create(&self, user: User) -> Result<CreateUser, PortError> {
        self.plan.around("users.create", self.inner.create(user)).await
    }

    async fn find(&self, username: Username) -> Result<Option<User>, PortError> {
        self.plan.around("users.find", self.inner.find(username)).await
    }

    async fn get(&self, id: UserId) -> Result<Option<User>, PortError> {
        self.plan.around("users.get", self.inner.get(id)).await
    }

    async fn list(&self, page: PageRequest<UserId>) -> Result<Page<User>, PortError> {
        self.plan.around("users.list", self.inner.list(page)).await
    }

    async fn change(&self, id: UserId, change: UserChange) -> Result<Option<User>, PortError> {
        self.plan.around("users.change", self.inner.change(id, change)).await
    }

    async fn delete(&self, id: UserId, grace: Duration) -> Result<bool, PortError> {
        self.plan.around("users.delete", self.inner.delete(id, grace)).await
    }

    async fn deleted(&self, limit: usize) -> Result<Vec<DeletedUser>, PortError> {
        self.plan.around("users.deleted", self.inner.deleted(limit)).await
    }

    async fn purge(&self, id: UserId) -> Result<(), PortError> {
        self.plan.around("users.purge", self.inner.purge(id)).await
    }
}

#[async_trait]
impl<P: ApiKeys + ?Sized> ApiKeys for Faulty<P> {
    async fn add(&self, key: ApiKey, most: usize) -> Result<bool, PortError> {
        self.plan.around("api_keys.add", self.inner.add(key, most)).await
    }

    async fn get(&self, id: ApiKeyId) -> Result<Option<ApiKey>, PortError> {
        self.plan.around("api_keys.get", self.inner.get(id)).await
    }

    async fn list(&self, owner: UserId) -> Result<Vec<ApiKey>, PortError> {
        self.plan.around("api_keys.list", self.inner.list(owner)).await
    }

    async fn remove(&self, owner: UserId, id: ApiKeyId) -> Result<bool, PortError> {
        self.plan.around("api_keys.remove", self.inner.remove(owner, id)).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.plan.around("api_keys.forget", self.inner.forget(owner)).await
    }
}

#[async_trait]
impl<P: Images + ?Sized> Images for Faulty<P> {
    async fn reserve(&self, id: ImageId, ttl: Duration) -> Result<(), PortError> {
        self.plan.around("images.reserve", self.inner.reserve(id, ttl)).await
    }

    async fn renew(&self, id: ImageId, ttl: Duration) -> Result<bool, PortError> {
        self.plan.around("images.renew", self.inner.renew(id, ttl)).await
    }

    async fn insert(&self, image: Image) -> Result<bool, PortError> {
        self.plan.around("images.insert", self.inner.insert(image)).await
    }

    async fn get(&self, owner: UserId, id: ImageId) -> Result<Option<Image>, PortError> {
        self.plan.around("images.get", self.inner.get(owner, id)).await
    }

    async fn list(&self, owner: UserId, page: PageRequest<ImageId>) -> Result<Page<Image>, PortError> {
        self.plan.around("images.list", self.inner.list(owner, page)).await
    }

    async fn version(&self, id: ImageId, number: u32) -> Result<Option<Version>, PortError> {
        self.plan.around("images.version", self.inner.version(id, number)).await
    }

    async fn versions(&self, id: ImageId) -> Result<Vec<Version>, PortError> {
        self.plan.around("images.versions", self.inner.versions(id)).await
    }

    async fn usage(&self, owner: UserId) -> Result<(u64, u64), PortError> {
        self.plan.around("images.usage", self.inner.usage(owner)).await
    }

    async fn add_version(&self, version: NewVersion) -> Result<Option<u32>, PortError> {
        self.plan.around("images.add_version", self.inner.add_version(version)).await
    }

    async fn drop_version(&self, id: ImageId, blob: BlobKey) -> Result<(), PortError> {
        self.plan.around("images.drop_version", self.inner.drop_version(id, blob)).await
    }

    async fn step(&self, owner: UserId, id: ImageId, step: Step) -> Result<Stepped, PortError> {
        self.plan.around("images.step", self.inner.step(owner, id, step)).await
    }

    async fn delete(&self, owner: UserId, id: ImageId, grace: Duration) -> Result<bool, PortError> {
        self.plan.around("images.delete", self.inner.delete(owner, id, grace)).await
    }

    async fn due_removals(&self, limit: usize) -> Result<Vec<ImageId>, PortError> {
        self.plan.around("images.due_removals", self.inner.due_removals(limit)).await
    }

    async fn purge(&self, id: ImageId) -> Result<(), PortError> {
        self.plan.around("images.purge", self.inner.purge(id)).await
    }
}

#[async_trait]
impl<P: Jobs + ?Sized> Jobs for Faulty<P> {
    async fn accept(&self, jobs: Vec<Job>, share: usize) -> Result<Vec<Accepted>, PortError> {
        self.plan.around("jobs.accept", self.inner.accept(jobs, share)).await
    }

    async fn release(
        &self,
        owner: Option<UserId>,
        share: usize,
        limit: usize,
    ) -> Result<Vec<JobId>, PortError> {
        self.plan.around("jobs.release", self.inner.release(owner, share, limit)).await
    }

    async fn published(&self, id: JobId) -> Result<(), PortError> {
        self.plan.around("jobs.published", self.inner.published(id)).await
    }

    async fn get(&self, owner: UserId, id: JobId) -> Result<Option<Job>, PortError> {
        self.plan.around("jobs.get", self.inner.get(owner, id)).await
    }

    async fn load(&self, id: JobId) -> Result<Option<Job>, PortError> {
        self.plan.around("jobs.load", self.inner.load(id)).await
    }

    async fn list(
        &self,
        owner: Option<UserId>,
        status: Option<JobStatus>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job>, PortError> {
        self.plan.around("jobs.list", self.inner.list(owner, status, page)).await
    }

    async fn count_open(&self, owner: Option<UserId>) -> Result<u64, PortError> {
        self.plan.around("jobs.count_open", self.inner.count_open(owner)).await
    }

    async fn claim(&self, id: JobId, terms: ClaimTerms) -> Result<Claim, PortError> {
        let call = async {
            let claim = self.inner.claim(id, terms).await?;
            self.plan.note(|history| history.asked(id, &claim));
            Ok(claim)
        };
        self.plan.around("jobs.claim", call).await
    }

    async fn claim_siblings(
        &self,
        leader: &Job,
        terms: ClaimTerms,
    ) -> Result<Vec<(Job, LeaseToken)>, PortError> {
        let call = async {
            let claimed = self.inner.claim_siblings(leader, terms).await?;
            self.plan.note(|history| claimed.iter().for_each(|(job, token)| history.claimed(job, *token)));
            Ok(claimed)
        };
        self.plan.around("jobs.claim_siblings", call).await
    }

    async fn renew(&self, id: JobId, token: LeaseToken, ttl: Duration) -> Result<bool, PortError> {
        let call = async {
            let held = self.inner.renew(id, token, ttl).await?;
            self.plan.note(|history| history.renewed(id, token, held));
            Ok(held)
        };
        self.plan.around("jobs.renew", call).await
    }

    async fn finish(&self, id: JobId, token: LeaseToken, outcome: Outcome) -> Result<bool, PortError> {
        let call = async {
            self.plan.note(|history| history.finishing(id, token));
            let held = self.inner.finish(id, token, outcome).await?;
            self.plan.note(|history| history.finished(id, token, held));
            Ok(held)
        };
        self.plan.around("jobs.finish", call).await
    }

    async fn cancel(&self, owner: UserId, id: JobId) -> Result<Cancellation, PortError> {
        self.plan.around("jobs.cancel", self.inner.cancel(owner, id)).await
    }

    async fn cancel_all(&self, image: ImageId) -> Result<Vec<Job>, PortError> {
        self.plan.around("jobs.cancel_all", self.inner.cancel_all(image)).await
    }

    async fn precedent(&self, job: &Job, for_at_least: Duration) -> Result<Option<Precedent>, PortError> {
        self.plan.around("jobs.precedent", self.inner.precedent(job, for_at_least)).await
    }

    async fn due_unpublished(&self, older_than: Duration, limit: usize) -> Result<Vec<JobId>, PortError> {
        self.plan.around("jobs.due_unpublished", self.inner.due_unpublished(older_than, limit)).await
    }

    async fn due_output_removals(&self, limit: usize) -> Result<Vec<Job>, PortError> {
        self.plan.around("jobs.due_output_removals", self.inner.due_output_removals(limit)).await
    }

    async fn output_removed(&self, id: JobId, generation: usize) -> Result<(), PortError> {
        self.plan.around("jobs.output_removed", self.inner.output_removed(id, generation)).await
    }

    async fn redrive(&self, id: JobId, generation: usize) -> Result<Option<Job>, PortError> {
        self.plan.around("jobs.redrive", self.inner.redrive(id, generation)).await
    }

    async fn expire(&self, after: Duration, limit: usize) -> Result<usize, PortError> {
        self.plan.around("jobs.expire", self.inner.expire(after, limit)).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.plan.around("jobs.forget", self.inner.forget(owner)).await
    }
}

#[async_trait]
impl<P: OnceKeys + ?Sized> OnceKeys for Faulty<P> {
    async fn begin(
        &self,
        key: OnceKey,
        attempt: MadeId,
        lease: Duration,
        keep: Duration,
    ) -> Result<Turn, PortError> {
        self.plan.around("once_keys.begin", self.inner.begin(key, attempt, lease, keep)).await
    }

    async fn renew(&self, key: OnceKey, attempt: MadeId, lease: Duration) -> Result<bool, PortError> {
        self.plan.around("once_keys.renew", self.inner.renew(key, attempt, lease)).await
    }

    async fn done(&self, key: OnceKey, attempt: MadeId, made: Made) -> Result<(), PortError> {
        self.plan.around("once_keys.done", self.inner.done(key, attempt, made)).await
    }

    async fn give_up(&self, key: OnceKey, attempt: MadeId) -> Result<(), PortError> {
        self.plan.around("once_keys.give_up", self.inner.give_up(key, attempt)).await
    }

    async fn forget(&self, owner: UserId) -> Result<(), PortError> {
        self.plan.around("once_keys.forget", self.inner.forget(owner)).await
    }

    async fn purge(&self, limit: usize) -> Result<usize, PortError> {
        self.plan.around("once_keys.purge", self.inner.purge(limit)).await
    }
}
