//! A store in one thread from one seed: clock, executor, faulty disks, crash and conformance checkers.
