//! The guards, how each is taken out, and what is to notice.

use super::{Mutation, Notice};

/// A guard that nothing notices the lack of is not tested, or is not needed.
pub(super) const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "fencing",
        about: "an attempt that lost its job may finish it",
        file: "core/src/job.rs",
        code: "matches!(&self.state, JobState::Running { lease } if lease.token == token)",
        instead: "matches!(&self.state, JobState::Running { lease } if lease.token == token || !self.held)",
        notice: Notice::Faults("--only F8-late --distributed"),
    },
    Mutation {
        name: "outbox",
        about: "an accepted job counts as published before it is",
        file: "core/src/submit.rs",
        code: "            unpublished: true,\n",
        instead: "            unpublished: false,\n",
        notice: Notice::Faults("--only F2 --distributed"),
    },
    Mutation {
        name: "patience",
        about: "what a queue lost is not published again",
        file: "core/src/job.rs",
        code: "JobState::Queued { not_before } => self.published_at.map(|at| {",
        instead: "JobState::Queued { not_before } => None::<Timestamp>.map(|at| {",
        notice: Notice::Faults("--only F5 --distributed"),
    },
    Mutation {
        name: "acknowledgement",
        about: "a message is acknowledged before the work is begun",
        file: "core/src/process.rs",
        code: "            Claim::Claimed(job, token) => self.attempt(*job, token, delivery).await,\n",
        instead: ACKNOWLEDGED_FIRST,
        notice: Notice::Faults("--only F7 --embedded"),
    },
    Mutation {
        name: "lease",
        about: "a lease does not keep others away",
        file: "core/src/job.rs",
        code: "JobState::Running { lease } => lease.expires_at,\n            _ => return",
        instead: "JobState::Running { .. } => now,\n            _ => return",
        notice: Notice::Faults("--only F18 --distributed"),
    },
    Mutation {
        name: "renewal",
        about: "leases are not renewed",
        file: "core/src/process.rs",
        code: "self.ports.clock.sleep(self.settings.lease / 3).await;",
        instead: "self.ports.clock.sleep(self.settings.lease * 300).await;",
        notice: Notice::Faults("--only F9 --distributed"),
    },
    Mutation {
        name: "attempts",
        about: "a job may be tried without end",
        file: "core/src/job.rs",
        code: "if self.attempts >= terms.max_attempts {",
        instead: "if self.attempts >= terms.max_attempts.saturating_mul(100) {",
        notice: Notice::Faults("--only F10-deadly --embedded"),
    },
    Mutation {
        name: "straggler",
        about: "what an attempt stored for a job that ended meanwhile is not removed",
        file: "core/src/job.rs",
        code: "self.remove_output_at = (self.revision > 0).then(|| now + STRAGGLER_GRACE);",
        instead: "self.remove_output_at = (self.revision > 9).then(|| now + STRAGGLER_GRACE);",
        notice: Notice::Faults("--only F24 --embedded --runs 2"),
    },
    Mutation {
        name: "reservation",
        about: "an upload that was cut short is not cleared away",
        file: "core/src/sweep.rs",
        code: "        for image in &due {\n            self.library.clear(*image).await?;\n",
        instead: "        for image in &due {\n",
        notice: Notice::Faults("--only F1 --embedded"),
    },
    Mutation {
        name: "once",
        about: "a request under a key that is being worked on is worked on once more",
        file: "adapters/embedded/src/once_keys.rs",
        code: "        if row.get::<_, i64>(2)? > millis(now) {\n            return Ok(Turn::Taken);\n        }\n",
        instead: "",
        notice: Notice::Faults("--only F19 --embedded --runs 3"),
    },
    Mutation {
        name: "share",
        about: "nobody's jobs are held back",
        file: "core/src/submit.rs",
        code: "self.ports.jobs.accept(jobs, self.settings.user_share)",
        instead: "self.ports.jobs.accept(jobs, usize::MAX)",
        notice: Notice::Faults("--only F28 --embedded"),
    },
    Mutation {
        name: "capacity",
        about: "jobs are accepted without end",
        file: "core/src/capacity.rs",
        code: "let most = self.settings.max_open_jobs;",
        instead: "let most = self.settings.max_open_jobs.saturating_mul(1000);",
        notice: Notice::Faults("--only F22 --embedded"),
    },
    Mutation {
        name: "generation",
        about: "a dead letter is opened anew by a request for another generation",
        file: "core/src/job.rs",
        code: "self.dead_letter().filter(|_| self.generation() == generation)",
        instead: "self.dead_letter().filter(|_| self.generation() <= generation.max(9))",
        notice: Notice::Tests("--test conformance -- memory"),
    },
    Mutation {
        name: "ownership",
        about: "whoever knows a job's id may see it",
        file: "adapters/embedded/src/jobs.rs",
        code: "Ok(job.filter(|job| job.owner == owner).map(Arc::unwrap_or_clone))",
        instead: "Ok(job.filter(|job| job.owner == owner || job.revision > 0).map(Arc::unwrap_or_clone))",
        notice: Notice::Faults("--only random --embedded"),
    },
    Mutation {
        name: "coalescing",
        about: "identical work that is under way is done once more",
        file: "core/src/produce.rs",
        code: "Some(Precedent::InTheMaking) => Err(",
        instead: "Some(Precedent::InTheMaking) if !job.held => Ok(None),\n            Some(Precedent::InTheMaking) => Err(",
        notice: Notice::Tests("--test use_cases"),
    },
    Mutation {
        name: "company",
        about: "a job that was tried in company is tried in company again",
        file: "core/src/job.rs",
        code: "self.batch.is_some() && self.attempts == 1",
        instead: "self.batch.is_some() && self.attempts >= 1",
        notice: Notice::Tests("--test conformance -- memory"),
    },
    Mutation {
        name: "naming",
        about: "a result that was made in company bears the name of one that was made alone",
        file: "core/src/derivation.rs",
        code: "if list.len() < 2 {",
        instead: "if list.len() < 200 {",
        notice: Notice::Tests("--test use_cases"),
    },
];

const ACKNOWLEDGED_FIRST: &str = "            Claim::Claimed(job, token) => {
                #[derive(Debug)]
                struct Gone;
                #[async_trait::async_trait]
                impl Delivery for Gone {
                    fn payload(&self) -> &[u8] {
                        &[]
                    }
                    async fn settle(self: Box<Self>, _: Settlement) -> Result<(), PortError> {
                        Ok(())
                    }
                }
                delivery.settle(Settlement::Ack).await?;
                self.attempt(*job, token, Box::new(Gone)).await
            }
";
