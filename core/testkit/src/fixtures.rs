//! Users, images, jobs and small real image files. What a test does not care about has a plausible value; what
//! it cares about it changes in the struct that it gets.

use bytes::Bytes;
use pixmill::engine;
use pixmill::{
    ApiKey, ApiKeyId, ApiKeyName, Batch, BlobKey, CancelToken, Content, ContentHash, Derivation, Description,
    Format, Image, ImageId, Job, JobId, JobState, KeyScope, Limits, NewVersion, Orientation, PasswordHash,
    Timestamp, Transformation, User, UserId, Username, Version,
};

/// A user with this name, a random id and a password that nothing verifies.
///
/// # Panics
/// If `username` is no valid name.
pub fn user(username: &str, created_at: Timestamp) -> User {
    let username = Username::parse(username).expect("the test gives a valid name");
    let password = PasswordHash::from_phc("$argon2id$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2g");
    User::new(username, password, created_at)
}

/// A key with a random id that may read and write, and does not end. No token is for it.
///
/// # Panics
/// Never: its name is a valid one.
pub fn api_key(owner: UserId, created_at: Timestamp) -> ApiKey {
    let id = ApiKeyId::random();
    ApiKey {
        id,
        owner,
        name: ApiKeyName::parse("nightly import").expect("short and printable"),
        scopes: [KeyScope::Read, KeyScope::Write].into(),
        secret: ContentHash::of(id.as_bytes()),
        created_at,
        expires_at: None,
    }
}

/// What is known of `bytes`, stored at `blob`. The header's values are those of a small PNG.
pub fn content(blob: BlobKey, bytes: &[u8]) -> Content {
    Content {
        blob,
        hash: ContentHash::of(bytes),
        bytes: bytes.len() as u64,
        format: Format::Png,
        width: 40,
        height: 30,
        alpha: false,
    }
}

/// What is known of some picture from a phone.
pub fn description() -> Description {
    Description {
        orientation: Orientation::from_exif(6).expect("6 is an orientation"),
        colour_profile: Some("Display P3".into()),
        captured_at: Some("2026-05-01T12:30:00+02:00".into()),
        thumb_hash: "2fcZFIB3iId/h3iJh4aIYJ2V8g==".into(),
        dominant_colour: Some("#64c864".into()),
    }
}

/// An image at its first version, with a random id.
pub fn image(owner: UserId, created_at: Timestamp) -> Image {
    let id = ImageId::random();
    let original = content(BlobKey::original(id), id.as_bytes());
    Image {
        id,
        owner,
        created_at,
        current: Version::original(original, Some(description()), created_at),
        redo: None,
    }
}

/// What a random job made of version `parent` of `image`.
pub fn new_version(image: ImageId, parent: u32) -> NewVersion {
    let job = JobId::random();
    NewVersion {
        image,
        job,
        parent,
        content: content(BlobKey::version(image, job), job.as_bytes()),
        description: Some(description()),
    }
}

/// A new job on a random image: half the width, not saved, unpublished.
pub fn job(owner: UserId, created_at: Timestamp) -> Job {
    job_on(&image(owner, created_at), created_at)
}

/// A new job on `image`.
pub fn job_on(image: &Image, created_at: Timestamp) -> Job {
    let source = image.current.content.clone();
    let transformation = Transformation { width: Some(source.width / 2), ..Transformation::default() };
    Job {
        id: JobId::random(),
        owner: image.owner,
        image: image.id,
        source_version: image.current.number,
        derivation: Derivation::new(image.owner, &source.hash, None, &transformation),
        source,
        overlay: None,
        transformation,
        batch: None,
        save: false,
        created_at,
        updated_at: created_at,
        revision: 0,
        attempts: 0,
        state: JobState::Queued { not_before: created_at },
        unpublished: true,
        published_at: None,
        held: false,
        redrives: Vec::new(),
        remove_output_at: None,
    }
}

/// New jobs of one request on `image`, each with another width.
pub fn batch_on(image: &Image, created_at: Timestamp, size: usize) -> Vec<Job> {
    let batch = Batch { first: JobId::random(), size };
    let job = |(place, id)| Job {
        id,
        transformation: Transformation { width: Some(1 + place as u32), ..Transformation::default() },
        batch: Some(batch),
        derivation: Derivation::new(
            image.owner,
            &ContentHash::of(format!("result {place} of {}", batch.first).as_bytes()),
            None,
            &Transformation::default(),
        ),
        ..job_on(image, created_at)
    };
    batch.ids().enumerate().map(job).collect()
}

/// A PNG file of opaque 8-bit RGB pixels, a smooth gradient: red grows to the right, green grows downwards.
/// Sides are at least 1 pixel. The pixels are stored without compression.
pub fn png(width: u32, height: u32) -> Bytes {
    png_with(width, height, &[])
}

/// [`png`] with these chunks, by kind and data, before the pixels.
pub fn png_with(width: u32, height: u32, chunks: &[([u8; 4], &[u8])]) -> Bytes {
    let mut rows = Vec::with_capacity(height as usize * (1 + 3 * width as usize));
    for y in 0..height {
        rows.push(0); // The row is stored as it is, with no filter.
        for x in 0..width {
            let shade = |at: u32, of: u32| (u64::from(at) * 255 / u64::from(of.max(2) - 1)) as u8;
            rows.extend([shade(x, width), shade(y, height), 128]);
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]); // 8 bits, RGB, deflate, adaptive filters, not interlaced.
    chunk(&mut file, *b"IHDR", &header);
    for (kind, data) in chunks {
        chunk(&mut file, *kind, data);
    }
    chunk(&mut file, *b"IDAT", &zlib_stored(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file.into()
}

/// [`png`] in another format, as the engine encodes it.
///
/// # Panics
/// If the engine fails on it.
pub fn file(format: Format, width: u32, height: u32) -> Bytes {
    let source = png(width, height);
    if format == Format::Png {
        return source;
    }
    let into = Transformation { format: Some(format), ..Transformation::default() };
    engine::transform(&source, None, &into, &Limits::default(), &CancelToken::new())
        .unwrap_or_else(|error| panic!("the engine can't turn a gradient into {format}: {error}"))
        .bytes
        .into()
}

/// Appends one chunk: PNG (third edition), section 5.3.
fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend((data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let crc = crc32(&file[start..]);
    file.extend(crc.to_be_bytes());
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
fn zlib_stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        stream.push(u8::from(blocks.peek().is_none()));
        let length = block.len() as u16;
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in data {
        a = (a + u32::from(*byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}

/// CRC-32 as PNG (third edition), annex D, computes it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { 0xEDB8_8320 ^ crc >> 1 } else { crc >> 1 },
        )
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_match_the_published_check_values() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert!(zlib_stored(b"Wikipedia").ends_with(&0x11E6_0398_u32.to_be_bytes()));
    }

    #[test]
    fn the_engine_reads_the_fixture() {
        let engine::Inspection::Ready(header) =
            engine::inspect(&png(300, 200), true, &Limits::default()).unwrap()
        else {
            panic!("the whole file was given");
        };
        assert_eq!((header.format, header.width, header.height), (Format::Png, 300, 200));
    }
}
