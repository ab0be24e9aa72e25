//! Files that end early: a typed error or, where nothing of the picture is missing, the picture.

use pixmill_engine::{CancelToken, Error, Format, Inspection, Limits, Transformation, inspect, transform};

const WIDTH: u32 = 20;
const HEIGHT: u32 = 14;

/// A PNG of gradients, from which the other formats are made.
fn png() -> Vec<u8> {
    let samples: Vec<u8> = (0..HEIGHT)
        .flat_map(|y| (0..WIDTH).flat_map(move |x| [x * 12, y * 18, (x + y) * 7]))
        .map(|sample| sample as u8)
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&samples).unwrap();
    writer.finish().unwrap();
    bytes
}

fn run(source: &[u8], format: Format) -> Result<Vec<u8>, Error> {
    let transformation = Transformation { format: Some(format), ..Transformation::default() };
    let output = transform(source, None, &transformation, &Limits::default(), &CancelToken::new())?;
    assert_eq!((output.width, output.height, output.format), (WIDTH, HEIGHT, format));
    Ok(output.bytes)
}

#[test]
fn every_cut_of_every_format() {
    for format in Format::ALL {
        let source = run(&png(), format).unwrap();
        for end in 0..source.len() {
            match run(&source[..end], Format::Png) {
                // Nothing but trailing bytes may be missing from a picture that is accepted.
                Ok(found) => {
                    assert_eq!(found, run(&source, Format::Png).unwrap(), "{format} cut at {end}");
                }
                Err(Error::Unsupported { .. }) => assert!(end < 16, "{format} cut at {end}"),
                Err(Error::Undecodable { format: named, .. }) => assert_eq!(named, format),
                Err(other) => panic!("{format} cut at {end} of {}: {other}", source.len()),
            }
        }
    }
}

#[test]
fn a_cut_header_is_waited_for_and_a_cut_file_is_not() {
    for format in Format::ALL {
        let source = run(&png(), format).unwrap();
        let limits = Limits::default();
        let head = &source[..12];
        assert!(matches!(inspect(head, false, &limits), Ok(Inspection::NeedMore(13..))), "{format}");
        assert!(matches!(inspect(head, true, &limits), Err(Error::Undecodable { .. })), "{format}");
    }
}
