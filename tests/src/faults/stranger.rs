//! Somebody who has nothing, and tries what others have by its id.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

use super::record::Record;
use crate::answer::Answer;
use crate::client::Client;

/// Of how many things of each kind it is tried.
const TRIED: usize = 12;

/// Notes in `record` everything that the stranger sees or changes of what is another's.
pub(super) async fn intrude(record: &mut Record, stranger: &Client) {
    let jobs = record.transforms.iter().flat_map(|request| &request.answers).rev().take(TRIED);
    let images = record.uploads.iter().flat_map(|request| &request.answers).rev().take(TRIED);
    let mut tries = vec![(Method::GET, "/jobs".to_owned()), (Method::GET, "/images".to_owned())];
    for job in jobs {
        tries.push((Method::GET, format!("/jobs/{job}")));
        tries.push((Method::GET, format!("/images/transformedImage/{job}")));
        tries.push((Method::DELETE, format!("/jobs/{job}")));
    }
    for image in images {
        for path in ["", "/content", "/versions"] {
            tries.push((Method::GET, format!("/images/{image}{path}")));
        }
        tries.push((Method::DELETE, format!("/images/{image}")));
    }
    let seen = join_all(tries.into_iter().map(|(method, path)| one(stranger, method, path)));
    record.intrusions = seen.await.into_iter().flatten().collect();
}

/// What was wrong with the answer to one try.
async fn one(stranger: &Client, method: Method, path: String) -> Option<String> {
    let answer = Answer::to(stranger.request(method, &path)).await;
    let nothing = match path.as_str() {
        "/jobs" | "/images" => answer.status == 200 && answer.json()["items"] == json!([]),
        _ => answer.status == 404,
    };
    (!nothing).then(|| {
        let Answer { request, status, .. } = &answer;
        format!("a stranger's {request} was answered with {status} {}", answer.text())
    })
}
