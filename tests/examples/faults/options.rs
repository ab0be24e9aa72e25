//! What the command line asks for.

use std::path::PathBuf;
use std::thread;

use pixmill_e2e::faults::{Form, SCENARIOS, Scenario};

pub(crate) struct Options {
    pub(crate) runs: u64,
    pub(crate) seed: u64,
    pub(crate) at_once: usize,
    pub(crate) scale: usize,
    pub(crate) logs: PathBuf,
    only: Vec<&'static Scenario>,
    form: Option<Form>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            runs: 1,
            seed: 1,
            at_once: thread::available_parallelism().map_or(1, usize::from),
            scale: 1,
            logs: std::env::temp_dir(),
            only: Vec::new(),
            form: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--embedded" => options.form = Some(Form::Embedded),
                "--distributed" => options.form = Some(Form::Distributed),
                "--runs" => options.runs = number(&value()?)?,
                "--seed" => options.seed = number(&value()?)?,
                "--at-once" => options.at_once = number(&value()?)?.max(1) as usize,
                "--scale" => options.scale = number(&value()?)?.max(1) as usize,
                "--logs" => options.logs = value()?.into(),
                "--only" => {
                    for name in value()?.split(',') {
                        let scenario = Scenario::named(name).ok_or_else(|| {
                            let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
                            format!("there is no fault {name}; there are {}", names.join(", "))
                        })?;
                        options.only.push(scenario);
                    }
                }
                _ => return Err(format!("there is no option {word}; see the beginning of faults/main.rs")),
            }
        }
        Ok(options)
    }

    pub(crate) fn scenarios(&self) -> impl Iterator<Item = &'static Scenario> {
        let chosen = |scenario: &&Scenario| self.only.iter().any(|only| only.name == scenario.name);
        SCENARIOS.iter().filter(move |scenario| self.only.is_empty() || chosen(scenario))
    }

    pub(crate) fn forms(&self, scenario: &Scenario) -> Vec<Form> {
        let asked = |form: &Form| self.form.is_none_or(|asked| asked == *form);
        scenario.forms.iter().copied().filter(asked).collect()
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text} is no number"))
}
