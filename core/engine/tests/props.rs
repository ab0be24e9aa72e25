//! Any request on any small picture: it is refused with a reason or done as planned; nothing panics.

mod pictures;

use image::GenericImageView;
use pictures::{decode, photo, png, with_hole};
use pixmill_engine::{
    CancelToken, Crop, Error, Fit, Format, Inspection, Limits, Position, Transformation, Watermark, inspect,
    plan, transform,
};
use proptest::option::of;
use proptest::prelude::*;

fn positions() -> impl Strategy<Value = Position> {
    use Position::{
        Attention, Bottom, Centre, Entropy, Left, LeftBottom, LeftTop, Right, RightBottom, RightTop, Top,
    };
    prop::sample::select(vec![
        Centre,
        Top,
        RightTop,
        Right,
        RightBottom,
        Bottom,
        LeftBottom,
        Left,
        LeftTop,
        Entropy,
        Attention,
    ])
}

fn fits() -> impl Strategy<Value = Fit> {
    prop::sample::select(vec![Fit::Cover, Fit::Contain, Fit::Fill, Fit::Inside, Fit::Outside])
}

fn angles() -> impl Strategy<Value = f64> {
    prop_oneof![(-8..8).prop_map(|n| f64::from(n) * 90.0), -720.0..720.0]
}

fn crops() -> impl Strategy<Value = Crop> {
    (0..40_u32, 0..40_u32, 1..40_u32, 1..40_u32).prop_map(|(left, top, width, height)| Crop {
        left,
        top,
        width,
        height,
    })
}

fn watermarks() -> impl Strategy<Value = Watermark> {
    ("\\PC{1,40}|[a-z ]{1,200}", of(positions()), of(0.01..1.0), of(angles()), of(0..200_u32), any::<bool>())
        .prop_map(|(text, position, size, rotation, margin, tile)| Watermark {
            text: Some(text),
            position,
            size,
            rotation,
            margin,
            tile,
            ..Watermark::default()
        })
}

prop_compose! {
    fn transformations()(
        (width, height) in (of(1..=67_u32), of(1..=67_u32)),
        (fit, position, without_enlargement) in (of(fits()), of(positions()), any::<bool>()),
        crop in prop::option::weighted(0.3, crops()),
        (rotation, flip, flop) in (of(angles()), any::<bool>(), any::<bool>()),
        (grayscale, sharpen) in (any::<bool>(), any::<bool>()),
        blur in prop::option::weighted(0.2, prop_oneof![0.3..6.0, 0.3..1000.0]),
        background in prop::option::weighted(0.3, prop::sample::select(vec!["red", "#0008", "white", "transparent"])),
        watermark in prop::option::weighted(0.2, watermarks()),
    ) -> Transformation {
        Transformation {
            width, height, fit, position, without_enlargement, crop, rotation, flip, flop, grayscale, blur, sharpen,
            background: background.map(str::to_owned),
            watermark,
            format: Some(Format::Png),
            ..Transformation::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn done_as_planned_or_refused(
        (width, height, alpha) in (1..=67_u32, 1..=67_u32, any::<bool>()),
        transformation in transformations(),
    ) {
        let source = if alpha { png(with_hole(width, height)) } else { png(photo(width, height)) };
        let limits = Limits::default();
        let Inspection::Ready(header) = inspect(&source, true, &limits).unwrap() else { panic!() };
        let planned = plan(&header, &transformation, &limits);
        match (planned, transform(&source, None, &transformation, &limits, &CancelToken::new())) {
            (Ok(planned), Ok(result)) => {
                prop_assert_eq!((result.width, result.height), planned.output_size());
                prop_assert_eq!(decode(&result.bytes).dimensions(), planned.output_size());
                if let (Some(w), Some(h)) = (transformation.width, transformation.height)
                    && transformation.rotation.is_none()
                    && transformation.fit != Some(Fit::Outside)
                    && transformation.fit != Some(Fit::Contain)
                {
                    prop_assert!(result.width <= w && result.height <= h);
                }
            }
            (Err(planned), Err(found)) => {
                prop_assert_eq!(&planned, &found);
                prop_assert!(matches!(found, Error::Invalid(_)), "{}", found);
            }
            (planned, found) => prop_assert!(false, "planned {planned:?}, found {:?}", found.map(|r| r.format)),
        }
    }

    #[test]
    fn equal_forms_give_equal_results(
        (width, height) in (1..=30_u32, 1..=30_u32),
        transformation in transformations(),
    ) {
        let source = png(photo(width, height));
        let run = |t: &Transformation| transform(&source, None, t, &Limits::default(), &CancelToken::new());
        let form = transformation.canonical();
        prop_assert_eq!(&form.canonical(), &form);
        if transformation.validate().is_ok() {
            prop_assert_eq!(form.validate(), Ok(()));
            prop_assert_eq!(run(&transformation), run(&form));
        }
        let json = serde_json::to_string(&form).unwrap();
        prop_assert_eq!(serde_json::from_str::<Transformation>(&json).unwrap(), form);
    }

    #[test]
    fn colours_never_panic(colour in "\\PC{0,40}|(rgb|hsl|lab|oklch)a?\\([-0-9a-z., %/()]{0,30}\\)?") {
        let transformation = Transformation { background: Some(colour), ..Transformation::default() };
        let _ = transformation.validate();
        prop_assert_eq!(transformation.canonical().canonical(), transformation.canonical());
    }

    #[test]
    fn any_text_is_drawn(text in "\\PC{1,60}|.{1,500}", (width, height) in (1..=200_u32, 1..=67_u32)) {
        let source = png(photo(width, height));
        let transformation = Transformation { watermark_text: Some(text), ..Transformation::default() };
        if transformation.validate().is_ok() {
            let result = transform(&source, None, &transformation, &Limits::default(), &CancelToken::new()).unwrap();
            prop_assert_eq!((result.width, result.height), (width, height));
        }
    }
}
