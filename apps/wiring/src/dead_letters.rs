//! The commands with which an operator looks at failed jobs and opens them anew, whether the server runs or not.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use clap::Subcommand;
use pixmill::ports::{Clock, Jobs};
use pixmill::{DeadLetters, Failure, Job, JobId};
use pixmill_embedded::SqliteJobs;
use pixmill_runtime::SystemClock;

use crate::error::{StartError, system};
use crate::systems::mongodb::MongoDb;

/// What to do with dead letters: jobs that failed although another attempt might have succeeded.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadLetterCommand {
    /// List them, newest first
    List {
        /// How many at most
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Open them anew, with all their attempts; to do it twice opens none twice
    Redrive {
        /// The jobs; all dead letters if none is named
        jobs: Vec<JobId>,
        /// Say that all are meant
        #[arg(long, conflicts_with = "jobs", required_unless_present = "jobs")]
        all: bool,
        /// How many in a second at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        per_second: u32,
    },
}

/// Does what the command says with the jobs in MongoDB, if it is configured, or in the data folder, and says what was done.
///
/// # Errors
/// If a named job is no dead letter, or the folder or the database can't be used.
pub fn manage_dead_letters(
    command: DeadLetterCommand,
    data_dir: &Path,
    mongodb: &MongoDb,
) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(system("threads"))?.block_on(run(command, data_dir, mongodb))
}

async fn run(command: DeadLetterCommand, data_dir: &Path, mongodb: &MongoDb) -> Result<(), StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let jobs: Arc<dyn Jobs> = match mongodb.jobs().await? {
        Some(jobs) => jobs,
        None => Arc::new(SqliteJobs::open(data_dir, clock.clone())?),
    };
    let letters = DeadLetters::new(jobs.clone(), clock);
    match command {
        DeadLetterCommand::List { limit } => list(&letters.list(limit).await?).map_err(StartError::Output),
        DeadLetterCommand::Redrive { jobs: ids, all: _, per_second } => {
            let chosen =
                if ids.is_empty() { letters.list(usize::MAX).await? } else { named(&*jobs, &ids).await? };
            let opened = letters.redrive_all(&chosen, per_second).await?;
            let done = match chosen.len() - opened {
                0 => format!("{opened} opened anew; they go on with the next sweep"),
                others => format!(
                    "{opened} opened anew, which go on with the next sweep; {others} failed less than ten minutes ago, until \
                     when something of theirs may still be removed, or were opened meanwhile"
                ),
            };
            writeln!(io::stdout(), "{done}").map_err(StartError::Output)
        }
    }
}

async fn named(jobs: &dyn Jobs, ids: &[JobId]) -> Result<Vec<Job>, StartError> {
    let mut named = Vec::new();
    for id in ids {
        let job = jobs.load(*id).await?.filter(|job| job.dead_letter().is_some());
        let missing =
            || StartError::Job(format!("{id} is no dead letter; `admin dead-letters list` shows them"));
        named.push(job.ok_or_else(missing)?);
    }
    Ok(named)
}

/// One line a job, in columns that programs can tell apart: id, owner, when it failed, how often it was opened anew, why.
fn list(letters: &[Job]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for job in letters {
        let Some(Failure { code, detail }) = job.dead_letter() else { continue };
        let (id, owner, generation) = (job.id, job.owner, job.generation());
        let at = humantime::format_rfc3339_millis(SystemTime::from(job.updated_at));
        writeln!(out, "{id}\t{owner}\t{at}\t{generation}\t{}\t{detail}", code.name())?;
    }
    out.flush()
}
