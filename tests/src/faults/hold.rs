//! Runs as tests: whatever is wrong is a panic that says how to see it again.

use tokio::task::JoinSet;

use super::run::run;
use super::scenarios::Scenario;
use super::schedule::Form;

/// Runs these scenarios with these seeds, for tests. All at once: most of the time is spent waiting.
///
/// # Panics
/// If a promise is broken, if nothing went wrong, or if there is no such scenario.
pub async fn hold(form: Form, scenarios: &[(&str, u64)]) {
    let mut runs = JoinSet::new();
    for (name, seed) in scenarios {
        let scenario = Scenario::named(name).expect("there is such a scenario");
        let seed = *seed;
        runs.spawn(async move { (scenario.name, run(scenario, form, seed, 1).await) });
    }
    while let Some(ended) = runs.join_next().await {
        let (name, outcome) = ended.expect("the harness works");
        if outcome.skipped.is_some() {
            continue;
        }
        let (form, seed, log) = (form.name(), outcome.seed, &outcome.log);
        assert!(
            outcome.violations.is_empty(),
            "cargo xtask faults --only {name} --{form} --seed {seed}: {:#?}\n{log}",
            outcome.violations
        );
        assert!(outcome.jobs > 0 || name == "F1", "{name} had no jobs");
        let (struck, ordered) = outcome.struck;
        assert!(struck > 0 || ordered == 0, "no fault of {name} struck");
    }
}
