//! Runs one task on both sides, turn by turn, and puts the figures together.

use std::fs;
use std::io::IsTerminal as _;
use std::path::Path;

use crate::picture::Picture;
use crate::score::{Score, score};
use crate::sharp::Sharp;
use crate::side::{Sample, Side, written};
use crate::statistics::{Spread, median};
use crate::task::{Expected, Task};

/// A side works about this long in each round, in milliseconds of wall time.
const ROUND_MS: f64 = 400.0;

/// The first iterations of a process find cold caches; about this long they are not counted, in milliseconds.
const WARM_UP_MS: f64 = 60.0;

/// What the benchmark is run with.
pub(crate) struct Bench<'a> {
    pub(crate) measure: &'a Path,
    pub(crate) sharp: &'a Sharp,
    pub(crate) scratch: &'a Path,
    pub(crate) rounds: usize,
    pub(crate) cores: usize,
}

/// The figures of one side.
pub(crate) struct Figures {
    pub(crate) cpu_ms: Spread,
    pub(crate) wall_ms: Spread,
    pub(crate) bytes: u64,
    /// The mean over the pictures that the task makes.
    pub(crate) score: Score,
    /// Peak memory above that of the same process with the source in memory and nothing done.
    pub(crate) memory_kib: u64,
    pub(crate) all_cores: AllCores,
}

/// The figures of one side with all cores at work: what one picture takes while others are made beside it, and how many are
/// made.
#[derive(Clone, Copy)]
pub(crate) struct AllCores {
    pub(crate) cpu_ms: Spread,
    pub(crate) wall_ms: Spread,
    pub(crate) per_second: f64,
}

/// The figures of both.
pub(crate) struct Comparison {
    pub(crate) task: &'static Task,
    pub(crate) ours: Figures,
    pub(crate) sharp: Figures,
    /// CPU time of sharp divided by ours: the median, the least and the greatest of the rounds.
    pub(crate) times_less: Spread,
    /// The same with all cores at work, and how many times as many pictures are made.
    pub(crate) times_less_at_once: Spread,
    pub(crate) times_more: Spread,
}

/// The figures of both with all cores at work.
struct AtOnce {
    ours: AllCores,
    sharp: AllCores,
    times_less: Spread,
    times_more: Spread,
}

/// What one side has shown so far.
struct Course<'a> {
    side: Side<'a>,
    iterations: usize,
    warm_up: usize,
    samples: Vec<Sample>,
    memory_kib: u64,
}

