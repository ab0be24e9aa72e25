//! Walks through every state that a model can reach, breadth first, so that what it finds broken is told by a
//! shortest way there. It knows nothing of jobs.
//!
//! The usual crate for this, `stateright`, can't tell a cycle from two ways that meet, and so overlooks that a path
//! never ends; which is half of what is asked here. It also brings a web server.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::Hash;

/// A system that takes one step at a time.
pub(crate) trait Model {
    /// Everything that decides what may come next, equal if and only if that is the same.
    type State: Copy + Eq + Hash + Debug;

    /// Where it begins.
    fn start(&self) -> Self::State;

    /// All steps that are possible in a state.
    fn steps(&self, state: &Self::State) -> Vec<Step<Self::State>>;

    /// Whether nothing is left to be done.
    fn is_at_rest(&self, state: &Self::State) -> bool;

    /// What is wrong with a state, if anything.
    fn fault_of(&self, state: &Self::State) -> Option<&'static str>;
}

/// One thing that may happen.
pub(crate) struct Step<State> {
    /// What happens, in words.
    pub(crate) name: &'static str,
    /// Whether it happens by itself, soon, if nothing disturbs: such steps must lead to rest.
    pub(crate) undisturbed: bool,
    /// What is afterwards, or the rule that the step breaks.
    pub(crate) to: Result<State, &'static str>,
}

/// What was walked through without finding anything wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Explored {
    pub(crate) states: usize,
    pub(crate) at_rest: usize,
}

/// A rule that does not hold, and how to get there.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) rule: &'static str,
    pub(crate) way: String,
}

/// The rule that every path comes to rest once nothing disturbs it any more.
pub(crate) const COMES_TO_REST: &str = "every undisturbed path comes to rest";

/// Walks through all of it. Beside the model's own rules, [`COMES_TO_REST`] is checked from every state.
pub(crate) fn explore<M: Model>(model: &M) -> Result<Explored, Broken> {
    let mut walk = Walk::from(model.start());
    let mut undisturbed: Vec<Vec<usize>> = Vec::new();
    let mut place = 0;
    while let Some(&state) = walk.states.get(place) {
        if let Some(rule) = model.fault_of(&state) {
            return Err(walk.broken(rule, place, None));
        }
        let mut next = Vec::new();
        for Step { name, undisturbed, to } in model.steps(&state) {
            match to {
                Ok(to) => {
                    let to = walk.visit(to, place, name);
                    if undisturbed {
                        next.push(to);
                    }
                }
                Err(rule) => return Err(walk.broken(rule, place, Some(name))),
            }
        }
        next.sort_unstable();
        next.dedup();
        undisturbed.push(next);
        place += 1;
    }
    let at_rest: Vec<bool> = walk.states.iter().map(|state| model.is_at_rest(state)).collect();
    match first_restless(&undisturbed, &at_rest) {
        Some(place) => Err(walk.broken(COMES_TO_REST, place, None)),
        None => Ok(Explored {
            states: walk.states.len(),
            at_rest: at_rest.into_iter().filter(|rest| *rest).count(),
        }),
    }
}

/// The first state from which some path over `steps` never comes to rest: it goes round, or ends elsewhere.
fn first_restless(steps: &[Vec<usize>], at_rest: &[bool]) -> Option<usize> {
    let mut before = vec![Vec::new(); steps.len()];
    for (from, next) in steps.iter().enumerate() {
        for to in next {
            before[*to].push(from);
        }
    }
    // Backwards from rest: a state is good when the last of its steps is known to lead to good ones.
    let mut open: Vec<usize> = steps.iter().map(Vec::len).collect();
    let mut good = at_rest.to_vec();
    let mut found: Vec<usize> = (0..steps.len()).filter(|place| at_rest[*place]).collect();
    while let Some(place) = found.pop() {
        for &from in &before[place] {
            open[from] -= 1;
            if open[from] == 0 && !good[from] {
                good[from] = true;
                found.push(from);
            }
        }
    }
    good.iter().position(|good| !good)
}

/// The states found so far, each with the step that first led to it.
struct Walk<State> {
    states: Vec<State>,
    places: HashMap<State, usize>,
    came_by: Vec<Option<(usize, &'static str)>>,
}

impl<State: Copy + Eq + Hash + Debug> Walk<State> {
    fn from(start: State) -> Self {
        Self { states: vec![start], places: HashMap::from([(start, 0)]), came_by: vec![None] }
    }

    fn visit(&mut self, state: State, from: usize, step: &'static str) -> usize {
        let Self { states, places, came_by } = self;
        *places.entry(state).or_insert_with(|| {
            states.push(state);
            came_by.push(Some((from, step)));
            states.len() - 1
        })
    }

    fn broken(&self, rule: &'static str, mut place: usize, last: Option<&'static str>) -> Broken {
        let mut steps = Vec::new();
        let end = self.states[place];
        while let Some((from, step)) = &self.came_by[place] {
            steps.push(*step);
            place = *from;
        }
        steps.reverse();
        steps.extend(last);
        let mut way = steps.join("\n");
        let _ = write!(way, "\nat {end:?}");
        Broken { rule, way }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_is_missed_by_circles_and_by_dead_ends_and_by_what_leads_there() {
        // 0 leads to rest at 3 by two ways, which is no circle.
        assert_eq!(
            first_restless(&[vec![1, 2], vec![3], vec![3], vec![]], &[false, false, false, true]),
            None
        );
        // 1 and 2 go round, though they could leave.
        assert_eq!(
            first_restless(&[vec![3], vec![2], vec![1, 3], vec![]], &[false, false, false, true]),
            Some(1)
        );
        // 2 ends without rest.
        assert_eq!(
            first_restless(&[vec![3], vec![2], vec![], vec![]], &[false, false, false, true]),
            Some(1)
        );
    }
}
