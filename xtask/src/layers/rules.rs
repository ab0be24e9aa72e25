//! The rules of the architecture about dependencies, as data. To change a rule, change it here and in
//! ARCHITECTURE.md.
//!
//! Development dependencies are exempt everywhere: a crate's tests may use what the crate may not.

/// A member's place in the house. It follows from the member's folder, so a new adapter is under the adapters'
/// rules from its first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Engine,
    Core,
    Testkit,
    Adapter,
    Api,
    Wiring,
    Main,
    Tests,
    Xtask,
}

/// The role of the member in `folder`, relative to the workspace's root; `None` where no member belongs.
pub(super) fn role(folder: &str) -> Option<Role> {
    let parts: Vec<&str> = folder.split('/').collect();
    match parts.as_slice() {
        ["core", "engine"] => Some(Role::Engine),
        ["core"] => Some(Role::Core),
        ["core", "testkit"] => Some(Role::Testkit),
        ["adapters", _] => Some(Role::Adapter),
        ["apps", "api"] => Some(Role::Api),
        ["apps", "wiring"] => Some(Role::Wiring),
        ["apps", _] => Some(Role::Main),
        ["tests"] => Some(Role::Tests),
        ["xtask"] => Some(Role::Xtask),
        _ => None,
    }
}

/// What members of one role may depend on.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) reason: &'static str,
    pub(super) role: Role,
    pub(super) demand: Demand,
}

/// What a rule demands.
pub(super) enum Demand {
    /// Of the workspace's members, depend only on those with these roles.
    Members(&'static [Role]),
    /// Of all other crates, depend directly only on these.
    Crates(&'static [&'static str]),
    /// Depend on none of these, however far away.
    Never(&'static [&'static [&'static str]]),
}

/// A crate that belongs to some members alone.
pub(super) struct Home {
    pub(super) name: &'static str,
    /// The packages that may depend on it directly.
    pub(super) members: &'static [&'static str],
}

/// The rule that [`HOMES`] stands for.
pub(super) const HOME_RULE: (&str, &str) = (
    "drivers-at-home",
    "a driver known in one place alone can be replaced, or left out, without touching the rest",
);

/// The rule that every member has a role.
pub(super) const PLACE_RULE: (&str, &str) =
    ("drawn-places", "the house is readable from its folder names, and rules go by folder");

const RUNTIMES: &[&str] =
    &["async-executor", "async-global-executor", "async-std", "glommio", "monoio", "smol", "tokio"];

const HTTP: &[&str] = &["actix-web", "axum", "h2", "hyper", "hyper-util", "poem", "reqwest", "ureq", "warp"];

const DRIVERS: &[&str] = &[
    "aws-sdk-s3",
    "deadpool-redis",
    "fred",
    "lapin",
    "libsqlite3-sys",
    "moka",
    "mongodb",
    "object_store",
    "redb",
    "redis",
    "rusqlite",
    "sled",
    "sqlx",
];

/// Who may depend on what.
pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "engine-stands-alone",
        reason: "the engine turns bytes into bytes and can be used without the rest",
        role: Role::Engine,
        demand: Demand::Members(&[]),
    },
    Rule {
        name: "engine-is-synchronous",
        reason: "who runs the pixels, on a thread or in a process, is not the engine's to decide",
        role: Role::Engine,
        demand: Demand::Never(&[RUNTIMES, HTTP]),
    },
    Rule {
        name: "core-sees-the-engine",
        reason: "dependencies point inwards: adapters and apps know the core, never the reverse",
        role: Role::Core,
        demand: Demand::Members(&[Role::Engine]),
    },
    Rule {
        name: "core-stays-small",
        reason: "embedders pay for what the core depends on; add a crate to this list only when it is small and pure",
        role: Role::Core,
        demand: Demand::Crates(&[
            "async-lock",
            "async-trait",
            "bytes",
            "futures",
            "getrandom",
            "hex",
            "hmac",
            "mockall",
            "serde",
            "serde_json",
            "sha2",
            "thiserror",
            "tracing",
        ]),
    },
    Rule {
        name: "core-is-pure",
        reason: "the core has no runtime and no drivers: time and the outside world come through ports",
        role: Role::Core,
        demand: Demand::Never(&[RUNTIMES, HTTP, DRIVERS]),
    },
    Rule {
        name: "testkit-sees-the-core",
        reason: "third parties run the trials on adapters that we have never seen",
        role: Role::Testkit,
        demand: Demand::Members(&[Role::Core]),
    },
    Rule {
        name: "adapters-stand-apart",
        reason: "each adapter can be taken or left alone: it knows the core and its own driver, not its neighbours",
        role: Role::Adapter,
        demand: Demand::Members(&[Role::Core]),
    },
    Rule {
        name: "api-sees-the-core",
        reason: "the API serves the core's use cases over whatever adapters it is given",
        role: Role::Api,
        demand: Demand::Members(&[Role::Core]),
    },
    Rule {
        name: "wiring-composes",
        reason: "the wiring is the only place that knows the adapters; the mains stand above it, and the testkit's faults \
                 are put before the adapters for the fault harness alone, which `features` checks",
        role: Role::Wiring,
        demand: Demand::Members(&[Role::Core, Role::Adapter, Role::Api, Role::Testkit]),
    },
    Rule {
        name: "mains-are-thin",
        reason: "a main starts what the wiring has composed and does nothing else",
        role: Role::Main,
        demand: Demand::Members(&[Role::Wiring]),
    },
    Rule {
        name: "tests-stay-outside",
        reason: "the whole-system tests see what a client sees",
        role: Role::Tests,
        demand: Demand::Members(&[Role::Testkit]),
    },
    Rule {
        name: "xtask-stands-alone",
        reason: "the project's commands must start before anything else builds",
        role: Role::Xtask,
        demand: Demand::Members(&[]),
    },
    Rule {
        name: "xtask-stays-small",
        reason: "a fresh clone gets its first answer in seconds",
        role: Role::Xtask,
        demand: Demand::Crates(&["serde_core", "serde_json"]),
    },
];

