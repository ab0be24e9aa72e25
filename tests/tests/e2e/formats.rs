//! Every format in, every format out: the right kind, the right size, the right picture, and the same bytes
//! wherever the pixels are worked on.

use std::collections::BTreeMap;

use pixmill_e2e::{Client, Kind, Picture};
use serde_json::json;

use crate::fixtures::{SIZE, photo};

/// How far a colour may be off. GIF has 256 colours for the whole picture.
const TOLERANCE: u8 = 48;

#[tokio::test]
async fn every_format_in_and_out() {
    let server = crate::start(&[("RATE_LIMIT_REQUESTS", "0")]).await;
    let client = server.user("anna").await;
    for input in Kind::ALL {
        let file = photo(&client, input).await;
        let (width, height) = SIZE;
        assert_eq!(Picture::of(&file), Some(Picture { kind: input, width, height }));
        let image = client.upload(file).await;
        let results = all_formats(&client, &image.id).await;
        for (name, result) in &results {
            let picture =
                Picture::of(result).unwrap_or_else(|| panic!("{} to {name} is no image", input.name()));
            assert_eq!(picture.kind.name(), *name);
            assert_eq!((picture.width, picture.height), (80, 48), "{} to {name}", input.name());
            looks_right(&client, result, &format!("{} to {name}", input.name())).await;
        }
    }
}

#[tokio::test]
async fn the_result_does_not_depend_on_where_it_is_made() {
    let children = crate::start(&[]).await;
    let inside = crate::start(&[("PIXMILL_PROCESSOR", "in-process")]).await;
    let (there, here) = (children.user("anna").await, inside.user("anna").await);
    assert!(
        !children.processes().children().is_empty(),
        "pixels are worked on in child processes by default"
    );
    let (one, other) = (there.upload_png(300, 200).await, here.upload_png(300, 200).await);
    assert_eq!(all_formats(&there, &one.id).await, all_formats(&here, &other.id).await);
}

/// The image at half its size in each format.
async fn all_formats(client: &Client, image: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let mut jobs = Vec::new();
    for kind in Kind::ALL {
        let body = json!({
            "width": 80, "height": 48, "fit": "fill", "format": kind.name(),
            "watermarkText": "Pixmill", "watermarkOpacity": 0.2, "saveImage": false,
        });
        jobs.push((kind.name(), client.transform(image, &body).await));
    }
    let mut results = BTreeMap::new();
    for (name, job) in jobs {
        client.completed(&job).await;
        results.insert(name, client.result(&job).await);
    }
    results
}

/// Lets the server turn a result into a PNG, reads that with another program's decoder, and looks at the corners,
/// which the watermark leaves alone.
async fn looks_right(client: &Client, file: &[u8], what: &str) {
    let image = client.upload(file).await;
    let png = client.transformed(&image.id, &json!({ "format": "png", "saveImage": false })).await;
    let pixels = image::load_from_memory(&png).unwrap_or_else(|error| panic!("{what}: {error}")).to_rgb8();
    let (right, bottom) = (pixels.width() - 2, pixels.height() - 2);
    for (x, y, expected) in
        [(1, 1, [0, 0]), (right, 1, [255, 0]), (1, bottom, [0, 255]), (right, bottom, [255, 255])]
    {
        let found = pixels.get_pixel(x, y).0;
        let close = |index: usize| found[index].abs_diff(expected[index]) < TOLERANCE;
        assert!(close(0) && close(1), "{what}: at {x},{y} the picture has {found:?}");
    }
}
