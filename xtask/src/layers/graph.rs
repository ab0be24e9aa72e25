//! Who depends on whom, read from `cargo metadata`. Development dependencies are left out from the start.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

/// The workspace's members and all crates below them.
pub(super) struct Graph {
    pub(super) members: Vec<Member>,
    /// The name of each package, by its id.
    names: BTreeMap<String, String>,
    /// What each package is built with, by id.
    edges: BTreeMap<String, Vec<String>>,
}

/// One member of the workspace.
pub(super) struct Member {
    pub(super) name: String,
    /// Its folder, from the workspace's root, with `/` between the parts.
    pub(super) folder: String,
    /// The packages it names as normal or build dependencies, optional ones and other platforms' included.
    pub(super) direct: BTreeSet<String>,
    id: String,
}

impl Graph {
    /// Reads a document of `cargo metadata --format-version 1`; `None` if it is not one.
    pub(super) fn read(metadata: &Value) -> Option<Self> {
        let root = metadata["workspace_root"].as_str()?;
        let ids = metadata["workspace_members"].as_array()?;
        let mut names = BTreeMap::new();
        let mut members = Vec::new();
        for package in metadata["packages"].as_array()? {
            let (id, name) = (package["id"].as_str()?, package["name"].as_str()?);
            names.insert(id.to_owned(), name.to_owned());
            if ids.contains(&package["id"]) {
                members.push(Member {
                    name: name.to_owned(),
                    folder: folder(root, package["manifest_path"].as_str()?)?,
                    direct: direct(package["dependencies"].as_array()?),
                    id: id.to_owned(),
                });
            }
        }
        let nodes = metadata["resolve"]["nodes"].as_array()?;
        let edges = nodes.iter().map(|node| Some((node["id"].as_str()?.to_owned(), built_with(node)?)));
        Some(Self { members, names, edges: edges.collect::<Option<_>>()? })
    }

    /// The shortest chain of names from `member` to each crate that `wanted` picks.
    pub(super) fn chains<'a>(
        &'a self,
        member: &'a Member,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Vec<&'a str>> {
        let mut reached_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([member.id.as_str()]);
        let mut found = Vec::new();
        while let Some(id) = queue.pop_front() {
            for next in self.edges.get(id).into_iter().flatten() {
                if next != &member.id && !reached_from.contains_key(next.as_str()) {
                    reached_from.insert(next, id);
                    queue.push_back(next);
                    if wanted(self.name(next)) {
                        found.push(self.chain(&reached_from, next));
                    }
                }
            }
        }
        found
    }

    fn chain<'a>(&'a self, reached_from: &BTreeMap<&'a str, &'a str>, end: &'a str) -> Vec<&'a str> {
        let mut chain = vec![self.name(end)];
        let mut id = end;
        while let Some(previous) = reached_from.get(id) {
            chain.push(self.name(previous));
            id = previous;
        }
        chain.reverse();
        chain
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }
}

fn folder(root: &str, manifest: &str) -> Option<String> {
    let inside = manifest.strip_prefix(root)?.strip_suffix("Cargo.toml")?;
    Some(inside.replace('\\', "/").trim_matches('/').to_owned())
}

fn direct(dependencies: &[Value]) -> BTreeSet<String> {
    let counted = dependencies.iter().filter(|dependency| dependency["kind"] != "dev");
    counted.filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned())).collect()
}

/// The ids of what a node is built with: an edge counts unless it is there for tests alone.
fn built_with(node: &Value) -> Option<Vec<String>> {
    let mut ids = Vec::new();
    for edge in node["deps"].as_array()? {
        if edge["dep_kinds"].as_array()?.iter().any(|kind| kind["kind"] != "dev") {
            ids.push(edge["pkg"].as_str()?.to_owned());
        }
    }
    Some(ids)
}
