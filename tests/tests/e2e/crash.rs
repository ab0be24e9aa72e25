//! `kill -9` at many moments: what was accepted is done once, what was not is gone.

use std::collections::BTreeSet;
use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pixmill_e2e::{Answer, Client, Connection, Draw, Picture, Server, eventually};
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use crate::bad_uploads::nothing_stays;
use crate::walk::text;

/// How often the server is killed, and how many submissions are under way each time.
const KILLS: usize = 6;
const SUBMISSIONS: usize = 24;
/// Clients that submit at once.
const CLIENTS: usize = 4;
/// Where the moments come from. Any other number is as good; this one makes a failure come again.
const SEED: u64 = 0x5eed_0001;

/// A job that the server has answered for.
struct Accepted {
    id: String,
    number: usize,
    saved: bool,
}

#[tokio::test]
async fn accepted_jobs_survive_kill_9_and_are_done_once() {
    // A killed attempt counts, and this test kills more often than a job is tried by default.
    let mut server = Server::start(&[("RATE_LIMIT_REQUESTS", "0"), ("JOB_MAX_ATTEMPTS", "100")]).await;
    let mut client = server.user("anna").await;
    let image = client.upload_png(600, 450).await.id;
    let mut moments = Draw::new(SEED);
    let mut accepted = Vec::new();
    for kill in 0..KILLS {
        let after = 1 + moments.below(SUBMISSIONS - CLIENTS);
        let jobs = submit_until_killed(&mut server, &client, &image, kill * SUBMISSIONS, after).await;
        assert!(jobs.len() >= after, "the server was killed after {after} answers");
        accepted.extend(jobs);
        server.start_again().await;
        client = client.at(server.address());
    }
    let mut versions = Vec::new();
    for job in &accepted {
        versions.extend(check(&client, &image, job).await);
    }
    versions.sort_unstable();
    // Jobs may have been accepted without an answer: they are done too, and once.
    let jobs = client.list("/jobs").await;
    assert!(jobs.len() >= accepted.len());
    let ids: BTreeSet<String> = jobs.iter().map(|job| text(&job["id"])).collect();
    assert_eq!(ids.len(), jobs.len(), "no job is listed twice");
    let mut expected_blobs = BTreeSet::from([format!("images/{image}/original")]);
    let mut all_versions = Vec::new();
    for id in &ids {
        client.completed(id).await;
        let version = client.job(id).await["result"]["version"].as_u64();
        all_versions.extend(version);
        expected_blobs
            .insert(format!("{}/{image}/{id}", if version.is_some() { "images" } else { "previews" }));
    }
    all_versions.sort_unstable();
    let numbers: Vec<u64> = (2..).take(all_versions.len()).collect();
    assert_eq!(all_versions, numbers, "each saved job made one version, and nothing else made any");
    assert!(versions.iter().all(|version| all_versions.contains(version)));
    let view = client.get(&format!("/images/{image}")).await.expect(200).json();
    assert_eq!(view["version"].as_u64().unwrap(), 1 + all_versions.len() as u64);

    eventually("the blobs are those that jobs and images refer to", async || {
        let found: BTreeSet<String> = server.home().blobs().into_iter().collect();
        (found == expected_blobs && server.home().temporary_files().is_empty()).then_some(())
    })
    .await;
    client.delete(&format!("/images/{image}")).await.expect(204);
    nothing_stays(server.home()).await;
}

/// Submits jobs from several clients at once and kills the server after so many answers. The answers that came
/// through are returned.
async fn submit_until_killed(
    server: &mut Server,
    client: &Client,
    image: &str,
    first: usize,
    after: usize,
) -> Vec<Accepted> {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut submitters = JoinSet::new();
    for lane in 0..CLIENTS {
        let (client, image, answered) = (client.clone(), image.to_owned(), answered.clone());
        submitters.spawn(async move {
            let mut accepted = Vec::new();
            for number in (first + lane..first + SUBMISSIONS).step_by(CLIENTS) {
                // Once the server is gone, nothing is accepted any more.
                let Some(job) = try_submit(&client, &image, number).await else { break };
                accepted.push(job);
                answered.fetch_add(1, Ordering::Relaxed);
            }
            accepted
        });
    }
    eventually("enough answers", async || (answered.load(Ordering::Relaxed) >= after).then_some(())).await;
    if after.is_multiple_of(2) {
        // Half of the kills come while a worker is at work for sure, the others whenever they come.
        eventually("a job at work, or none left", async || {
            let jobs = client.list("/jobs").await;
            let any = |state: &str| jobs.iter().any(|job| job["state"] == state);
            (any("running") || !any("queued")).then_some(())
        })
        .await;
    }
    server.kill9();
    submitters.join_all().await.into_iter().flatten().collect()
}

async fn try_submit(client: &Client, image: &str, number: usize) -> Option<Accepted> {
    let saved = number.is_multiple_of(2);
    let body = json!({ "width": 100 + number, "format": "jpeg", "saveImage": saved, "version": 1 });
    let request = client.request(Method::POST, &format!("/images/transform/{image}"));
    let request = request.header("Content-Type", "application/json").body(body.to_string());
    let answer = Answer::try_to(request).await.ok()?.expect(202);
    Some(Accepted { id: text(&answer.json()["jobId"]), number, saved })
}

/// Checks that a job came to its end as asked; returns the version that it made.
async fn check(client: &Client, image: &str, job: &Accepted) -> Option<u64> {
    let status = client.completed(&job.id).await;
    assert_eq!(status["imageId"], *image);
    let full = client.job(&job.id).await;
    assert!(full["attempts"].as_u64().is_some_and(|attempts| (1..=100).contains(&attempts)), "{full}");
    let version = full["result"]["version"].as_u64();
    assert_eq!(version.is_some(), job.saved, "{full}");
    let result = client.result(&job.id).await;
    let picture = Picture::of(&result).expect("the result is an image");
    assert_eq!(picture.width as usize, 100 + job.number);
    assert_eq!(full["result"]["bytes"].as_u64().unwrap(), result.len() as u64);
    version
}

#[tokio::test]
async fn an_upload_that_kill_9_cuts_off_leaves_nothing() {
    let mut server = Server::start(&[]).await;
    let client = server.user("anna").await;
    let head = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n";
    let first = [&head[..], &pixmill_testkit::fixtures::png(500, 400)].concat();
    let headers = [
        client.authorization(),
        "Content-Type: multipart/form-data; boundary=b".to_owned(),
        "Content-Length: 20000000".to_owned(),
    ];
    let request = Connection::request("POST", "/images/upload", &headers, b"");
    let address = server.address().to_owned();
    let upload = tokio::spawn(async move {
        let mut connection = Connection::open(&address).await.unwrap();
        let rest = iter::repeat_n(vec![0; 64 << 10], 100);
        // There is never all of it, so there is no answer before the server is gone.
        connection.stream(&request, iter::once(first).chain(rest)).await.map(|(_, reply)| reply.status)
    });
    eventually("the upload has begun", async || (!server.home().temporary_files().is_empty()).then_some(()))
        .await;
    server.kill9();
    assert!(upload.await.unwrap().is_err(), "an upload that is not stored is not confirmed");
    assert!(!server.home().temporary_files().is_empty(), "there is something to clean up");
    server.start_again().await;
    nothing_stays(server.home()).await;
    let client = client.at(server.address());
    assert!(client.list("/images").await.is_empty());
    client.upload_png(10, 10).await;
}