impl Bench<'_> {
    /// Measures one task.
    pub(crate) fn compare(&self, task: &'static Task, source: &Path) -> Result<Comparison, String> {
        let references = self.scratch.join("results");
        clear(&references)?;
        let (ours_out, sharp_out) = (references.join("ours"), references.join("sharp"));
        let mut ours = Course::begin(Side::Ours(self.measure), task, source, &ours_out)?;
        let mut sharp = Course::begin(Side::Sharp(self.sharp, 1), task, source, &sharp_out)?;
        let mut ratios = Vec::new();
        for round in 0..self.rounds {
            progress(task.name, &format!("round {} of {}", round + 1, self.rounds));
            // Whoever comes second finds a warmer machine, so they take turns in that as well.
            let (a, b) = if round % 2 == 0 {
                let a = ours.round(task, source)?;
                (a, sharp.round(task, source)?)
            } else {
                let b = sharp.round(task, source)?;
                (ours.round(task, source)?, b)
            };
            ratios.push(b / a);
        }
        let all_cores = self.all_cores(task, source, &ours, &sharp)?;
        progress(task.name, "quality");
        let scores = self.scores(task, source, [&ours_out, &sharp_out])?;
        progress(task.name, "");
        Ok(Comparison {
            task,
            ours: ours.figures(scores[0], all_cores.ours),
            sharp: sharp.figures(scores[1], all_cores.sharp),
            times_less: Spread::range(ratios),
            times_less_at_once: all_cores.times_less,
            times_more: all_cores.times_more,
        })
    }

    /// Both sides with all cores at work, turn by turn: of sharp with one thread a picture or with as many as there are
    /// cores, whichever makes more pictures.
    fn all_cores(
        &self,
        task: &Task,
        source: &Path,
        ours: &Course<'_>,
        sharp: &Course<'_>,
    ) -> Result<AtOnce, String> {
        let mut sides = [
            (Side::Ours(self.measure), ours, Vec::new()),
            (Side::Sharp(self.sharp, 1), sharp, Vec::new()),
            (Side::Sharp(self.sharp, self.cores), sharp, Vec::new()),
        ];
        let rounds = self.rounds.div_ceil(2);
        for round in 0..rounds {
            progress(task.name, &format!("all cores, round {} of {rounds}", round + 1));
            for place in 0..sides.len() {
                let count = sides.len();
                let (side, course, samples) =
                    &mut sides[if round % 2 == 0 { place } else { count - 1 - place }];
                let mut told = side.run(task, source, course.iterations, self.cores, None)?.samples;
                samples.push(told.split_off(course.warm_up * self.cores));
            }
        }
        let [ours, one, many] = sides.map(|(.., rounds)| rounds);
        let wall = |rounds: &[Vec<Sample>]| median(rounds.iter().flatten().map(|sample| sample.wall_ms));
        let sharp = if wall(&one) <= wall(&many) { one } else { many };
        let ratios = |of: fn(&Sample) -> f64| {
            let median = |round: &Vec<Sample>| median(round.iter().map(of));
            Spread::range(ours.iter().zip(&sharp).map(|(ours, sharp)| median(sharp) / median(ours)))
        };
        let figures = |rounds: &[Vec<Sample>]| AllCores {
            cpu_ms: Spread::quartiles(rounds.iter().flatten().map(|sample| sample.cpu_ms)),
            wall_ms: Spread::quartiles(rounds.iter().flatten().map(|sample| sample.wall_ms)),
            per_second: self.cores as f64 * 1e3 / wall(rounds),
        };
        Ok(AtOnce {
            ours: figures(&ours),
            sharp: figures(&sharp),
            times_less: ratios(|sample| sample.cpu_ms),
            times_more: ratios(|sample| sample.wall_ms),
        })
    }

    fn scores(&self, task: &Task, source: &Path, written_to: [&Path; 2]) -> Result<[Score; 2], String> {
        let original = self.sharp.decode(source)?;
        let results = |out: &Path| -> Result<Vec<Picture>, String> {
            let files = written(out);
            if files.is_empty() {
                Err(format!("{}: no result was written", task.name))
            } else {
                files.iter().map(|file| self.sharp.decode(file)).collect()
            }
        };
        let (ours, sharp) = (results(written_to[0])?, results(written_to[1])?);
        if ours.len() != sharp.len() {
            return Err(format!("{}: {} results against {}", task.name, ours.len(), sharp.len()));
        }
        let mut sums = [Vec::new(), Vec::new()];
        for (ours, sharp) in ours.iter().zip(&sharp) {
            // The two may round a side differently.
            if ours.width.abs_diff(sharp.width) > 1 || ours.height.abs_diff(sharp.height) > 1 {
                return Err(format!(
                    "{}: {}x{} against {}x{}",
                    task.name, ours.width, ours.height, sharp.width, sharp.height
                ));
            }
            for (sum, result) in sums.iter_mut().zip([ours, sharp]) {
                let reference = match task.expected {
                    Expected::Turned => original.turned(),
                    Expected::Covered => original.covering(result.width, result.height),
                    Expected::Resized => original.filling(result.width, result.height),
                    Expected::Marked => original.upper_quarter(),
                };
                let unmarked = (task.expected == Expected::Marked).then(|| result.upper_quarter());
                let result = unmarked.as_ref().unwrap_or(result);
                sum.push(
                    score(&alike(&reference, result), result)
                        .map_err(|error| format!("{}: {error}", task.name))?,
                );
            }
        }
        Ok(sums.map(|scores| {
            let mean = |of: fn(&Score) -> f64| scores.iter().map(of).sum::<f64>() / scores.len() as f64;
            Score { psnr: mean(|score| score.psnr), ssimulacra2: mean(|score| score.ssimulacra2) }
        }))
    }
}

/// The reference without its alpha channel where the result has none: it was opaque then, or the result is wrong
/// and scores badly on black.
fn alike(reference: &Picture, result: &Picture) -> Picture {
    if result.channels.is_multiple_of(2) { reference.clone() } else { reference.on(0) }
}

impl<'a> Course<'a> {
    /// Runs once for the result and for how long an iteration takes, and measures memory.
    fn begin(side: Side<'a>, task: &Task, source: &Path, out: &Path) -> Result<Self, String> {
        let pilot = side.run(task, source, 3, 1, Some(out))?;
        let wall = pilot.samples.last().map_or(1.0, |sample| sample.wall_ms).max(0.1);
        let warm_up = (WARM_UP_MS / wall).ceil().clamp(1.0, 5.0) as usize;
        let counted = (ROUND_MS / wall).ceil().clamp(1.0, 60.0) as usize;
        let memory_kib = pilot.above_kib;
        Ok(Self { side, iterations: warm_up + counted, warm_up, samples: Vec::new(), memory_kib })
    }

    /// One round; returns its median CPU time.
    fn round(&mut self, task: &Task, source: &Path) -> Result<f64, String> {
        let told = self.side.run(task, source, self.iterations, 1, None)?;
        let counted = &told.samples[self.warm_up..];
        self.samples.extend(counted);
        Ok(median(counted.iter().map(|sample| sample.cpu_ms)))
    }

    fn figures(self, score: Score, all_cores: AllCores) -> Figures {
        Figures {
            cpu_ms: Spread::quartiles(self.samples.iter().map(|sample| sample.cpu_ms)),
            wall_ms: Spread::quartiles(self.samples.iter().map(|sample| sample.wall_ms)),
            bytes: self.samples.last().map_or(0, |sample| sample.bytes),
            score,
            memory_kib: self.memory_kib,
            all_cores,
        }
    }
}

/// Says on a terminal what is going on, over what was said before; without words, nothing stays there.
pub(crate) fn progress(task: &str, what: &str) {
    if std::io::stderr().is_terminal() {
        let text = if what.is_empty() { String::new() } else { format!("      {task}: {what}") };
        eprint!("\r{text:<60}\r");
    }
}

fn clear(folder: &Path) -> Result<(), String> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))
}
