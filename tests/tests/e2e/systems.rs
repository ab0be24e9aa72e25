//! A server whose files are in S3 and whose cache, news and limits are in Redis, against real ones.

use pixmill_e2e::{Bucket, Client, Home, Server, redis_url};
use serde_json::json;

use crate::walk::text;

/// The variables for a server whose Redis is here, or the one for tests.
fn variables(redis: Option<&str>) -> Vec<(&'static str, String)> {
    let mut variables = Bucket::for_tests().variables();
    variables.push(("REDIS_URL", redis.map_or_else(redis_url, ToOwned::to_owned)));
    variables
}

fn borrowed<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Uploads, saves, reads and deletes an image.
async fn walk(server: &Server) {
    server.client().register("anna").await;
    let client = server.client().login("anna").await;
    let file = pixmill_testkit::fixtures::png(400, 300);
    let image = client.upload(&file[..]).await;
    let anybody = Client::new("").get(&image.url).await.expect(200);
    assert_eq!(anybody.body, file);
    assert_eq!(anybody.header("content-type"), "image/png");
    assert!(!image.url.starts_with(server.address()), "the bucket serves it by itself: {}", image.url);

    let job =
        client.transform(&image.id, &json!({ "width": 120, "format": "webp", "saveImage": true })).await;
    let saved = client.completed(&job).await;
    let stored = Client::new("").get(&text(&saved["imageUrl"])).await.expect(200);
    assert_eq!(stored.header("content-type"), "image/webp");
    assert_eq!(client.result(&job).await, stored.body);
    let part = client.request(reqwest::Method::GET, &format!("/images/{}/content", image.id));
    let part = pixmill_e2e::Answer::to(part.header("Range", "bytes=4-9")).await.expect(206);
    assert_eq!(part.body, stored.body[4..10]);

    assert!(server.home().blobs().is_empty(), "nothing lies in the data folder");
    client.delete(&format!("/images/{}", image.id)).await.expect(204);
    Client::new("").get(&image.url).await.expect(404);
}

#[tokio::test]
async fn files_are_in_the_bucket_and_the_cache_is_in_redis() {
    let variables = variables(None);
    let server = Server::start(&borrowed(&variables)).await;
    walk(&server).await;
}

#[tokio::test]
async fn without_its_redis_the_service_goes_on() {
    let variables = variables(Some("redis://127.0.0.1:1"));
    let server = Server::start(&borrowed(&variables)).await;
    walk(&server).await;
    assert!(server.log().contains("Redis is away"), "{}", server.log());
}

#[tokio::test]
async fn a_bucket_that_can_not_be_used_is_told_at_the_start() {
    let good = variables(None);
    for (name, value, words) in [
        ("AWS_BUCKET_NAME", "no-such-bucket", "make it, or correct AWS_BUCKET_NAME"),
        ("AWS_IAM_SECRET_KEY", "hunter2hunter2", "correct the key"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "does not answer"),
    ] {
        let mut variables = borrowed(&good);
        for variable in &mut variables {
            if variable.0 == name {
                variable.1 = value;
            }
        }
        let Err(ended) = Server::try_start(&Home::new(), &variables, &[]).await else {
            panic!("a server started with {name}={value}");
        };
        assert!(ended.stderr.contains(words), "{name}={value} was refused with: {}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "a secret was shown: {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_data_folder_stays_with_its_bucket() {
    let variables = variables(None);
    let home = Home::new();
    drop(Server::start_in(&home, &borrowed(&variables), &[]).await);
    let Err(ended) = Server::try_start(&home, &[], &[]).await else {
        panic!("a server started that would find no image");
    };
    assert!(ended.stderr.contains("are in the bucket"), "{}", ended.stderr);
}
