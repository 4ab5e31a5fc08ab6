//! What the oracle accepts as an explanation, and what it refuses.

use super::*;
use blockhouse_store::{
    ObjectStore,
    kit::{ConditionRef, Content, VersionRef},
};
use blockhouse_types::{AccountId, BucketName, ObjectKey, Timestamp};

const NOW: Timestamp = Timestamp::from_secs(1);

fn bucket() -> BucketName {
    BucketName::parse("bucket-0").unwrap()
}

fn create() -> Op {
    Op::CreateBucket {
        name: bucket(),
        owner: AccountId::from_number(1).unwrap(),
        now: NOW,
    }
}

fn put(seed: u64, condition: ConditionRef) -> Op {
    let (key, content) = (
        ObjectKey::parse("k").unwrap(),
        Content {
            seed,
            len_bytes: 10,
        },
    );
    Op::Put {
        name: bucket(),
        key,
        content,
        tagged: false,
        condition,
        link: None,
        body_fails: false,
        now: NOW,
    }
}

fn get() -> Op {
    let (key, version) = (ObjectKey::parse("k").unwrap(), VersionRef::Current);
    Op::Get {
        name: bucket(),
        key,
        version,
        from: 0,
        len_bytes: 100,
    }
}

/// A store that did `done`, an oracle that knows of the bucket only.
fn after(done: &[Op]) -> (Model, Oracle, Vec<Outcome>) {
    let (model, mut oracle) = (Model::new(), Oracle::new());
    let mut names = Names::default();
    let made = now(apply(&model, &mut names, &create())).unwrap();
    let attempt = Attempt::concurrent(create(), Some(made));
    oracle
        .explain(&[attempt], &now(view(&model)).unwrap().unwrap(), NOW)
        .unwrap();
    let outcomes = done
        .iter()
        .map(|op| now(apply(&model, &mut names.clone(), op)).unwrap())
        .collect();
    (model, oracle, outcomes)
}

fn explain(
    store: &Model,
    oracle: &mut Oracle,
    round: &[(Op, Option<Outcome>)],
) -> Result<(), Contradiction> {
    let attempt =
        |(op, outcome): &(Op, Option<Outcome>)| Attempt::concurrent(op.clone(), outcome.clone());
    let round: Vec<_> = round.iter().map(attempt).collect();
    oracle.explain(
        &round,
        &now(view(store)).unwrap().unwrap(),
        store.time_floor(),
    )
}

#[test]
fn acknowledged_must_be_there_and_interrupted_may() {
    let (store, oracle, outcomes) = after(&[put(1, ConditionRef::None)]);
    let acked = Some(outcomes[0].clone());
    explain(
        &store,
        &mut oracle.fork(),
        &[(put(1, ConditionRef::None), acked.clone())],
    )
    .unwrap();
    explain(
        &store,
        &mut oracle.fork(),
        &[(put(1, ConditionRef::None), None)],
    )
    .unwrap();
    let (lost, _, _) = after(&[]);
    explain(
        &lost,
        &mut oracle.fork(),
        &[(put(1, ConditionRef::None), None)],
    )
    .unwrap();
    let found = explain(
        &lost,
        &mut oracle.fork(),
        &[(put(1, ConditionRef::None), acked)],
    );
    assert!(matches!(found, Err(Contradiction::View { .. })));
    let found = explain(&store, &mut oracle.fork(), &[]);
    assert!(
        matches!(found, Err(Contradiction::View { .. })),
        "nobody put that"
    );
}

#[test]
fn any_order_of_a_round_explains_and_two_winners_do_not() {
    let absent = ConditionRef::Absent;
    let (store, oracle, outcomes) = after(&[put(2, absent), put(1, absent), get()]);
    let answer = |n: usize| Some(outcomes[n].clone());
    assert!(outcomes[0].is_done() && !outcomes[1].is_done());
    let round = [
        (get(), answer(2)),
        (put(1, absent), answer(1)),
        (put(2, absent), answer(0)),
    ];
    explain(&store, &mut oracle.fork(), &round).unwrap();
    let two_winners = [(put(1, absent), answer(0)), (put(2, absent), answer(0))];
    let found = explain(&store, &mut oracle.fork(), &two_winners);
    assert!(matches!(found, Err(Contradiction::Answers { .. })));
}

#[test]
fn refusals_for_space_leave_nothing_and_device_failures_may() {
    let (store, oracle, _) = after(&[put(1, ConditionRef::None)]);
    let refused = |why: &str| Some(Outcome::Refused(why.into()));
    let no_space = [(put(1, ConditionRef::None), refused("Store(NoSpace)"))];
    explain(&store, &mut oracle.fork(), &no_space).unwrap_err();
    let device = [(
        put(1, ConditionRef::None),
        refused("Store(Device { what: \"0\" })"),
    )];
    explain(&store, &mut oracle.fork(), &device).unwrap();
}

#[test]
fn the_floor_may_not_fall() {
    let (store, mut oracle, outcomes) = after(&[put(1, ConditionRef::None)]);
    let attempt = Attempt::concurrent(put(1, ConditionRef::None), Some(outcomes[0].clone()));
    let seen = now(view(&store)).unwrap().unwrap();
    let found = oracle.explain(&[attempt], &seen, Timestamp::from_millis(1));
    assert!(matches!(found, Err(Contradiction::Floor { .. })));
}

#[test]
fn what_was_answered_before_another_began_comes_first() {
    let (store, oracle, outcomes) =
        after(&[put(1, ConditionRef::None), put(2, ConditionRef::None)]);
    let seen = now(view(&store)).unwrap().unwrap();
    let attempt = |seed, n: usize, begun, ended| {
        let (op, outcome) = (put(seed, ConditionRef::None), Some(outcomes[n].clone()));
        Attempt {
            op,
            outcome,
            begun,
            ended,
        }
    };
    let floor = store.time_floor();
    let right = [attempt(2, 1, 3, 4), attempt(1, 0, 1, 2)];
    oracle.fork().explain(&right, &seen, floor).unwrap();
    let wrong = [attempt(2, 1, 1, 2), attempt(1, 0, 3, 4)];
    oracle.fork().explain(&wrong, &seen, floor).unwrap_err();
    let beside = [attempt(2, 1, 1, 4), attempt(1, 0, 3, 4)];
    oracle.fork().explain(&beside, &seen, floor).unwrap();
}
