//! Letters that the built-in font lacks.

use std::fs;

use pixmill_e2e::{Client, Home, Server};
use serde_json::json;

static BUILT_IN: &[u8] = include_bytes!("../../../core/engine/assets/NotoSans-Regular.ttf");
/// The place of the letter A in it.
const A: u32 = 36;

/// The built-in font under another name, with its A as the Chinese digit one and nothing else.
fn font() -> Vec<u8> {
    let mut font = BUILT_IN.to_vec();
    let (old, new) = (utf_16("Noto Sans"), utf_16("One Glyph"));
    for at in 0..font.len() - old.len() {
        if font[at..].starts_with(&old) {
            font[at..][..old.len()].copy_from_slice(&new);
        }
    }
    // A table of characters in format 12: one group.
    let one = u32::from('一');
    let halves = [0_u16, 1, 3, 10, 0, 12, 12, 0];
    let words = [28, 0, 1, one, one, A];
    let mut table: Vec<u8> = halves.into_iter().flat_map(u16::to_be_bytes).collect();
    table.extend(words.into_iter().flat_map(u32::to_be_bytes));
    // The list of tables begins at byte 12, with 16 bytes for each: name, checksum, offset, length.
    let entry = 12 + 16 * font[12..].chunks(16).position(|entry| entry.starts_with(b"cmap")).expect("a cmap");
    let place =
        [font.len(), table.len()].map(|number| u32::try_from(number).expect("a small file").to_be_bytes());
    font[entry + 8..entry + 16].copy_from_slice(place.as_flattened());
    font.extend(table);
    font
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

async fn written(client: &Client, image: &str, text: &str) -> Vec<u8> {
    let watermark = json!({ "text": text, "size": 0.4, "opacity": 1.0 });
    client.transformed(image, &json!({ "watermark": watermark, "format": "png", "saveImage": false })).await
}

#[tokio::test]
async fn what_the_built_in_font_lacks_is_written_in_one_that_has_it() {
    let home = Home::new();
    fs::create_dir(home.path().join("more")).unwrap();
    fs::write(home.path().join("more/font.TTF"), font()).unwrap();
    fs::write(home.path().join("broken.otf"), "not a font").unwrap();
    let folder = home.path().to_str().unwrap();
    for processor in ["child-processes", "in-process"] {
        let server = Server::start(&[("FONTS_DIR", folder), ("PIXMILL_PROCESSOR", processor)]).await;
        let client = server.user("anna").await;
        let image = client.upload_png(200, 100).await.id;
        let letter = written(&client, &image, "A").await;
        assert_eq!(written(&client, &image, "一").await, letter, "{processor}");
        assert_ne!(written(&client, &image, "二").await, letter, "in no font");
    }
}
