//! Under which circumstances the protocol is tried, what may be wrong with it, and what has to hold.

/// The circumstances.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Whether the result becomes a version.
    pub(crate) save: bool,
    pub(crate) max_attempts: u8,
    /// How many ticks an attempt may compute.
    pub(crate) work: i8,
    pub(crate) faults: Faults,
    /// What is wrong with the protocol, to see that it is found.
    pub(crate) flaw: Option<Flaw>,
}

/// What may go wrong around the protocol.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fault that is there or not")]
pub(crate) struct Faults {
    /// Whoever is at something may vanish, or stand still for any time. What they had in hand comes back.
    pub(crate) crashes: bool,
    /// The queue may deliver a hint again.
    pub(crate) repeats: bool,
    /// When the queue may lose hints that it has confirmed.
    pub(crate) losses: Losses,
    /// A store may be away, also after it has done what was asked.
    pub(crate) outages: bool,
    /// The user may cancel.
    pub(crate) cancels: bool,
    /// A worker may write after what its job stored was removed: it stood still for longer than
    /// `STRAGGLER_GRACE`.
    pub(crate) late_writes: bool,
}

/// When confirmed hints may get lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Losses {
    Never,
    /// While somebody has a lease.
    WhileRunning,
    Always,
}

/// Ways to get the protocol wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Whoever ends an attempt is believed, whatever the token.
    NoFencing,
    /// A lease lasts for ever.
    NoExpiry,
    /// Attempts are counted and not limited.
    NoLimit,
    /// Hints are acknowledged when they are received.
    AckAtReceipt,
    /// Hints are acknowledged after the claim, before the outcome is stored.
    AckAtClaim,
    /// The same, and the sweeper overlooks leases that ran out.
    AckAtClaimUnswept,
    /// The sweeper overlooks jobs that wait.
    NoOutbox,
    /// The sweeper publishes nothing.
    NoSweep,
    /// A job is noted as published before it is.
    NotedFirst,
    /// An added version is a new one each time.
    VersionEachTime,
    /// The sweeper leaves outputs where they are.
    NoRemoval,
    /// The outcome is stored before the result.
    FinishFirst,
}

/// A token that lost the job did something.
pub(crate) const STALE: &str = "a token that lost the job changes nothing";
/// A job was tried too often.
pub(crate) const ATTEMPTS: &str = "attempts never exceed the maximum";
/// A job has more than one effect.
pub(crate) const ONE_EFFECT: &str = "a job adds at most one version";
/// The promise of a completed job is not kept.
pub(crate) const RESULT: &str = "the result of a completed job exists";
/// Something is left behind.
pub(crate) const NOTHING_LEFT: &str = "nothing is left of a job without a result";
/// Two work on the same.
pub(crate) const ONE_AT_A_TIME: &str = "undisturbed, one worker at a time is at a job";
