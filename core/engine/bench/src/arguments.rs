//! The command line.

use std::path::PathBuf;

use crate::task::{TASKS, Task};

const USAGE: &str = "give --measure PROGRAM --sharp FOLDER --scratch FOLDER \
    [--images FOLDER] [--json FILE] [--rounds N] [--only T1,T3]";

/// What the program was called with.
pub(crate) struct Arguments {
    pub(crate) measure: PathBuf,
    pub(crate) sharp: PathBuf,
    pub(crate) scratch: PathBuf,
    pub(crate) images: Option<PathBuf>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) rounds: usize,
    pub(crate) tasks: Vec<&'static Task>,
}

impl Arguments {
    /// Understands the words behind the program's name.
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let (mut measure, mut sharp, mut scratch, mut images, mut json) = (None, None, None, None, None);
        let (mut rounds, mut tasks) = (7, TASKS.iter().collect());
        while let Some(option) = words.next() {
            let value = words.next().ok_or_else(|| format!("{option} needs a value; {USAGE}"))?;
            match option.as_str() {
                "--measure" => measure = Some(value.into()),
                "--sharp" => sharp = Some(value.into()),
                "--scratch" => scratch = Some(value.into()),
                "--images" => images = Some(value.into()),
                "--json" => json = Some(value.into()),
                "--rounds" => {
                    let found = value.parse().ok().filter(|rounds| (1..=1000).contains(rounds));
                    rounds = found.ok_or_else(|| format!("--rounds must be 1 to 1000, not {value}"))?;
                }
                "--only" => tasks = value.split(',').map(named).collect::<Result<_, _>>()?,
                _ => return Err(format!("there is no option {option}; {USAGE}")),
            }
        }
        let given = |folder: Option<PathBuf>| folder.ok_or_else(|| USAGE.to_owned());
        Ok(Self {
            measure: given(measure)?,
            sharp: given(sharp)?,
            scratch: given(scratch)?,
            images,
            json,
            rounds,
            tasks,
        })
    }
}

fn named(name: &str) -> Result<&'static Task, String> {
    TASKS.iter().find(|task| task.name.eq_ignore_ascii_case(name.trim())).ok_or_else(|| {
        let names: Vec<_> = TASKS.iter().map(|task| task.name).collect();
        format!("there is no task {name}; the tasks are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        let line = format!("--measure m --sharp s --scratch t {line}");
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_understood_or_named() {
        let found = parse("--only t1,T9 --rounds 3").unwrap();
        assert_eq!(found.tasks.iter().map(|task| task.name).collect::<Vec<_>>(), ["T1", "T9"]);
        assert_eq!((found.rounds, found.json), (3, None));
        assert_eq!(parse("").unwrap().tasks.len(), TASKS.len());
        for (line, word) in [
            ("--only T99", "T99"),
            ("--rounds 0", "1 to 1000"),
            ("--fast yes", "--fast"),
            ("--json", "value"),
        ] {
            assert!(parse(line).err().unwrap().contains(word), "{line}");
        }
        assert!(Arguments::parse(std::iter::empty()).is_err());
    }
}
