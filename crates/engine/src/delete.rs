//! Deleting: the I/O thread's half.

use crate::{
    EngineStore,
    order::{DeleteAnswer, Order, delete_target_bytes},
};
use blockhouse_device::Device;
use blockhouse_store::DeleteTarget;
use blockhouse_types::{BucketId, Timestamp};

impl<D: Device> EngineStore<D> {
    /// All targets go into one commit; only where frames are so small that they cannot, as on
    /// devices of a few dozen megabytes with keys of a kilobyte, into several.
    pub(crate) async fn delete_targets(
        &self,
        bucket: BucketId,
        targets: Vec<DeleteTarget>,
        now: Timestamp,
    ) -> DeleteAnswer {
        self.check_bucket(bucket)?;
        let room = self.shared.config.frame_bytes_max / 2;
        let mut done = Vec::with_capacity(targets.len());
        let mut rest = targets;
        loop {
            let behind = rest.split_off(fitting(&rest, room));
            let targets = rest;
            let order = |answer| Order::Delete {
                bucket,
                targets,
                now,
                answer,
            };
            done.extend(self.shared.ask(order).await?);
            rest = behind;
            if rest.is_empty() {
                return Ok(done);
            }
        }
    }
}

/// Targets of one commit at most, as in S3; more go into several.
const TARGETS_MAX: usize = 1000;

/// How many of the targets fit into so much room; at least one, if there are any.
fn fitting(targets: &[DeleteTarget], room_bytes: usize) -> usize {
    let mut sum = 0;
    let fit = targets.iter().take(TARGETS_MAX).take_while(|target| {
        sum += delete_target_bytes(target);
        sum <= room_bytes
    });
    fit.count().max(1).min(targets.len())
}
