//! Jobs that failed for a reason that may have passed, as an operator sees them beside the server. Opening one anew takes ten
//! minutes after its end; how that goes on is tested with a clock that can be put forward, in `core/tests`.

use pixmill_e2e::{Ended, Server, eventually};
use serde_json::json;

const SETTINGS: [(&str, &str); 2] = [("RATE_LIMIT_REQUESTS", "0"), ("JOB_MAX_ATTEMPTS", "1")];

/// `pixmill-server admin dead-letters …`
fn dead_letters(server: &Server, arguments: &[&str]) -> Ended {
    server.home().run(&[], &[&["admin", "dead-letters"], arguments].concat())
}

#[tokio::test]
async fn a_dead_letter_is_listed_and_not_opened_before_its_time() {
    let server = Server::start(&SETTINGS).await;
    let client = server.user("anna").await;
    let promoted = server.home().run(&[], &["admin", "user", "set-role", "anna", "operator"]);
    assert!(promoted.succeeded, "{promoted:?}");
    let image = client.upload_png(3000, 2000).await.id;
    let body = json!({ "width": 2900, "format": "avif", "saveImage": true });
    let job = client.transform(&image, &body).await;
    let path = format!("/admin/jobs/{job}/redrive");
    let refused = eventually("the operator's role", async || {
        let answer = client.post(&path, &json!({})).await;
        (answer.status != 403).then_some(answer)
    })
    .await;
    refused.problem(409, "no_dead_letter");
    let status = eventually("the end of the job", async || {
        server.kill_children();
        Some(client.status(&job).await).filter(|status| status["status"] != "pending")
    })
    .await;
    assert_eq!(status["error"]["code"], "crashed", "{status}");

    let listed = dead_letters(&server, &["list"]);
    let line = listed.stdout.lines().next().unwrap_or_else(|| panic!("{listed:?}"));
    let columns: Vec<&str> = line.split('\t').collect();
    assert_eq!((columns[0], columns[3], columns[4]), (job.as_str(), "0", "crashed"), "{line}");
    let answer = client.post(&path, &json!({})).await;
    assert_eq!(answer.header("retry-after"), "600");
    answer.problem(409, "not_cleared");
    for arguments in [&["redrive", &job][..], &["redrive", "--all"]] {
        let refused = dead_letters(&server, arguments);
        assert!(refused.succeeded && refused.stdout.starts_with("0 opened anew"), "{refused:?}");
    }
    assert_eq!(client.job(&job).await["state"], "failed");
}

#[tokio::test]
async fn what_is_no_dead_letter_is_refused() {
    let server = Server::start(&SETTINGS).await;
    let client = server.user("anna").await;
    let image = client.upload_png(30, 20).await.id;
    let job = client.transform(&image, &json!({ "width": 10, "saveImage": false })).await;
    client.completed(&job).await;
    let refused = dead_letters(&server, &["redrive", &job]);
    assert!(!refused.succeeded && refused.stderr.contains("is no dead letter"), "{refused:?}");
    assert_eq!(dead_letters(&server, &["list"]).stdout, "");
    let refused = dead_letters(&server, &["redrive"]);
    assert!(!refused.succeeded && refused.stderr.contains("--all"), "{refused:?}");
}
