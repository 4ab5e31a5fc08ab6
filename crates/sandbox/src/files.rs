//! Files, ports and scopes (Landlock), of the calling thread and of those that it starts from then on.
//!
//! What is open stays as it is: only opening, making, renaming and removing are judged, and reaching out
//! by a socket. Sockets with a name in the file system can be connected to anywhere; no kernel up to 6.18
//! asks Landlock about them.

use crate::{Lacking, SandboxError};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use std::path::Path;

/// The newest version that is asked for.
const NEWEST: ABI = ABI::V6;

/// Files of a folder that stays open: made, read, written, renamed and removed, never executed, and
/// no devices or sockets among them.
fn kept() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

/// Shuts the file system but for what lies below `folders`, TCP ports for listening and connecting, and
/// what of other processes a socket without a name in the file system or a signal would reach. Tells
/// what the kernel does not know yet.
pub fn shut<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Result<Vec<Lacking>, SandboxError> {
    // What a kernel does not know yet is left out: each version knows more.
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for folder in folders {
        rules = rules.add_rule(PathBeneath::new(PathFd::new(folder)?, kept()))?;
    }
    let status = rules.restrict_self()?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. }
            if status.ruleset != RulesetStatus::NotEnforced =>
        {
            let later = [(ABI::V4, Lacking::Ports), (ABI::V6, Lacking::Scopes)];
            let lacking = later
                .into_iter()
                .filter(|(since, _)| effective_abi < *since);
            lacking.map(|(_, lacking)| lacking).collect()
        }
        _ => vec![Lacking::Landlock],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs, io,
        net::{TcpListener, TcpStream},
        thread,
    };

    /// Restricts a thread of its own, and looks from one that it starts.
    fn shut_in(folder: &Path, look: impl FnOnce() + Send + 'static) -> Vec<Lacking> {
        let folder = folder.to_owned();
        let shut = thread::spawn(move || {
            let lacking = shut([folder.as_path()]).unwrap();
            thread::spawn(look).join().unwrap();
            lacking
        });
        shut.join().unwrap()
    }

    #[test]
    fn what_is_not_below_a_folder_is_shut_to_later_threads() {
        let (kept, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(other.path().join("secret"), "s").unwrap();
        let (inside, outside) = (kept.path().to_owned(), other.path().to_owned());
        let lacking = shut_in(kept.path(), move || {
            fs::create_dir(inside.join("a")).unwrap();
            fs::write(inside.join("a/new"), "n").unwrap();
            fs::rename(inside.join("a/new"), inside.join("named")).unwrap();
            assert_eq!(fs::read(inside.join("named")).unwrap(), b"n");
            fs::remove_dir_all(inside.join("a")).unwrap();
            let denied = |result: io::Result<()>| {
                assert_eq!(result.unwrap_err().kind(), io::ErrorKind::PermissionDenied);
            };
            denied(fs::read(outside.join("secret")).map(drop));
            denied(fs::write(outside.join("new"), "n"));
            denied(fs::read("/etc/hostname").map(drop));
        });
        assert!(!lacking.contains(&Lacking::Landlock), "{lacking:?}");
    }

    #[test]
    fn ports_are_shut_where_the_kernel_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let lacking = shut_in(folder.path(), move || {
            tell.send((
                TcpStream::connect(address),
                TcpListener::bind("127.0.0.1:0"),
            ))
            .unwrap();
        });
        let (connected, bound) = told.recv().unwrap();
        let shut = !lacking.contains(&Lacking::Landlock) && !lacking.contains(&Lacking::Ports);
        assert_eq!((connected.is_err(), bound.is_err()), (shut, shut));
        // Nobody else is touched.
        TcpStream::connect(address).unwrap();
    }
}