/// Each crate below may be a direct dependency of the named members alone.
pub(super) const HOMES: &[Home] = &[
    // Drivers of outside systems.
    Home { name: "rusqlite", members: &["pixmill-embedded"] },
    Home { name: "moka", members: &["pixmill-embedded", "pixmill-mongodb", "pixmill-api"] },
    Home { name: "fs4", members: &["pixmill-embedded"] },
    Home { name: "governor", members: &["pixmill-memory"] },
    Home { name: "lapin", members: &["pixmill-rabbitmq"] },
    Home { name: "redis", members: &["pixmill-redis"] },
    Home { name: "object_store", members: &["pixmill-object-store"] },
    Home { name: "mongodb", members: &["pixmill-mongodb"] },
    Home { name: "argon2", members: &["pixmill-runtime"] },
    Home { name: "rlimit", members: &["pixmill-runtime"] },
    // HTTP, its documents and its tokens.
    Home { name: "poem", members: &["pixmill-api", "pixmill-wiring"] },
    Home { name: "poem-openapi", members: &["pixmill-api"] },
    Home { name: "jsonwebtoken", members: &["pixmill-api"] },
    Home { name: "reqwest", members: &["pixmill-e2e", "pixmill-object-store"] },
    // Configuration and telemetry.
    Home { name: "dotenvy", members: &["pixmill-wiring"] },
    Home { name: "tracing-subscriber", members: &["pixmill-wiring"] },
    Home { name: "mimalloc", members: &["pixmill-server", "pixmill-worker"] },
    // Codecs and pixels.
    Home { name: "image", members: &["pixmill-engine"] },
    Home { name: "fast_image_resize", members: &["pixmill-engine"] },
    Home { name: "cosmic-text", members: &["pixmill-engine"] },
    Home { name: "quantizr", members: &["pixmill-engine"] },
    Home { name: "moxcms", members: &["pixmill-engine"] },
    Home { name: "kamadak-exif", members: &["pixmill-engine"] },
    Home { name: "turbojpeg-sys", members: &["pixmill-engine"] },
    Home { name: "libwebp-sys", members: &["pixmill-engine"] },
    Home { name: "libavif-sys", members: &["pixmill-engine"] },
];
