//! Image files, good and bad. Good ones other than PNG are made by the server under test.

use pixmill_e2e::{Client, Kind};
use serde_json::json;

/// The size of [`photo`]. The sides differ and are odd, so that a swap or a rounding shows.
pub(crate) const SIZE: (u32, u32) = (161, 97);

/// A file of this kind: red grows to the right, green grows downwards.
pub(crate) async fn photo(client: &Client, kind: Kind) -> Vec<u8> {
    let (width, height) = SIZE;
    let png = pixmill_testkit::fixtures::png(width, height);
    if kind == Kind::Png {
        return png.into();
    }
    let image = client.upload(png).await;
    let body = json!({ "format": kind.name(), "saveImage": false });
    client.transformed(&image.id, &body).await
}

/// A PNG that announces this size and ends after its header.
pub(crate) fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = pixmill_testkit::fixtures::png(1, 1)[..8 + 25].to_vec();
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&crc.to_be_bytes());
    file
}

/// A WebP file of 28 bytes that announces the largest picture of its kind, 16383 x 16383.
pub(crate) fn tiny_webp_of_huge_size() -> Vec<u8> {
    // RFC 9649, section 2.6: signature, then width - 1 and height - 1 in 14 bits each.
    let bits: u32 = 0x3FFE | 0x3FFE << 14;
    let mut file = b"RIFF\x14\0\0\0WEBPVP8L\x08\0\0\0\x2f".to_vec();
    file.extend(bits.to_le_bytes());
    file.extend([0; 3]);
    assert_eq!(file.len(), 28);
    file
}

/// CRC-32 as PNG (third edition), annex D, computes it.
fn crc32(bytes: &[u8]) -> u32 {
    let bit = |crc: u32| if crc & 1 == 1 { 0xEDB8_8320 ^ crc >> 1 } else { crc >> 1 };
    let step = |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc));
    !bytes.iter().fold(!0, step)
}
