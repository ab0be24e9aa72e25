//! Embedding the engine: reads a file, makes a WebP thumbnail of it and writes that.
//!
//! ```text
//! cargo run --release -p pixmill-engine --example transform_file -- photo.jpg thumbnail.webp
//! ```
#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::error::Error;
use std::time::{Duration, Instant};

use pixmill_engine::{
    CancelToken, Fit, Format, Inspection, Limits, Transformation, inspect, plan, transform,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(output)) = (arguments.next(), arguments.next()) else {
        return Err("usage: transform_file INPUT OUTPUT".into());
    };
    let source = std::fs::read(input)?;
    let thumbnail = Transformation {
        width: Some(320),
        height: Some(320),
        fit: Some(Fit::Inside),
        without_enlargement: true,
        format: Some(Format::Webp),
        ..Transformation::default()
    };

    // The header is enough to know what will be done and how large the result will be.
    let limits = Limits::default();
    let Inspection::Ready(header) = inspect(&source, true, &limits)? else {
        return Err("the file ends within its header".into());
    };
    println!("{}", plan(&header, &thumbnail, &limits)?);

    let cancel = CancelToken::with_deadline(Instant::now() + Duration::from_secs(10));
    let result = transform(&source, None, &thumbnail, &limits, &cancel)?;
    std::fs::write(&output, &result.bytes)?;
    println!("{output}: {}x{}, {} bytes", result.width, result.height, result.bytes.len());
    Ok(())
}
