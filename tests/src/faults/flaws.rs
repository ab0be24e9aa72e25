//! Pictures that look good until one works on them.

use pixmill_testkit::fixtures;

use crate::client::Client;

/// What can't be done, as only the attempt shows.
#[derive(Debug, Clone)]
pub(super) struct Flawed {
    /// The image to be transformed.
    pub(super) image: String,
    /// The image whose fault it is.
    pub(super) uploaded: String,
    /// The image of the watermark.
    pub(super) overlay: Option<String>,
    /// The code of the failure.
    pub(super) fails: &'static str,
}

/// The most bytes that a colour profile may have.
const MOST_PROFILE: usize = 4 << 20;

/// Uploads one of each kind. `good` is an image on which everything can be done.
pub(super) async fn upload(client: &Client, good: &str) -> Vec<Flawed> {
    let whole = fixtures::png(120, 90);
    let cut = client.upload(&whole[..whole.len() / 2]).await.id;
    // Another one, because a watermark is looked at by its content too.
    let stamp = client.upload(&whole[..whole.len() / 3]).await.id;
    let profile = [b"photo\0\0", &zeros(MOST_PROFILE + 1)[..]].concat();
    let large = client.upload(fixtures::png_with(60, 40, &[(*b"iCCP", &profile)])).await.id;
    let fails = "invalid_transformation";
    vec![
        Flawed { image: cut.clone(), uploaded: cut, overlay: None, fails: "undecodable" },
        Flawed { image: good.to_owned(), uploaded: stamp.clone(), overlay: Some(stamp), fails },
        Flawed { image: large.clone(), uploaded: large, overlay: None, fails: "limit_exceeded" },
    ]
}

/// A zlib stream (RFC 1950) of at least so many zeros, far shorter than they are: one, and then the same again and again.
fn zeros(count: usize) -> Vec<u8> {
    let (mut stream, mut bits, mut held) = (vec![0x78, 0x01], 0_u32, 0);
    let mut push = |value: u32, length: u32| {
        bits |= value << held;
        held += length;
        while held >= 8 {
            stream.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    };
    // RFC 1951, section 3.2.6: the last block, of fixed codes, which are packed from their first bit on. A zero is 00110000.
    push(0b011, 3);
    push(0b0000_1100, 8);
    for _ in 0..count.div_ceil(258) {
        // 258 bytes from one byte before: 11000101, and the distance 00000.
        push(0b1010_0011, 8);
        push(0, 5);
    }
    // The end is 0000000, and no checksum matters to whoever stops before it.
    push(0, 7);
    push(0, 7);
    stream.extend([0; 4]);
    stream
}
