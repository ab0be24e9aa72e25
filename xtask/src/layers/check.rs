//! Applies the rules to the graph.

use super::{
    Violation,
    graph::{Graph, Member},
    rules::{Demand, HOME_RULE, HOMES, PLACE_RULE, RULES, Role, Rule, role},
};

/// Every way in which the members' dependencies break a rule.
pub(super) fn dependencies(graph: &Graph) -> Vec<Violation> {
    let mut violations = Vec::new();
    for member in &graph.members {
        match role(&member.folder) {
            None => violations.push(misplaced(member)),
            Some(role) => {
                let rules = RULES.iter().filter(|rule| rule.role == role);
                violations.extend(rules.flat_map(|rule| broken(graph, member, rule)));
            }
        }
        violations.extend(away_from_home(member));
    }
    violations
}

fn misplaced(member: &Member) -> Violation {
    let (rule, reason) = PLACE_RULE;
    Violation {
        rule,
        what: format!("{} lives in `{}`, where no member belongs", member.name, member.folder),
        reason,
    }
}

fn broken(graph: &Graph, member: &Member, rule: &Rule) -> Vec<Violation> {
    let other = |name: &str| graph.members.iter().find(|member| member.name == name);
    let offences: Vec<String> = match rule.demand {
        Demand::Members(allowed) => {
            let seen = member.direct.iter().filter_map(|name| other(name));
            let forbidden =
                |seen: &&Member| !role(&seen.folder).is_some_and(|role: Role| allowed.contains(&role));
            seen.filter(forbidden).map(|seen| format!("depends on {}", seen.name)).collect()
        }
        Demand::Crates(allowed) => {
            let outside = member.direct.iter().filter(|name| other(name).is_none());
            let forbidden = outside.filter(|name| !allowed.contains(&name.as_str()));
            forbidden.map(|name| format!("depends on {name}, which is not on its list")).collect()
        }
        Demand::Never(lists) => {
            let chains = graph.chains(member, |name| lists.iter().any(|list| list.contains(&name)));
            chains.into_iter().map(|chain| format!("is built with {}", chain[1..].join(" → "))).collect()
        }
    };
    let violation = |offence| Violation {
        rule: rule.name,
        what: format!("{} {offence}", member.name),
        reason: rule.reason,
    };
    offences.into_iter().map(violation).collect()
}

