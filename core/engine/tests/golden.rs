//! Results against slow, obvious ones, compared by distance.

mod pictures;

use image::imageops::{crop_imm, flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
use image::{GenericImageView, Rgb, RgbImage, Rgba, RgbaImage};
use pictures::{decode, jpeg, lanczos, oriented, photo, picture, png, psnr, run, with_hole};

#[test]
fn resizing_is_lanczos() {
    for (size, json, to) in [
        ((301, 203), r#"{"width":100}"#, (100, 67)),
        ((301, 203), r#"{"width":97,"height":131,"fit":"fill"}"#, (97, 131)),
        ((67, 45), r#"{"width":200}"#, (200, 134)),
        ((5, 3), r#"{"width":64,"height":64,"fit":"fill"}"#, (64, 64)),
        ((400, 1), r#"{"width":30}"#, (30, 1)),
    ] {
        let source = photo(size.0, size.1);
        let expected = lanczos(&source, [0.0, 0.0, f64::from(size.0), f64::from(size.1)], to);
        let found = picture(&png(source), json).to_rgb8();
        let distance = psnr(&found, &expected);
        assert!(distance > 50.0, "{size:?} {json}: {distance:.1} dB");
    }
}

#[test]
fn cover_is_the_middle_of_the_resized_picture() {
    let source = photo(301, 203);
    let whole = lanczos(&source, [0.0, 0.0, 301.0, 203.0], (148, 100));
    let expected = crop_imm(&whole, 24, 0, 100, 100).to_image();
    let found = picture(&png(source), r#"{"width":100,"height":100}"#).to_rgb8();
    assert!(psnr(&found, &expected) > 50.0);
}

#[test]
fn shrinking_while_decoding_keeps_quality_and_place() {
    for size in [(801, 603), (640, 480), (519, 777)] {
        let source = jpeg(photo(size.0, size.1), 95);
        let full = picture(&source, r#"{"format":"png"}"#).to_rgb8();
        for width in [61, 100, 160, 250, 399] {
            let found = picture(&source, &format!(r#"{{"width":{width},"format":"png"}}"#)).to_rgb8();
            let whole = [0.0, 0.0, f64::from(size.0), f64::from(size.1)];
            let expected = lanczos(&full, whole, found.dimensions());
            let distance = psnr(&found, &expected);
            assert!(distance > 36.0, "{size:?} to {width}: {distance:.1} dB");
            // Half a pixel off would be nearer to a neighbour than to its place.
            let pixel = f64::from(size.0) / f64::from(width);
            for shift in [-0.4, 0.4] {
                let shifted = [shift * pixel, shift * pixel, whole[2], whole[3]];
                assert!(
                    psnr(&found, &lanczos(&full, shifted, found.dimensions())) < distance,
                    "{width} {shift}"
                );
            }
        }
    }
}

/// The stored picture turned upright by the words of the EXIF standard.
fn upright(stored: &RgbImage, orientation: u8) -> RgbImage {
    match orientation {
        2 => flip_horizontal(stored),
        3 => rotate180(stored),
        4 => flip_vertical(stored),
        5 => flip_horizontal(&rotate90(stored)),
        6 => rotate90(stored),
        7 => flip_horizontal(&rotate270(stored)),
        8 => rotate270(stored),
        _ => stored.clone(),
    }
}

#[test]
fn every_orientation_with_every_operation() {
    let stored = jpeg(photo(93, 61), 90);
    let plain = picture(&stored, r#"{"format":"png"}"#).to_rgb8();
    for orientation in 1..=8 {
        let source = oriented(&stored, orientation);
        let expected = upright(&plain, orientation);
        let found = |json: &str| picture(&source, json).to_rgb8();
        assert_eq!(found(r#"{"format":"png"}"#), expected, "orientation {orientation}");
        assert_eq!(found(r#"{"format":"png","rotation":90}"#), rotate90(&expected));
        assert_eq!(
            found(r#"{"format":"png","rotation":270,"flip":true}"#),
            flip_vertical(&rotate270(&expected))
        );
        assert_eq!(found(r#"{"format":"png","flop":true}"#), flip_horizontal(&expected));
        let cut = found(r#"{"format":"png","crop":{"left":7,"top":3,"width":40,"height":50}}"#);
        assert_eq!(cut, crop_imm(&expected, 7, 3, 40, 50).to_image(), "orientation {orientation}");

        let upright_source = png(expected);
        for json in [
            r#"{"format":"png","width":50,"height":20,"position":"right-bottom"}"#,
            r#"{"format":"png","width":50,"height":60,"fit":"contain","position":"left-top","flip":true}"#,
            r#"{"format":"png","crop":{"left":7,"top":3,"width":40,"height":50},"width":20,"rotation":90}"#,
            r#"{"format":"png","width":70,"height":20,"position":"attention"}"#,
            r#"{"format":"png","width":58,"rotation":33,"flop":true,"background":"red"}"#,
        ] {
            let (found, expected) = (found(json), picture(&upright_source, json).to_rgb8());
            let distance = psnr(&found, &expected);
            // Small results are decoded from fewer coefficients, and what draws the eye may move by a pixel with them; a
            // picture turned the wrong way is at 15 dB.
            assert!(distance > 24.0, "orientation {orientation} {json}: {distance:.1} dB");
        }
    }
}

#[test]
fn rotation_by_any_angle() {
    let source = photo(120, 80);
    for degrees in [1.0, 33.0, 91.0, 200.0, -45.0_f64] {
        let json = format!(r##"{{"rotation":{degrees},"background":"#102030"}}"##);
        let found = picture(&png(source.clone()), &json).to_rgb8();
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (width, height) = (f64::from(found.width()), f64::from(found.height()));
        let expected = RgbImage::from_fn(found.width(), found.height(), |x, y| {
            let (x, y) = (f64::from(x) + 0.5 - width / 2.0, f64::from(y) + 0.5 - height / 2.0);
            let (u, v) = (x * cos + y * sin + 60.0, y * cos - x * sin + 40.0);
            if (0.0..120.0).contains(&u) && (0.0..80.0).contains(&v) {
                *source.get_pixel(u as u32, v as u32)
            } else {
                Rgb([0x10, 0x20, 0x30])
            }
        });
        // The nearest pixel is a crude oracle, but nothing upside down or off its place comes near it.
        let distance = psnr(&found, &expected);
        assert!(distance > 27.0, "{degrees}: {distance:.1} dB");
    }
}

#[test]
fn alpha_goes_onto_white_or_the_background() {
    let source = with_hole(60, 40);
    let on = |ground: [u8; 3]| {
        RgbImage::from_fn(60, 40, |x, y| {
            let Rgba([red, green, blue, alpha]) = *source.get_pixel(x, y);
            let mix = |above: u8, below: u8| {
                let alpha = f64::from(alpha) / 255.0;
                (f64::from(above) * alpha + f64::from(below) * (1.0 - alpha)).round() as u8
            };
            Rgb([mix(red, ground[0]), mix(green, ground[1]), mix(blue, ground[2])])
        })
    };
    let bytes = png(source.clone());
    let flat = run(&bytes, r#"{"format":"jpeg","quality":100}"#).bytes;
    assert!(psnr(&picture(&flat, r#"{"format":"png"}"#).to_rgb8(), &on([255; 3])) > 33.0);
    let red = run(&bytes, r#"{"format":"jpeg","quality":100,"background":"red"}"#).bytes;
    assert!(psnr(&picture(&red, r#"{"format":"png"}"#).to_rgb8(), &on([255, 0, 0])) > 33.0);
    let blue = picture(&bytes, r#"{"background":"blue"}"#);
    assert!(!blue.color().has_alpha());
    assert!(psnr(&blue.to_rgb8(), &on([0, 0, 255])) > 50.0);
    let kept = picture(&bytes, r#"{"flip":true}"#);
    assert_eq!(kept.to_rgba8(), flip_vertical(&source));
}

#[test]
fn resized_alpha_takes_no_colour_from_the_hidden() {
    let source =
        RgbaImage::from_fn(
            100,
            20,
            |x, _| if x < 50 { Rgba([200, 30, 30, 255]) } else { Rgba([0, 255, 0, 0]) },
        );
    let found = picture(&png(source), r#"{"width":37}"#).to_rgba8();
    for Rgba([red, green, _, alpha]) in found.pixels() {
        assert!(*alpha < 20 || (*red > 190 && *green < 45), "{red} {green} {alpha}");
    }
}

#[test]
fn contain_pads_with_the_background() {
    let source = png(RgbImage::from_pixel(50, 50, Rgb([9, 99, 199])));
    let found = picture(&source, r#"{"width":90,"height":50,"fit":"contain","background":"lime"}"#).to_rgb8();
    for (x, _, pixel) in found.enumerate_pixels() {
        let expected = if (20..70).contains(&x) { [9, 99, 199] } else { [0, 255, 0] };
        assert_eq!(pixel.0, expected, "{x}");
    }
    let clear = picture(&source, r#"{"width":90,"height":50,"fit":"contain"}"#).to_rgba8();
    assert_eq!(clear.get_pixel(0, 0).0[3], 0);
    let white = run(&source, r#"{"width":90,"height":50,"fit":"contain","format":"jpeg"}"#).bytes;
    assert!(picture(&white, r#"{"format":"png"}"#).to_rgb8().get_pixel(3, 25).0.iter().all(|&v| v > 245));
}

#[test]
fn filters_do_what_they_say() {
    let source = photo(80, 60);
    let bytes = png(source.clone());
    let grey = picture(&bytes, r#"{"grayscale":true}"#);
    assert_eq!(grey.color().channel_count(), 1);
    for (x, y, pixel) in grey.to_luma8().enumerate_pixels() {
        let Rgb([red, green, blue]) = *source.get_pixel(x, y);
        let luma = 0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue);
        assert!((f64::from(pixel.0[0]) - luma).abs() <= 0.6);
    }
    let roughness = |picture: &RgbImage| {
        let rows = (0..60).flat_map(|y| (1..80).map(move |x| (x, y)));
        rows.map(|(x, y)| u64::from(picture.get_pixel(x, y).0[0].abs_diff(picture.get_pixel(x - 1, y).0[0])))
            .sum::<u64>()
    };
    let blurred = picture(&bytes, r#"{"blur":2}"#).to_rgb8();
    let sharpened = picture(&bytes, r#"{"sharpen":true}"#).to_rgb8();
    assert!(roughness(&blurred) < roughness(&source) && roughness(&source) < roughness(&sharpened));
}

#[test]
fn two_runs_give_the_same_bytes() {
    let opaque = jpeg(photo(203, 151), 85);
    let clear = png(with_hole(203, 151));
    for json in [
        r#"{"width":77,"format":"jpeg"}"#,
        r#"{"rotation":33,"format":"png"}"#,
        r#"{"blur":9,"sharpen":true,"format":"png"}"#,
        r#"{"width":60,"height":60,"position":"attention","watermarkText":"the same","format":"png"}"#,
        r#"{"watermark":{"text":"tiled","tile":true,"rotation":-30},"format":"jpeg"}"#,
    ] {
        for source in [&opaque, &clear] {
            let first = run(source, json);
            // On another thread, so that nothing kept by a thread can matter.
            let second = std::thread::scope(|scope| scope.spawn(|| run(source, json)).join().unwrap());
            assert_eq!(first, second, "{json}");
        }
    }
}

#[test]
fn an_image_can_be_the_watermark() {
    let source = png(RgbImage::from_pixel(200, 100, Rgb([0, 0, 0])));
    let overlay = png(RgbImage::from_pixel(10, 10, Rgb([255, 0, 0])));
    let transformation = pictures::request(
        r#"{"watermark":{"imageId":"0123456789abcdef01234567","size":0.2,"opacity":1,"position":"right-top","margin":5}}"#,
    );
    let result = pixmill_engine::transform(
        &source,
        Some(&overlay),
        &transformation,
        &pixmill_engine::Limits::default(),
        &pixmill_engine::CancelToken::new(),
    );
    let found = decode(&result.unwrap().bytes);
    for (x, y, pixel) in found.pixels() {
        let covered = (155..195).contains(&x) && (5..45).contains(&y);
        assert_eq!(pixel.0[0], if covered { 255 } else { 0 }, "{x},{y}");
    }
}
