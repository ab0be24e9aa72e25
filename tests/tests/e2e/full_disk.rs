//! A disk that is nearly full: nothing more comes in, and the rest goes on.

use pixmill_e2e::{Home, Server};
use pixmill_testkit::fixtures;
use serde_json::json;

/// Room enough for a small Pixmill. The 32nd part of it is kept for records.
const ROOM: u64 = 48 << 20;
/// What is free while the disk is nearly full.
const LITTLE: u64 = 512 << 10;

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "whoever may not mount a file system shall hear that this was not tested"
)]
async fn a_nearly_full_disk_takes_no_files_and_all_else_goes_on() {
    let home = match Home::with_room(ROOM) {
        Ok(home) => home,
        Err(reason) => return eprintln!("not tested: {reason}"),
    };
    let server = Server::start_in(&home, &[], &[]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(64, 48).await.id;

    let ballast = home.fill();
    let length = ballast.as_file().metadata().unwrap().len();
    ballast.as_file().set_len(length - LITTLE).unwrap();
    let refused = client.send_file(fixtures::png(64, 48), "photo.png", "image/png").await;
    refused.problem(503, "unavailable");
    assert!(refused.header("retry-after").parse::<u32>().is_ok());
    assert_eq!(client.list("/images").await.len(), 1);
    server.user("bert").await;
    let job = client.transform(&image, &json!({ "width": 8, "saveImage": false })).await;
    client.delete(&format!("/images/{image}")).await.expect(204);
    assert_eq!(client.job(&job).await["state"], "cancelled");

    drop(ballast);
    client.upload_png(64, 48).await;
}
