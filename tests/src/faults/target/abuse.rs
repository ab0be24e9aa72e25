//! Users who want more than there is room for.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::super::crowd::{Crowd, own};
use super::super::record::{Asked, Turn};
use super::super::survey::open_jobs;
use super::Target;
use crate::answer::Answer;
use crate::client::Client;
use crate::raw::Connection;
use crate::wait::eventually;

/// How many requests of a flood are under way at once.
const AT_ONCE: usize = 16;
/// How long an answer to half a request is waited for, and how often one is sent.
const HALF: Duration = Duration::from_millis(500);
const TRIES: usize = 20;

impl Target {
    /// Asks for a job with nothing but the head of a request, while clients keep the queue full, until that is refused: so
    /// the refusal came before the body. Reads must go on meanwhile. Returns whether it was full at all.
    pub(super) async fn overfill(&self, crowd: &Crowd) -> bool {
        let client = crowd.client();
        for address in self.addresses() {
            let here = client.at(&address);
            let Some(refusal) = refused_at_once(&here, &address, &crowd.image()).await else {
                crowd.note(|notes| notes.odd_text("however many jobs were open, one more was taken".into()));
                return false;
            };
            let complete =
                refusal.contains("HTTP/1.1 503") && refusal.to_lowercase().contains("retry-after:");
            let image = crowd.image();
            for path in
                [format!("/images/{image}"), format!("/images/{image}/content"), "/jobs?limit=1".into()]
            {
                let answer = here.try_get(&path).await;
                if answer.as_ref().is_none_or(|answer| answer.status != 200) {
                    crowd.note(|notes| {
                        notes.odd_text(format!(
                            "while the queue was full {path} was answered with {answer:?}"
                        ));
                    });
                }
            }
            if !complete {
                crowd.note(|notes| notes.odd_text(format!("a full queue was told with {refusal}")));
            }
        }
        true
    }

    /// Lets the clients' user ask for so many jobs at once and then somebody else for one, and notes how many of the flood
    /// were done before that one began. Returns whether there were more than may be.
    pub(super) async fn flood(&self, jobs: usize, ahead: usize, crowd: &Crowd) -> bool {
        let client = crowd.client();
        let asking = stream::iter(0..jobs).map(|number| one_of_flood(client.clone(), crowd, number));
        asking.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
        let stranger = self.server().user("bob").await;
        let image = stranger.upload_png(40, 30).await.id;
        let job = stranger.transform(&image, &json!({ "width": 20, "saveImage": false })).await;
        let waiting = open_jobs(&client).await.unwrap_or(0);
        let asked_at = text(&stranger.job(&job).await["createdAt"]);
        // While it is at work it last changed when that began.
        let begun = eventually("the stranger's job begins", async || {
            let job = stranger.job(&job).await;
            (job["state"] != "queued").then(|| text(&job["updatedAt"]))
        });
        let begun_at = begun.await;
        stranger.ended(&job).await;
        let all = client.list("/jobs").await;
        let done = all.iter().filter(|job| job["state"] == "completed").map(|job| text(&job["updatedAt"]));
        let before = done.filter(|at| (&asked_at..&begun_at).contains(&at)).count();
        crowd.note(|notes| notes.turns.push(Turn { before, most: ahead }));
        stranger.delete(&format!("/images/{image}")).await.expect(204);
        waiting > ahead as u64
    }
}

async fn one_of_flood(client: Client, crowd: &Crowd, number: usize) {
    let image = crowd.image();
    let (width, quality) = own(number);
    let body =
        json!({ "width": width, "format": "jpeg", "quality": quality, "saveImage": false, "version": 1 });
    let request = client.request(Method::POST, &format!("/images/transform/{image}"));
    let answer =
        Answer::try_to(request.header("content-type", "application/json").body(body.to_string())).await;
    let mut asked = Asked { sent: 1, image, width, quality, ..Asked::default() };
    crowd.note(|notes| {
        match answer {
            Ok(answer) if answer.status == 202 => asked.answers.push(text(&answer.json()["jobId"])),
            // Whoever can't take it may say so.
            Ok(answer) if matches!(answer.status, 429 | 503) => {}
            Ok(answer) => notes.odd(&answer),
            Err(error) => notes.odd_text(format!("a job of a flood had no answer: {error}")),
        }
        notes.asked(asked);
    });
}

/// The head of the answer to the head of a request, once there is one.
async fn refused_at_once(client: &Client, address: &str, image: &str) -> Option<String> {
    for _ in 0..TRIES {
        let headers =
            [client.authorization(), "Content-Type: application/json".into(), "Content-Length: 1000".into()];
        let head = Connection::request("POST", &format!("/images/transform/{image}"), &headers, b"");
        let mut connection = Connection::open(address).await.ok()?;
        if let Ok(Ok(reply)) = timeout(HALF, connection.exchange(&head)).await {
            return Some(reply.head.to_owned());
        }
    }
    None
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
