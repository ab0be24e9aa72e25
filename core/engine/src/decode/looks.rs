//! What bytes that are no supported image look like, so that an error can name it.

/// A few words for the error message.
pub(super) fn like(head: &[u8]) -> String {
    let name = match head {
        [] => return "the file is empty".into(),
        [b'B', b'M', ..] => "BMP",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "TIFF or a raw camera file",
        [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => "JPEG XL",
        [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] => "JPEG 2000",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h' | b'm', b'e' | b'i', ..] => "HEIC",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a video",
        [b'%', b'P', b'D', b'F', ..] => "PDF",
        [b'8', b'B', b'P', b'S', ..] => "a Photoshop document",
        [b'P', b'K', 3, 4, ..] => "a ZIP archive",
        [0, 0, 1, 0, ..] => "an icon",
        _ => return text(head),
    };
    format!("it looks like {name}")
}

fn text(head: &[u8]) -> String {
    let start = &head[..head.len().min(1024)];
    let start = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    let lower = start.to_ascii_lowercase();
    let has = |word: &[u8]| lower.windows(word.len()).any(|w| w == word);
    if lower.starts_with(b"<") && has(b"<svg") {
        "it looks like SVG".into()
    } else if lower.starts_with(b"<") && (has(b"<html") || has(b"<!doctype html") || has(b"<head")) {
        "it looks like an HTML page".into()
    } else if lower.starts_with(b"<?xml") {
        "it looks like XML".into()
    } else if start.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 32..=126 | 128..)) {
        "it looks like text".into()
    } else {
        "the first bytes match no format".into()
    }
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn names_what_people_send_by_mistake() {
        assert_eq!(like(b""), "the file is empty");
        assert_eq!(like(b"\n<!DOCTYPE html><p>"), "it looks like an HTML page");
        assert_eq!(like(b"<?xml version='1.0'?>\n<SVG/>"), "it looks like SVG");
        assert_eq!(like(b"hello"), "it looks like text");
        assert_eq!(like(b"\0\0\0\x18ftypheic"), "it looks like HEIC");
        assert_eq!(like(&[1, 2, 3]), "the first bytes match no format");
    }
}
