//! One call of the engine, with its panics caught, as both forms of the processor make it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use pixmill::engine::{
    Inspection, Output, describe, description_plan, inspect, plan, transform, transform_some,
};
use pixmill::ports::{BatchWork, Processed, ToDescribe, Work};
use pixmill::{CancelToken, Description, EngineError, Header, Limits};

/// One thing that the engine can be asked for.
pub(crate) trait Task: Send + Sync + 'static {
    /// What it comes to.
    type Done: Send + 'static;

    /// What it may cost.
    fn limits(&mut self) -> &mut Limits;

    /// How long it may take, once it has begun.
    fn time_limit(&self) -> Duration;

    /// The files that it needs; the first is the source.
    fn files(&self) -> [&[u8]; 2];

    /// How many bytes it plans to use beside its input, told from the source's header.
    fn plan(&self) -> Result<u64, EngineError>;

    /// Calls the engine.
    fn call(&self, cancel: &CancelToken) -> Result<Self::Done, EngineError>;
}

impl Task for Work {
    type Done = Processed;

    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }

    fn time_limit(&self) -> Duration {
        self.time_limit
    }

    fn files(&self) -> [&[u8]; 2] {
        [&self.source, self.overlay.as_deref().unwrap_or_default()]
    }

    fn plan(&self) -> Result<u64, EngineError> {
        let header = header(&self.source, &self.limits)?;
        Ok(plan(&header, &self.transformation, &self.limits)?.peak_bytes_for(&self.source))
    }

    fn call(&self, cancel: &CancelToken) -> Result<Processed, EngineError> {
        let Self { source, overlay, transformation, limits, time_limit: _ } = self;
        processed(transform(source, overlay.as_deref(), transformation, limits, cancel)?, limits)
    }
}

impl Task for BatchWork {
    type Done = Vec<Result<Processed, EngineError>>;

    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }

    fn time_limit(&self) -> Duration {
        self.time_limit
    }

    fn files(&self) -> [&[u8]; 2] {
        [&self.source, self.overlay.as_deref().unwrap_or_default()]
    }

    /// The engine keeps what it works on at the same time within the limit; the finished files are held beside that.
    fn plan(&self) -> Result<u64, EngineError> {
        let Self { source, transformations, wanted, limits, .. } = self;
        let header = header(source, limits)?;
        let (mut together, mut largest, mut finished) = (0_u64, 0, 0_u64);
        for (place, transformation) in transformations.iter().enumerate() {
            // What is wrong with one alone is told in its place.
            let Ok(plan) = plan(&header, transformation, limits) else { continue };
            let alone = plan.peak_bytes_for(source);
            together = together.saturating_add(alone);
            largest = alone.max(largest);
            if wanted.contains(&place) {
                let (width, height) = plan.output_size();
                finished = finished.saturating_add(u64::from(width) * u64::from(height));
            }
        }
        Ok(together.min(limits.max_memory_bytes.max(largest)).saturating_add(finished))
    }

    fn call(&self, cancel: &CancelToken) -> Result<Self::Done, EngineError> {
        let Self { source, overlay, transformations, wanted, limits, time_limit: _ } = self;
        let done = transform_some(source, overlay.as_deref(), transformations, wanted, limits, cancel)?;
        Ok(done.into_iter().map(|done| processed(done?, limits)).collect())
    }
}

impl Task for ToDescribe {
    type Done = Description;

    fn limits(&mut self) -> &mut Limits {
        &mut self.limits
    }

    fn time_limit(&self) -> Duration {
        self.time_limit
    }

    fn files(&self) -> [&[u8]; 2] {
        [&self.source, &[]]
    }

    fn plan(&self) -> Result<u64, EngineError> {
        let header = header(&self.source, &self.limits)?;
        Ok(description_plan(&header, &self.limits)?.peak_bytes_for(&self.source))
    }

    fn call(&self, cancel: &CancelToken) -> Result<Description, EngineError> {
        describe(&self.source, &self.limits, cancel)
    }
}

/// How many bytes `task` plans to use beside its input.
///
/// # Errors
/// What the engine says of a source or transformation that it would refuse anyway.
pub(crate) fn estimate(task: &impl Task) -> Result<u64, EngineError> {
    guarded(|| task.plan())
}

/// Runs the engine on `task` until it ends or `cancel` stops it.
///
/// # Errors
/// The engine's; [`EngineError::Bug`] if it panics; [`EngineError::TimedOut`] also for work that ended by itself
/// after its deadline, because a codec did not look at the clock.
pub(crate) fn run<T: Task>(task: &T, cancel: &CancelToken) -> Result<T::Done, EngineError> {
    let done = guarded(|| task.call(cancel))?;
    cancel.check()?;
    Ok(done)
}

fn processed(done: Output, limits: &Limits) -> Result<Processed, EngineError> {
    let alpha = alpha(&done, limits)?;
    let Output { bytes, format, width, height, .. } = done;
    Ok(Processed { bytes: bytes.into(), format, width, height, alpha })
}

/// Whether the finished file says that it has transparent pixels: the same answer that an upload of it would get.
fn alpha(done: &Output, limits: &Limits) -> Result<bool, EngineError> {
    let limits = Limits {
        max_pixels: limits.max_output_pixels,
        max_side: limits.max_output_side,
        // The engine embeds what it has read within these limits, and some bytes of its own around it.
        max_header_bytes: limits.max_header_bytes.saturating_mul(2),
        ..limits.clone()
    };
    match header(&done.bytes, &limits) {
        Ok(header) => Ok(header.alpha),
        Err(error) => {
            Err(EngineError::Bug(format!("the {} result can't be read back: {error}", done.format)))
        }
    }
}

fn header(file: &[u8], limits: &Limits) -> Result<Header, EngineError> {
    match inspect(file, true, limits)? {
        Inspection::Ready(header) => Ok(header),
        Inspection::NeedMore(_) => {
            Err(EngineError::Bug("a whole file was not enough to read its header".into()))
        }
    }
}

/// A token for work that begins now.
pub(crate) fn token(time_limit: Duration) -> CancelToken {
    // A limit beyond the range of the clock is no limit.
    Instant::now().checked_add(time_limit).map_or_else(CancelToken::new, CancelToken::with_deadline)
}

fn guarded<T>(engine: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
    // The engine keeps no state between calls, so a panic leaves nothing half done behind.
    catch_unwind(AssertUnwindSafe(engine)).unwrap_or_else(|panic| Err(EngineError::Bug(said(panic.as_ref()))))
}

fn said(panic: &(dyn Any + Send)) -> String {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", message.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_bug() {
        let literal = guarded::<()>(|| panic!("index out of bounds"));
        assert_eq!(literal, Err(EngineError::Bug("panicked: index out of bounds".into())));
        let row = 7;
        let formatted = guarded::<()>(|| panic!("row {row}"));
        assert_eq!(formatted, Err(EngineError::Bug("panicked: row 7".into())));
        let other = guarded::<()>(|| std::panic::panic_any(7));
        assert_eq!(other, Err(EngineError::Bug("panicked: without a message".into())));
    }

    #[test]
    fn an_endless_time_limit_is_none() {
        assert_eq!(token(Duration::MAX).check(), Ok(()));
        assert_eq!(token(Duration::ZERO).check(), Err(EngineError::TimedOut));
    }
}
