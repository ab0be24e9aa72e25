//! Requests that are sent again because nobody knows what became of the first: the server was killed in the middle.

use std::time::Duration;

use pixmill_e2e::{Answer, Client};
use pixmill_testkit::fixtures::png;
use reqwest::header::CONTENT_TYPE;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::task::JoinSet;

use crate::walk::text;

const REQUESTS: usize = 40;

fn transform(client: &Client, image: &str, number: usize) -> RequestBuilder {
    let body = json!({ "width": 10 + number, "saveImage": false }).to_string();
    client
        .request(Method::POST, &format!("/images/transform/{image}"))
        .header("Idempotency-Key", format!("transform-{number}"))
        .header(CONTENT_TYPE, "application/json")
        .body(body)
}

fn upload(client: &Client, number: usize) -> RequestBuilder {
    let form = Form::new().part("file", Part::bytes(png(30, 20 + number as u32).to_vec()));
    client
        .request(Method::POST, "/images/upload")
        .header("Idempotency-Key", format!("upload-{number}"))
        .multipart(form)
}

#[tokio::test]
async fn requests_that_a_kill_cut_short_are_sent_again_without_a_second_effect() {
    let mut server = crate::start(&[("RATE_LIMIT_REQUESTS", "0"), ("JOB_MAX_ATTEMPTS", "100")]).await;
    let mut client = server.user("anna").await;
    let image = client.upload_png(200, 100).await.id;
    let mut under_way = JoinSet::new();
    for number in 0..REQUESTS {
        for request in [transform(&client, &image, number), upload(&client, number)] {
            under_way.spawn(Answer::try_to(request));
        }
    }
    // Some have answers by then, some never get one.
    for _ in 0..REQUESTS {
        under_way.join_next().await.unwrap().unwrap().unwrap();
    }
    server.kill9();
    while under_way.join_next().await.is_some() {}
    server.start_again().await;
    client = server.again(&client);

    for number in 0..REQUESTS {
        let again: [(&dyn Fn() -> RequestBuilder, u16); 2] =
            [(&|| transform(&client, &image, number), 202), (&|| upload(&client, number), 201)];
        for (request, status) in again {
            // A server alone knows that nobody is at it any more; one of many waits for the turn to end.
            let mut answer = Answer::to(request()).await;
            while answer.status == 409 {
                let after = answer.header("retry-after").parse().expect("seconds");
                tokio::time::sleep(Duration::from_secs(after)).await;
                answer = Answer::to(request()).await;
            }
            answer.expect(status);
        }
        let other = upload(&client, number + 1).header("Idempotency-Key", format!("upload-{number}"));
        assert_eq!(Answer::to(other).await.status, 400, "two keys are one too many");
    }
    let jobs = client.list("/jobs").await;
    assert_eq!(jobs.len(), REQUESTS);
    for job in jobs {
        client.completed(&text(&job["id"])).await;
    }
    assert_eq!(client.list("/images").await.len(), REQUESTS + 1);
}
