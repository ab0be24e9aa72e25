//! What whoever accepts several jobs leaves behind when they are cut short: the jobs are accepted, and not yet in documents of
//! their own.

mod store;

use std::time::Duration;

use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use pixmill::ports::Jobs;
use pixmill::{Claim, ClaimTerms, Job, Timestamp, UserId};
use pixmill_mongodb::MongoJobs;
use pixmill_testkit::fixtures;

use self::store::with_store;

const TERMS: ClaimTerms = ClaimTerms { lease: Duration::from_mins(1), max_attempts: 3 };

/// Accepts three jobs and takes back all that comes after the first of the writes but for some of the last.
async fn cut_short(jobs: &MongoJobs, database: &Database, kept: usize) -> Vec<Job> {
    let now = Timestamp::EPOCH + Duration::from_secs(1_700_000_000);
    let batch = fixtures::batch_on(&fixtures::image(UserId::random(), now), now, 3);
    jobs.accept(batch.clone(), 100).await.unwrap();
    let (documents, batches) =
        (database.collection::<Document>("jobs"), database.collection::<Document>("batches"));
    let (mut ids, mut records) = (Vec::new(), Vec::new());
    for (place, job) in batch.iter().enumerate() {
        let id = mongodb::bson::oid::ObjectId::from_bytes(*job.id.as_bytes());
        let document = documents.find_one(doc! { "_id": id }).await.unwrap().unwrap();
        records.push(document.get_str("record").unwrap().to_owned());
        ids.push(Bson::from(id));
        if place >= kept {
            documents.delete_one(doc! { "_id": id }).await.unwrap();
        }
    }
    let record = format!(r#"{{"jobs":[{}]}}"#, records.join(","));
    let accepted = doc! { "_id": &ids[0], "revision": 0_i64, "jobs": &ids, "record": record };
    assert_eq!(batches.count_documents(doc! {}).await.unwrap(), 0, "nothing is left of what was finished");
    batches.insert_one(accepted).await.unwrap();
    batch
}

async fn all_there(jobs: &MongoJobs, database: &Database, batch: &[Job]) {
    for job in batch {
        assert_eq!(jobs.get(job.owner, job.id).await.unwrap().unwrap().transformation, job.transformation);
    }
    let left = database.collection::<Document>("batches").count_documents(doc! {}).await.unwrap();
    assert_eq!(left, 0);
}

#[test]
fn whoever_asks_for_one_finds_all() {
    with_store(async |store, database| {
        for (kept, place) in [(0, 0), (0, 2), (1, 2), (2, 2)] {
            let batch = cut_short(&store.jobs(), database, kept).await;
            // Another process asks.
            let jobs = store.jobs();
            let found = match place {
                0 => jobs.load(batch[place].id).await.unwrap(),
                _ => jobs.get(batch[place].owner, batch[place].id).await.unwrap(),
            };
            assert!(found.is_some(), "{kept} were stored");
            all_there(&jobs, database, &batch).await;
        }
    });
}

#[test]
fn a_worker_gets_them() {
    with_store(async |store, database| {
        let batch = cut_short(&store.jobs(), database, 0).await;
        let jobs = store.jobs();
        let Claim::Claimed(leader, _) = jobs.claim(batch[1].id, TERMS).await.unwrap() else {
            panic!("not claimed");
        };
        assert_eq!(jobs.claim_siblings(&leader, TERMS).await.unwrap().len(), 2);
        all_there(&jobs, database, &batch).await;
    });
}

#[test]
fn the_sweeper_finishes_it_and_changes_nothing_that_went_on() {
    with_store(async |store, database| {
        let batch = cut_short(&store.jobs(), database, 1).await;
        let jobs = store.jobs();
        let Claim::Claimed(running, _) = jobs.claim(batch[0].id, TERMS).await.unwrap() else {
            panic!("not claimed");
        };
        let due = jobs.due_unpublished(Duration::ZERO, 10).await.unwrap();
        assert!(due.contains(&batch[1].id) && due.contains(&batch[2].id), "{due:?}");
        assert_eq!(jobs.load(batch[0].id).await.unwrap(), Some(*running));
        all_there(&jobs, database, &batch).await;
    });
}
