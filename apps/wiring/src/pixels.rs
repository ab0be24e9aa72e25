//! Who works on pixels: child processes, or threads.

use std::num::NonZeroUsize;
use std::sync::Arc;

use pixmill::engine::use_fonts;
use pixmill::ports::Processor;
use pixmill_runtime::{ChildConfig, ChildProcesses, InProcess, MemoryBudget};

use crate::config::{ProcessorForm, WorkerConfig};
use crate::error::{StartError, system};

/// A processor, and the child processes behind it if it has some.
type Pixels = (Arc<dyn Processor>, Option<Arc<ChildProcesses>>);

pub(crate) fn processor(config: &WorkerConfig) -> Result<Pixels, StartError> {
    let slots = NonZeroUsize::new(config.slots()).unwrap_or(NonZeroUsize::MIN);
    let budget = MemoryBudget::new(config.worker_memory_bytes);
    // Children work elsewhere, where a relative path means another folder.
    let fonts = config.fonts_dir.as_ref().map(std::path::absolute).transpose().map_err(system("fonts"))?;
    if let Some(folder) = &fonts {
        use_fonts(folder)?;
    }
    match config.processor {
        ProcessorForm::InProcess => {
            let pool = InProcess::start(slots, budget).map_err(system("threads for pixels"))?;
            Ok((Arc::new(pool), None))
        }
        ProcessorForm::ChildProcesses => {
            let children = ChildConfig::of_this_program(slots, budget)
                .map(|children| ChildConfig {
                    job_memory: config.job_memory_bytes(),
                    // A source and a watermark image.
                    file_bytes: config.max_upload_bytes.saturating_mul(2).max(128 << 20),
                    fonts,
                    ..children
                })
                .and_then(ChildProcesses::start)
                .map_err(system("child processes for pixels"))?;
            let children = Arc::new(children);
            Ok((children.clone(), Some(children)))
        }
    }
}
