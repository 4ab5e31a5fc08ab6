//! The reverse of [`assemble`](crate::assemble), in the reverse order.
//!
//! ```text
//!   gateway drains (answers what is in flight, up to 25 s) ─► I/O threads end ─► audit is written
//!   ─► store closes ─► admin listener ends ─► exit
//! ```

use crate::{assemble::Node, node::Ending};
use anyhow::{Result, bail};
use blockhouse_daemon::notify::{ServiceManager, State};
use std::process::ExitCode;

/// Ends the node. It went well when somebody asked for it and every part ended in order.
pub(crate) fn shutdown(node: Node, ending: Ending, manager: &ServiceManager) -> Result<ExitCode> {
    tracing::info!(why = %ending, "draining");
    // Only a service manager would miss it, and it sees us end.
    let _ = manager.tell(State::Stopping);
    node.drain.begin();
    for thread in node.threads {
        let name = thread.thread().name().unwrap_or_default().to_owned();
        if thread.join().is_err() {
            bail!("the thread {name} panicked");
        }
    }
    drop(node.audit);
    node.pool.close()?;
    node.drain.cut();
    if node.admin.join().is_err() {
        bail!("the admin thread panicked");
    }
    match &ending {
        Ending::Signal(_) | Ending::LauncherGone => {
            tracing::info!("ended");
            Ok(ExitCode::SUCCESS)
        }
        Ending::Part { .. } => bail!("{ending}"),
    }
}