fn away_from_home(member: &Member) -> impl Iterator<Item = Violation> {
    let (rule, reason) = HOME_RULE;
    let away = |home: &&super::rules::Home| {
        member.direct.contains(home.name) && !home.members.contains(&member.name.as_str())
    };
    HOMES.iter().filter(away).map(move |home| Violation {
        rule,
        what: format!(
            "{} depends on {}, which belongs to {}",
            member.name,
            home.name,
            home.members.join(" and ")
        ),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A metadata document from lines like `core/engine pixmill-engine: image, dev tokio, build cc`. A folder of
    /// `-` makes a crate from a registry.
    fn metadata(lines: &[&str]) -> Value {
        let mut packages = Vec::new();
        let mut nodes = Vec::new();
        let mut members = Vec::new();
        for line in lines {
            let (head, tail) = line.split_once(':').expect("a line has a colon");
            let (folder, name) = head.split_once(' ').expect("a line names a folder and a package");
            let parse = |word: &str| match word.trim().split_once(' ') {
                Some((kind, name)) => (json!(kind), name.to_owned()),
                None => (Value::Null, word.trim().to_owned()),
            };
            let dependencies: Vec<_> =
                tail.split(',').filter(|word| !word.trim().is_empty()).map(parse).collect();
            let direct: Vec<_> =
                dependencies.iter().map(|(kind, name)| json!({ "name": name, "kind": kind })).collect();
            let edges: Vec<_> = dependencies
                .iter()
                .map(|(kind, name)| json!({ "pkg": name, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            packages.push(json!({
                "id": name, "name": name, "dependencies": direct,
                "manifest_path": format!("/house/{folder}/Cargo.toml"),
            }));
            nodes.push(json!({ "id": name, "deps": edges }));
            if folder != "-" {
                members.push(name);
            }
        }
        json!({
            "workspace_root": "/house", "workspace_members": members,
            "packages": packages, "resolve": { "nodes": nodes },
        })
    }

    /// The small house that keeps every rule; a test changes or adds one line.
    const HOUSE: &[&str] = &[
        "core pixmill: pixmill-engine, serde, dev pixmill-memory, dev tokio",
        "core/engine pixmill-engine: image, serde, build cc, dev tokio",
        "core/testkit pixmill-testkit: pixmill, tokio",
        "adapters/memory pixmill-memory: pixmill, governor, tokio, dev pixmill-testkit",
        "adapters/embedded pixmill-embedded: pixmill, rusqlite, dev pixmill-memory",
        "apps/api pixmill-api: pixmill, poem, dev pixmill-memory",
        "apps/wiring pixmill-wiring: pixmill, pixmill-api, pixmill-memory, pixmill-embedded, poem",
        "apps/server pixmill-server: pixmill-wiring, tokio",
        "tests pixmill-e2e: dev pixmill-testkit, dev reqwest",
        "xtask xtask: serde_json",
        "- image: png",
        "- png:",
        "- poem: hyper",
        "- hyper: tokio",
        "- tokio:",
        "- serde: dev tokio",
        "- cc:",
    ];

    /// The rules that break when the line for the same package is replaced, or added if there is none.
    fn broken_by(change: &str) -> Vec<(&'static str, String)> {
        let package =
            |line: &str| line.split_once(':').and_then(|(head, _)| Some(head.split_once(' ')?.1.to_owned()));
        let kept = HOUSE.iter().copied().filter(|line| package(line) != package(change));
        let lines: Vec<&str> = kept.chain([change]).collect();
        let graph = Graph::read(&metadata(&lines)).expect("the document has the right form");
        dependencies(&graph).into_iter().map(|violation| (violation.rule, violation.what)).collect()
    }

    #[test]
    fn the_model_house_breaks_no_rule() {
        assert_eq!(broken_by(HOUSE[0]), []);
    }

    #[test]
    fn each_rule_turns_red() {
        let cases = [
            (
                "core/engine pixmill-engine: pixmill-testkit",
                "engine-stands-alone",
                "depends on pixmill-testkit",
            ),
            ("core/engine pixmill-engine: tokio", "engine-is-synchronous", "is built with tokio"),
            ("- png: hyper", "engine-is-synchronous", "is built with image → png → hyper"),
            ("core/engine pixmill-engine: build poem", "engine-is-synchronous", "is built with poem → hyper"),
            ("core pixmill: pixmill-memory", "core-sees-the-engine", "depends on pixmill-memory"),
            ("core pixmill: regex", "core-stays-small", "depends on regex"),
            ("core pixmill: tokio", "core-stays-small", "depends on tokio"),
            ("- serde: tokio", "core-is-pure", "is built with serde → tokio"),
            ("- serde: redis", "core-is-pure", "is built with serde → redis"),
            (
                "core/testkit pixmill-testkit: pixmill-memory",
                "testkit-sees-the-core",
                "depends on pixmill-memory",
            ),
            (
                "adapters/redis pixmill-redis: pixmill-memory",
                "adapters-stand-apart",
                "depends on pixmill-memory",
            ),
            (
                "adapters/redis pixmill-redis: pixmill-engine",
                "adapters-stand-apart",
                "depends on pixmill-engine",
            ),
            ("adapters/redis pixmill-redis: build pixmill-wiring", "adapters-stand-apart", "pixmill-wiring"),
            ("apps/api pixmill-api: pixmill-embedded", "api-sees-the-core", "depends on pixmill-embedded"),
            ("apps/api pixmill-api: pixmill-wiring", "api-sees-the-core", "depends on pixmill-wiring"),
            ("apps/wiring pixmill-wiring: pixmill-server", "wiring-composes", "depends on pixmill-server"),
            ("apps/server pixmill-server: pixmill-memory", "mains-are-thin", "depends on pixmill-memory"),
            ("apps/worker pixmill-worker: pixmill-api", "mains-are-thin", "depends on pixmill-api"),
            ("tests pixmill-e2e: pixmill-wiring", "tests-stay-outside", "depends on pixmill-wiring"),
            ("xtask xtask: pixmill", "xtask-stands-alone", "depends on pixmill"),
            ("xtask xtask: clap", "xtask-stays-small", "depends on clap"),
            (
                "apps/wiring pixmill-wiring: rusqlite",
                "drivers-at-home",
                "rusqlite, which belongs to pixmill-embedded",
            ),
            ("plugins/new pixmill-new: pixmill", "drawn-places", "lives in `plugins/new`"),
            ("adapters/a/b pixmill-deep: pixmill", "drawn-places", "lives in `adapters/a/b`"),
        ];
        for (change, rule, what) in cases {
            let broken = broken_by(change);
            let found = broken.iter().any(|(name, text)| *name == rule && text.contains(what));
            assert!(found, "`{change}` should break {rule} ({what}) but gave {broken:?}");
        }
        let untried: Vec<_> = RULES
            .iter()
            .map(|rule| rule.name)
            .chain([HOME_RULE.0, PLACE_RULE.0])
            .filter(|name| !cases.iter().any(|(_, rule, _)| rule == name))
            .collect();
        assert!(untried.is_empty(), "no case shows that these can fail: {untried:?}");
    }

    #[test]
    fn each_driver_is_refused_everywhere_but_at_home() {
        for home in HOMES {
            let stranger = format!("adapters/stranger pixmill-stranger: pixmill, {}", home.name);
            let rules: Vec<_> = broken_by(&stranger).into_iter().map(|(rule, _)| rule).collect();
            assert_eq!(rules, [HOME_RULE.0], "{}", home.name);
            for member in home.members {
                let graph = Graph::read(&metadata(&[&format!("apps/x {member}: {}", home.name)]));
                let graph = graph.expect("the document has the right form");
                assert!(
                    dependencies(&graph).iter().all(|violation| violation.rule != HOME_RULE.0),
                    "{member}"
                );
            }
        }
    }

    #[test]
    fn development_dependencies_are_exempt() {
        for change in [
            "core/engine pixmill-engine: dev tokio, dev pixmill-memory, dev poem",
            "core pixmill: pixmill-engine, dev regex, dev pixmill-wiring",
            "adapters/redis pixmill-redis: pixmill, redis, dev pixmill-memory, dev image",
            "apps/api pixmill-api: pixmill, dev pixmill-embedded, dev reqwest",
            "xtask xtask: serde_json, dev tempfile",
        ] {
            assert_eq!(broken_by(change), [], "{change}");
        }
    }

    #[test]
    fn a_document_of_another_form_is_not_taken_for_a_clean_one() {
        let mut document = metadata(HOUSE);
        document["resolve"] = Value::Null;
        assert!(Graph::read(&document).is_none());
        assert!(Graph::read(&json!({})).is_none());
    }
}
