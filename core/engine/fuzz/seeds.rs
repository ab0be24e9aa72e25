//! The inputs that fuzzing begins with: short files of each format and kind, animations among them, made by the engine
//! itself from PNGs that are put together here, and transformations that between them name every field.

use std::path::Path;

use pixmill_engine::{CancelToken, Limits, Transformation, transform};

/// The environment variable that names the folder to write to.
const FOLDER: &str = "PIXMILL_FUZZ_SEEDS";

const REQUESTS: &[&str] = &[
    "{}",
    r#"{"width":12}"#,
    r#"{"width":30,"height":9,"fit":"cover","position":"attention","format":"webp","quality":60}"#,
    r##"{"width":20,"height":20,"fit":"contain","background":"#ff8000","position":"right-top","format":"jpeg"}"##,
    r#"{"height":40,"fit":"inside","withoutEnlargement":true,"format":"png"}"#,
    r#"{"width":8,"height":30,"fit":"fill","flip":true,"flop":true,"format":"gif"}"#,
    r#"{"crop":{"left":2,"top":3,"width":7,"height":5},"rotation":90,"keepMetadata":true}"#,
    r#"{"rotation":33.5,"background":"rgb(1 2 3 / 40%)","grayscale":true,"format":"avif","quality":30}"#,
    r#"{"blur":2.5,"sharpen":true,"lossless":true,"format":"webp"}"#,
    r#"{"watermarkText":"ab c","watermarkOpacity":0.7,"format":"jpeg","quality":95}"#,
    r#"{"watermark":{"text":"x","position":"bottom","size":0.3,"colour":"red","opacity":1,"margin":1,"rotation":20,"tile":true}}"#,
    r#"{"width":10,"height":10,"fit":"outside","position":"entropy","format":"png"}"#,
    r#"{"palette":true,"format":"png","keepCopyright":true}"#,
    r#"{"width":9,"keepProfile":true}"#,
    r#"{"quality":99}"#,
];

/// Writes the seeds of a target and ends the process, if the environment asks for it.
pub fn write_if_asked(target: &str) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("the folder for seeds can be made");
    for (index, seed) in seeds(target).iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{index:02}")), seed).expect("a seed can be written");
    }
    std::process::exit(0);
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "transformation" => REQUESTS.iter().map(|json| json.as_bytes().to_vec()).collect(),
        "end_to_end" => {
            let files = ["png", "jpeg", "webp", "gif", "avif"].map(files).concat();
            // Each file with two requests, so that each request meets several formats.
            let pair = |(index, file): (usize, &Vec<u8>)| {
                [index, index + 5].map(|at| [REQUESTS[at % REQUESTS.len()].as_bytes(), b"\n", file].concat())
            };
            files.iter().enumerate().flat_map(pair).collect()
        }
        format => files(format),
    }
}

/// A picture for others to be laid over.
pub fn canvas() -> Vec<u8> {
    png(40, 30, 2, 8)
}

