//! What is there in the end, as the API and the files tell it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::check::leftovers;
use super::crowd::sighting;
use super::record::{Fetched, FinalImage, FinalJob, FinalVersion, Made, Record, Usage};
use super::target::Target;
use crate::client::Client;
use crate::picture::Picture;
use crate::s3::hex;

/// How long what is left may take to be swept, and how often it is looked.
const SWEEPING: Duration = Duration::from_secs(120);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// How many results are fetched at once.
const AT_ONCE: usize = 8;

/// How many jobs are open, if somebody says so.
pub(super) async fn open_jobs(client: &Client) -> Option<u64> {
    let answer = client.try_get("/account").await?;
    (answer.status == 200).then(|| answer.json()["usage"]["openJobs"].as_u64()).flatten()
}

/// Adds to `record` all that is there.
pub(super) async fn survey(record: &mut Record, client: &Client) {
    let deadline = Instant::now() + SWEEPING;
    loop {
        // What is swept between two questions makes the answers differ, and what is still to be swept is no end.
        let in_accord = images(record, client).await;
        let jobs = client.list("/jobs").await;
        if (in_accord && all_made(&record.images, &jobs)) || Instant::now() > deadline {
            for some in jobs.chunks(AT_ONCE) {
                record.jobs.extend(join_all(some.iter().map(|job| final_job(client, job))).await);
            }
            return;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// Whether every version is what its job made.
fn all_made(images: &[FinalImage], jobs: &[Value]) -> bool {
    let made: HashMap<_, _> =
        jobs.iter().map(|job| (job["id"].as_str(), &job["result"]["version"])).collect();
    images.iter().flat_map(|image| &image.versions).all(|version| {
        let made = made.get(&version.job.as_deref());
        version.job.is_none() || made.is_some_and(|made| **made == version.number)
    })
}

/// Notes what is charged and which images there are. Returns whether these are in accord.
async fn images(record: &mut Record, client: &Client) -> bool {
    let usage = &client.get("/account").await.expect(200).json()["usage"];
    record.usage = Usage {
        bytes: number(&usage["bytes"]),
        images: number(&usage["images"]),
        open_jobs: number(&usage["openJobs"]),
    };
    record.images.clear();
    for image in client.list("/images").await {
        let id = text(&image["id"]);
        let versions = client.get(&format!("/images/{id}/versions")).await.expect(200).json();
        let versions = versions["items"].as_array().into_iter().flatten().map(version).collect();
        record.images.push(FinalImage { id, versions });
    }
    record.usage.bytes == record.bytes() && record.usage.images == record.images.len() as u64
}

/// Adds the files, once they are as they should be or won't become so.
pub(super) async fn files(record: &mut Record, target: &Target) {
    let deadline = Instant::now() + SWEEPING;
    loop {
        record.blobs = target.blobs().await;
        record.temporary_files = target.server().home().temporary_files();
        if leftovers(record).is_empty() || Instant::now() > deadline {
            return;
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// How often each job was opened anew, as an operator sees it.
pub(super) async fn generations(operator: &Client) -> BTreeMap<String, u64> {
    let jobs = operator.list("/admin/jobs").await;
    jobs.iter().map(|job| (text(&job["job"]["id"]), number(&job["redrives"]))).collect()
}

fn version(version: &Value) -> FinalVersion {
    let job = version["jobId"].as_str().map(str::to_owned);
    FinalVersion { number: number(&version["number"]), job, bytes: number(&version["bytes"]) }
}

async fn final_job(client: &Client, job: &Value) -> FinalJob {
    let mut made = None;
    if let Some(result) = job.get("result") {
        made = Some(Made {
            version: result["version"].as_u64(),
            width: number(&result["width"]),
            bytes: number(&result["bytes"]),
            file: fetch(client, &text(&job["id"])).await,
        });
    }
    let failure = job["error"]["code"].as_str().map(str::to_owned);
    FinalJob { seen: sighting(job), image: text(&job["imageId"]), failure, made }
}

async fn fetch(client: &Client, job: &str) -> Option<Fetched> {
    let answer = client.get(&format!("/images/transformedImage/{job}")).await;
    if matches!(answer.status, 404 | 410) {
        return None;
    }
    let answer = answer.expect(200);
    let hash = hex(&Sha256::digest(&answer.body));
    // ITU-T T.81, section B.2.1: a JPEG ends with EOI; one that is cut short does not.
    let whole = answer.body.ends_with(&[0xFF, 0xD9]);
    let width = Picture::of(&answer.body).filter(|_| whole).map(|picture| u64::from(picture.width));
    let recorded_hash = answer.header("etag").trim_matches('"').to_owned();
    Some(Fetched { recorded_hash, hash, bytes: answer.body.len() as u64, width })
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
