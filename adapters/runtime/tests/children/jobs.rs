//! Work for the processors under test, small and long.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use pixmill::ports::Work;
use pixmill::{Format, Limits, Transformation};
use pixmill_testkit::fixtures;

pub(crate) fn work(source: Bytes, transformation: Transformation) -> Work {
    let limits = Limits::default();
    Work { source, overlay: None, transformation, limits, time_limit: Duration::from_mins(1) }
}

pub(crate) fn into(format: Format) -> Transformation {
    Transformation { format: Some(format), width: Some(120), ..Transformation::default() }
}

/// Work of a few milliseconds.
pub(crate) fn small() -> Work {
    work(fixtures::png(60, 40), into(Format::Jpeg))
}

/// Work that surely takes longer than a tenth of a second.
pub(crate) fn medium() -> Work {
    work(fixtures::png(2000, 1500), Transformation { width: None, ..into(Format::Avif) })
}

/// Work of seconds, most of which goes to one call of a codec.
pub(crate) fn long() -> Work {
    static SOURCE: LazyLock<Bytes> = LazyLock::new(|| fixtures::png(4000, 3000));
    work(SOURCE.clone(), Transformation { width: None, quality: Some(95), ..into(Format::Avif) })
}
