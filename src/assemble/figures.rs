//! Figures of the node's parts under their names in `/metrics`.

use blockhouse_digest::Figures;
use blockhouse_gateway::events::{Sample, SampleKind};
use blockhouse_sandbox::Lacking;
use blockhouse_verifier_wire::{
    Refusal,
    client::{Counted, Counts},
};
use std::sync::Arc;

/// What all threads have asked the verifier, added up.
pub(super) fn of_verifier(threads: &[Arc<Counts>]) -> Vec<Sample> {
    let counted = threads.iter().map(|counts| counts.read());
    let all = counted.fold(Counted::default(), |sum, one| sum.plus(&one));
    let mut samples = vec![
        counter(
            "verifier_questions",
            "Questions to the verifier: heads, signed chunks, orders of links",
            all.questions,
        ),
        counter(
            "verifier_frames",
            "Frames that carried them; those that wait together share one",
            all.frames,
        ),
        counter(
            "verifier_accepted",
            "Heads whose signature held",
            all.accepted,
        ),
    ];
    let refused = Refusal::ALL.into_iter().zip(all.refused);
    samples.extend(refused.map(|(refusal, value)| Sample {
        name: "verifier_refused",
        help: "Heads and orders that were refused, by what was wrong with them",
        kind: SampleKind::Counter,
        labels: vec![("class", refusal.as_str().to_owned())],
        value,
    }));
    samples.extend([
        counter(
            "verifier_unreachable",
            "Questions that nobody judged; their requests got 503",
            all.unreachable,
        ),
        gauge(
            "verifier_waiting_questions",
            "Questions without an answer yet",
            all.waiting,
        ),
        counter(
            "verifier_sockets_broken",
            "Sockets to the verifier that broke: one for each thread that had one, when it dies",
            all.sockets_broken,
        ),
        counter(
            "verifier_looking_nanoseconds",
            "Time in which I/O threads looked for the verifier's answers instead of sleeping",
            all.looked_nanos,
        ),
    ]);
    samples
}

/// What the digest workers are at and have done.
pub(super) fn of_digest(figures: &Figures) -> Vec<Sample> {
    vec![
        gauge(
            "digest_bodies_open",
            "Bodies that digest workers hash",
            figures.bodies,
        ),
        gauge(
            "digest_queue_bytes",
            "Bytes of them that came and are not hashed",
            figures.queued_bytes,
        ),
        counter(
            "digest_hashed_bytes",
            "Bytes that digest workers hashed",
            figures.hashed_bytes,
        ),
        counter(
            "digest_steps",
            "Steps of digest workers, in which bodies go on side by side",
            figures.steps,
        ),
        counter(
            "digest_lanes_used",
            "Bodies that went on, over all steps: by the steps, how many go side by side",
            figures.lanes,
        ),
        counter(
            "digest_failures",
            "Failures of a digest worker; the bodies that it had were refused",
            figures.failures,
        ),
    ]
}

/// What the machine lacks for shutting the node in.
pub(super) fn of_sandbox(lacking: &[Lacking]) -> impl Iterator<Item = Sample> {
    let asked = [
        Lacking::BoundingSet,
        Lacking::Landlock,
        Lacking::Ports,
        Lacking::Scopes,
    ];
    asked.into_iter().map(move |part| Sample {
        name: "sandbox_lacking",
        help: "1 for a part of the node's sandbox that the machine does not give",
        kind: SampleKind::Gauge,
        labels: vec![("part", part.as_str().to_owned())],
        value: lacking.contains(&part).into(),
    })
}

/// A figure that only grows.
pub(super) fn counter(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample {
        name,
        help,
        kind: SampleKind::Counter,
        labels: Vec::new(),
        value,
    }
}

/// A figure that goes up and down.
pub(super) fn gauge(name: &'static str, help: &'static str, value: u64) -> Sample {
    Sample {
        name,
        help,
        kind: SampleKind::Gauge,
        labels: Vec::new(),
        value,
    }
}
