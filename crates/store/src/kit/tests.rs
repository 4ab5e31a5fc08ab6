use super::{Generator, Names, Outcome, Profile, apply, conform};
use crate::Model;
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

/// The model never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the model waited"),
    }
}

#[test]
fn the_model_conforms_to_itself() {
    for seed in 0..4 {
        ready(conform(&Model::new(), Profile::default(), seed, 3000, 500)).unwrap();
    }
}

#[test]
fn a_run_reaches_every_kind_of_outcome() {
    let (model, mut names) = (Model::new(), Names::default());
    let mut generator = Generator::new(7, Profile::default());
    let (mut done, mut refused) = (0, std::collections::BTreeSet::new());
    for _ in 0..20_000 {
        let op = generator.next_op(&names);
        match ready(apply(&model, &mut names, &op)) {
            Outcome::Done(_) => done += 1,
            Outcome::Refused(why) => {
                let word = why
                    .split([' ', '(', '{'])
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                refused.insert(word);
            }
        }
    }
    assert!(done > 10_000, "{done}");
    for word in [
        "PreconditionFailed",
        "NoSuchKey",
        "NoSuchVersion",
        "marker",
        "NoSuchUpload",
        "InvalidPart",
        "Body",
        "NotEmpty",
        "Exists",
    ] {
        assert!(
            refused.contains(word),
            "{word} was never seen in {refused:?}"
        );
    }
}

#[test]
fn a_fork_lives_alone() {
    let model = Model::new();
    let mut names = Names::default();
    let mut generator = Generator::new(3, Profile::default());
    for _ in 0..200 {
        let op = generator.next_op(&names);
        ready(apply(&model, &mut names, &op));
    }
    let fork = model.fork();
    let before = ready(super::view(&fork)).unwrap();
    for _ in 0..200 {
        let op = generator.next_op(&names);
        ready(apply(&model, &mut names, &op));
    }
    assert_eq!(before, ready(super::view(&fork)).unwrap());
}

#[test]
fn recovered_names_go_on_as_the_old_ones() {
    let (model, mut names) = (Model::new(), Names::default());
    let mut generator = Generator::new(11, Profile::default());
    for _ in 0..2000 {
        let op = generator.next_op(&names);
        ready(apply(&model, &mut names, &op));
    }
    let other = model.fork();
    let mut names = ready(Names::recover(&model)).unwrap();
    let mut of_other = ready(Names::recover(&other)).unwrap();
    assert!(!names.is_empty());
    for _ in 0..2000 {
        let op = generator.next_op(&names);
        let (a, b) = (
            apply(&model, &mut names, &op),
            apply(&other, &mut of_other, &op),
        );
        assert_eq!(ready(a), ready(b), "{op:?}");
    }
}