/// Files of one format.
fn files(format: &str) -> Vec<Vec<u8>> {
    let pngs = [png(24, 17, 0, 8), png(19, 21, 2, 8), png(9, 12, 3, 8), png(16, 9, 4, 8), png(17, 16, 6, 8)];
    if format == "png" {
        return [pngs.to_vec(), vec![png(11, 8, 2, 16), png(33, 5, 0, 1), png(9, 9, 3, 4)]].concat();
    }
    let settings: &[&str] = match format {
        "jpeg" => &[r#""quality":40"#, r#""quality":95"#],
        "webp" | "avif" => &[r#""quality":40"#, r#""lossless":true"#],
        _ => &[r#""width":14"#],
    };
    let mut files = Vec::new();
    for source in &pngs {
        for setting in settings {
            files.push(made(source, &format!(r#"{{"format":"{format}",{setting}}}"#)));
        }
    }
    match format {
        "jpeg" => {
            // As large as those that are read with tables for passing over several symbols at once, and too large for a
            // target to have all its pixels, which would take long.
            let large = r#"{"format":"jpeg","quality":20,"width":520,"height":512,"fit":"fill"}"#;
            files.push(made(&pngs[1], large));
        }
        "gif" => files.push(animation(&files)),
        "webp" => {
            let animation = animation(&self::files("gif"));
            files.extend(
                settings.iter().map(|set| made(&animation, &format!(r#"{{"format":"webp",{set}}}"#))),
            );
        }
        _ => {}
    }
    files
}

/// What the engine makes of a file that it is known to read.
fn made(source: &[u8], json: &str) -> Vec<u8> {
    let asked: Transformation = serde_json::from_str(json).expect("the request is written here");
    let made = transform(source, None, &asked, &Limits::default(), &CancelToken::new());
    made.expect("such a picture can be encoded").bytes
}

/// An animated GIF whose frames are these stills, each disposed of in another way.
fn animation(stills: &[Vec<u8>]) -> Vec<u8> {
    // Signature and logical screen, which is large enough for all and has no palette.
    let mut file = b"GIF89a\x20\0\x20\0\0\0\0".to_vec();
    file.extend(b"\x21\xFF\x0BNETSCAPE2.0\x03\x01\x03\0\0");
    for (disposal, still) in (0_u8..).zip(stills) {
        file.extend([0x21, 0xF9, 4, disposal % 4 << 2, 7, 0, 0, 0]);
        file.extend(image_with_its_palette(still));
    }
    file.push(0x3B);
    file
}

/// The image of a GIF of one, with the palette of the file as its own.
fn image_with_its_palette(gif: &[u8]) -> Vec<u8> {
    // Of the flags the highest says that there is a palette, and the lowest three how large it is.
    let palette = gif[10] & 0x87;
    let end = if palette & 0x80 == 0 { 13 } else { 13 + (6 << (palette & 7)) };
    let mut image = end;
    while gif[image] == 0x21 {
        image += 2;
        while gif[image] > 0 {
            image += 1 + usize::from(gif[image]);
        }
        image += 1;
    }
    // The descriptor ends with flags of the same kind.
    let (descriptor, data) = gif[image..gif.len() - 1].split_at(10);
    let (rest, flags) = descriptor.split_at(9);
    if palette & 0x80 == 0 || flags[0] & 0x80 != 0 {
        return [descriptor, data].concat();
    }
    [rest, &[flags[0] | palette], &gif[13..end], data].concat()
}

/// A PNG of this colour type and depth with a pattern in it, its data stored and not compressed.
fn png(width: u32, height: u32, colour: u8, depth: u8) -> Vec<u8> {
    let channels = match colour {
        2 => 3,
        4 => 2,
        6 => 4,
        _ => 1,
    };
    let stride = (width as usize * channels * usize::from(depth)).div_ceil(8);
    let mut rows = Vec::new();
    for y in 0..height as usize {
        rows.push((y % 5) as u8);
        rows.extend(
            (0..stride).map(|x| if colour == 3 { (x + y) as u8 & 0x33 } else { (x * 9 + y * 5) as u8 }),
        );
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let size = [width.to_be_bytes(), height.to_be_bytes()].concat();
    chunk(&mut file, *b"IHDR", &[&size[..], &[depth, colour, 0, 0, 0]].concat());
    if colour == 3 {
        let entries = 1_u8.checked_shl(u32::from(depth)).map_or(256, usize::from);
        let palette: Vec<u8> = (0..entries * 3).map(|i| (i * 37) as u8).collect();
        chunk(&mut file, *b"PLTE", &palette);
        chunk(&mut file, *b"tRNS", &[0, 128, 255]);
    }
    chunk(&mut file, *b"eXIf", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let len = u16::try_from(rows.len()).expect("seeds are small");
    let stored = [&[0x78, 1, 1], &len.to_le_bytes()[..], &(!len).to_le_bytes(), &rows].concat();
    chunk(&mut file, *b"IDAT", &[&stored[..], &adler32(&rows).to_be_bytes()].concat());
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).expect("seeds are small").to_be_bytes());
    let body = [&kind[..], data].concat();
    file.extend(&body);
    file.extend(crc32(&body).to_be_bytes());
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}
