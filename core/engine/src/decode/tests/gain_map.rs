//! JPEGs with a gain map (Ultra HDR, ISO 21496-1): a second, smaller JPEG behind the first, and metadata in the first that
//! speak of it. What comes out is the picture as older viewers show it, and nothing in it speaks of a map that isn't there.

use crate::encode::samples::{gradient, photo, sampled_jpeg};
use crate::format::Format;
use crate::limits::{CancelToken, Limits};
use crate::pixels::Layout;
use crate::transform::transform;
use crate::transformation::Transformation;

fn segment(marker: u8, payload: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(payload.len() as u16 + 2).to_be_bytes(), payload].concat()
}

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF \
    xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description \
    xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0' \
    xmlns:Container='http://ns.google.com/photos/1.0/container/'/></rdf:RDF></x:xmpmeta>";
const ISO: &[u8] = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0";

/// The index of the multi-picture format (CIPA DC-007): two pictures, the second behind the first.
fn index(first: usize, second: usize, from_index: usize) -> Vec<u8> {
    let number = |n: usize| (n as u32).to_be_bytes();
    [
        &b"MPF\0MM\0*\0\0\0\x08\0\x03"[..],
        b"\xB0\0\0\x07\0\0\0\x040100",
        b"\xB0\x01\0\x04\0\0\0\x01\0\0\0\x02",
        b"\xB0\x02\0\x07\0\0\0\x20\0\0\0\x32\0\0\0\0",
        b"\0\x03\0\0",
        &number(first),
        &[0; 8],
        &[0; 4],
        &number(second),
        &number(from_index),
        &[0; 4],
    ]
    .concat()
}

/// A picture with its gain map, and the same without.
fn ultra_hdr() -> (Vec<u8>, Vec<u8>) {
    let plain = sampled_jpeg(&photo(331, 203), 90, 2, 0, false);
    let map = sampled_jpeg(&gradient(83, 51, Layout::Rgb), 90, 2, 0, false);
    let map = [&map[..2], &segment(0xE1, XMP), &segment(0xE2, ISO), &map[2..]].concat();
    let beside = [segment(0xE1, XMP), segment(0xE2, ISO)].concat();
    let length = 2 + beside.len() + 4 + index(0, 0, 0).len() + plain.len() - 2;
    let mpf = segment(0xE2, &index(length, map.len(), length - 2 - beside.len() - 8));
    let first = [&plain[..2], &beside, &mpf, &plain[2..]].concat();
    assert_eq!(first.len(), length);
    ([first, map].concat(), plain)
}

#[test]
fn the_picture_comes_out_without_a_word_of_its_map() {
    let (source, plain) = ultra_hdr();
    let run = |file: &[u8], json: &str| {
        let transformation: Transformation = serde_json::from_str(json).unwrap();
        transform(file, None, &transformation, &Limits::default(), &CancelToken::new()).unwrap()
    };
    for format in Format::ALL {
        for rest in [
            r#""width":100"#,
            r#""rotation":90"#,
            r#""keepMetadata":true"#,
            r#""keepCopyright":true"#,
            r#""width":64,"height":64,"position":"attention""#,
        ] {
            let json = format!(r#"{{"format":"{}",{rest}}}"#, format.extension());
            let found = run(&source, &json);
            assert_eq!(found, run(&plain, &json), "{json}");
            for word in [&b"MPF\0"[..], b"hdrgm", b"urn:iso", b"Container"] {
                assert!(!found.bytes.windows(word.len()).any(|part| part == word), "{json}");
            }
        }
    }
}

#[test]
fn coded_anew_it_has_none_either() {
    let (source, plain) = ultra_hdr();
    // The file of both is larger than what is made of the first, so the limit is put there by the map alone.
    for json in [r#"{"quality":60}"#, r#"{"quality":99}"#] {
        let transformation: Transformation = serde_json::from_str(json).unwrap();
        let found =
            transform(&source, None, &transformation, &Limits::default(), &CancelToken::new()).unwrap().bytes;
        assert!(found.len() <= source.len().max(plain.len()));
        assert_eq!(found.windows(3).filter(|part| *part == [0xFF, 0xD8, 0xFF]).count(), 1, "{json}");
        assert!(!found.windows(5).any(|part| part == b"hdrgm"), "{json}");
    }
}
