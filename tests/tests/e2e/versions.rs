//! Undo and redo on a real store.

use serde_json::json;

#[tokio::test]
async fn undo_and_redo_outlive_a_killed_server() {
    let mut server = crate::start(&[]).await;
    let client = server.user("anna").await;
    let image = client.upload_png(64, 48).await;
    for width in [32, 16] {
        let job = client.transform(&image.id, &json!({ "width": width, "saveImage": true })).await;
        client.completed(&job).await;
    }
    let [undo, redo] = ["undo", "redo"].map(|step| format!("/images/{}/{step}", image.id));
    let widths = |answer: pixmill_e2e::Answer| answer.expect(200).json()["width"].clone();
    assert_eq!(widths(client.post_text(&undo, "").await), 32);
    assert_eq!(widths(client.post_text(&undo, "").await), 64);

    server.kill9();
    server.start_again().await;
    let client = server.again(&client);
    client.post_text(&undo, "").await.problem(409, "nothing_to_undo");
    assert_eq!(widths(client.post_text(&redo, "").await), 32);
    let job = client.transform(&image.id, &json!({ "flip": true, "saveImage": true })).await;
    client.completed(&job).await;
    client.post_text(&redo, "").await.problem(409, "nothing_to_redo");

    let versions = client.get(&format!("/images/{}/versions", image.id)).await.expect(200).json();
    let parents: Vec<_> = versions["items"].as_array().unwrap().iter().map(|v| v["parent"].clone()).collect();
    assert_eq!(parents, [json!(null), json!(1), json!(2), json!(2)]);
    let restored = client.post_text(&format!("/images/{}/versions/3/restore", image.id), "").await;
    assert_eq!(widths(restored), 16, "what redo can't reach is there still");
}
