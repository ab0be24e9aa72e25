//! Backups of a server at work: the copy is a data folder like any other.

use pixmill_e2e::{Home, Server};
use pixmill_testkit::fixtures::png;
use serde_json::json;

use crate::walk::text;

#[tokio::test]
async fn a_backup_of_a_server_at_work_is_a_data_folder() {
    let server = Server::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    let files = [png(300, 200), png(200, 300), png(64, 64)];
    let mut images = Vec::new();
    for file in &files {
        images.push(client.upload(file.clone()).await.id);
    }
    let done =
        client.transform(&images[0], &json!({ "width": 90, "format": "jpeg", "saveImage": true })).await;
    client.completed(&done).await;
    let saved = client.result(&done).await;
    let mut running = Vec::new();
    for number in 0..20 {
        let body = json!({ "width": 100 + number, "format": "webp", "saveImage": false });
        running.push(client.transform(&images[1], &body).await);
    }

    let copy = Home::new();
    let target = copy.data();
    let target = target.to_str().unwrap();
    let backed_up = server.home().run(&[], &["admin", "backup", target]);
    assert!(backed_up.succeeded && !backed_up.stdout.is_empty(), "{backed_up:?}");
    let again = server.home().run(&[], &["admin", "backup", target]);
    assert!(!again.succeeded && again.stderr.contains("not empty"), "{again:?}");

    let restored = Server::start_in(&copy, &[("RATE_LIMIT_REQUESTS", "0")], &[]).await;
    let there = client.at(restored.address());
    assert_eq!(there.get(&format!("/images/{}/content", images[0])).await.expect(200).body, saved);
    for (image, file) in images.iter().zip(&files).skip(1) {
        let content = there.get(&format!("/images/{image}/content")).await.expect(200);
        assert_eq!(content.body, *file);
    }
    let listed: Vec<String> = there.list("/images").await.iter().map(|image| text(&image["id"])).collect();
    assert_eq!(listed.len(), images.len());
    for job in &running {
        there.completed(job).await;
        assert_eq!(there.result(job).await, {
            client.completed(job).await;
            client.result(job).await
        });
    }
    // They are two servers now: what one deletes stays in the other.
    there.delete(&format!("/images/{}", images[2])).await.expect(204);
    assert_eq!(client.get(&format!("/images/{}/content", images[2])).await.expect(200).body, files[2]);
    there.login("anna").await;
}

#[test]
fn a_backup_of_nothing_is_refused() {
    let home = Home::new();
    let refused = home.run(&[], &["admin", "backup", "copy"]);
    assert!(!refused.succeeded && refused.stderr.contains("no database"), "{refused:?}");
}
