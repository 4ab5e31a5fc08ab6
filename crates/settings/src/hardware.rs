//! Hardware profiles: what differs from one machine to the next, as typed documents in
//! `hw-profiles/*.toml`, and never as a condition in the code.

use crate::document::{read_toml, refuse};
use crate::{NetworkProfile, SettingsError};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Cores that a profile may name, at most.
const CORES_MAX: usize = 64;

/// A hardware profile. One that exists makes sense; whether it fits a machine is seen when it is
/// placed on its cores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HardwareProfile {
    /// Its name, as errors call it.
    pub name: String,
    /// What its network is like.
    pub network: NetworkProfile,
    cores: Cores,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Cores {
    verifier: Vec<i32>,
    dedicated: bool,
}

/// Which cores serve what, on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The verifier's workers, one on each, and the digest workers. At least one.
    pub verifier: Vec<usize>,
    /// Whether nothing else runs there.
    pub dedicated: bool,
    /// Everything else. At least one.
    pub io: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    name: String,
    cores: CoresDocument,
    #[serde(default)]
    network: NetworkProfile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CoresDocument {
    verifier: Vec<i32>,
    dedicated: bool,
}

impl Default for HardwareProfile {
    /// Of a machine that nobody described: the last core serves the verifier alone.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            network: NetworkProfile::default(),
            cores: Cores {
                verifier: vec![-1],
                dedicated: true,
            },
        }
    }
}

impl HardwareProfile {
    /// Reads and judges a document.
    pub fn parse(toml: &str) -> Result<Self, SettingsError> {
        let Document {
            name,
            cores,
            network,
        } = read_toml(toml)?;
        let legal = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(legal) {
            return refuse("name", "1 to 64 letters, digits, -, _ and .");
        }
        let CoresDocument {
            verifier,
            dedicated,
        } = cores;
        let distinct: BTreeSet<_> = verifier.iter().collect();
        if verifier.is_empty() || verifier.len() > CORES_MAX || distinct.len() < verifier.len() {
            return refuse(
                "cores.verifier",
                format!("1 to {CORES_MAX} different cores"),
            );
        }
        let cores = Cores {
            verifier,
            dedicated,
        };
        network.check()?;
        Ok(Self {
            name,
            network,
            cores,
        })
    }

    /// Places the profile on the cores that this process may use. On a single one everything shares
    /// it, whatever the profile says.
    pub fn place(&self, available: &[usize]) -> Result<Placement, SettingsError> {
        let [first, rest @ ..] = available else {
            return refuse("cores", "there is no core to run on");
        };
        if rest.is_empty() {
            return Ok(Placement {
                verifier: vec![*first],
                dedicated: false,
                io: vec![*first],
            });
        }
        let mut verifier = Vec::new();
        for place in &self.cores.verifier {
            let Some(core) = nth(available, *place).filter(|core| !verifier.contains(core)) else {
                let (name, count) = (&self.name, available.len());
                return refuse(
                    "cores.verifier",
                    format!("the profile {name} names core {place}, of {count}, or one twice"),
                );
            };
            verifier.push(core);
        }
        let dedicated = self.cores.dedicated;
        let is_io = |core: &&usize| !dedicated || !verifier.contains(core);
        let io: Vec<_> = available.iter().filter(is_io).copied().collect();
        if io.is_empty() {
            return refuse("cores.verifier", "no core is left for anything else");
        }
        Ok(Placement {
            verifier,
            dedicated,
            io,
        })
    }
}

/// The core at that place: from the front by 0, 1, …, from the back by -1, -2, ….
fn nth(available: &[usize], place: i32) -> Option<usize> {
    let from_end = usize::try_from(place.unsigned_abs()).ok()?;
    let at = match place {
        0.. => from_end,
        _ => available.len().checked_sub(from_end)?,
    };
    available.get(at).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(cores: &str) -> Result<HardwareProfile, SettingsError> {
        HardwareProfile::parse(&format!("name = \"x\"\n[cores]\n{cores}\n"))
    }

    #[test]
    fn the_last_core_by_default_and_one_core_is_shared() {
        let placed = |cores: &[usize]| HardwareProfile::default().place(cores).unwrap();
        let two = placed(&[0, 1]);
        assert_eq!(
            (two.verifier, two.dedicated, two.io),
            (vec![1], true, vec![0])
        );
        let one = placed(&[3]);
        assert_eq!(
            (one.verifier, one.dedicated, one.io),
            (vec![3], false, vec![3])
        );
        assert!(HardwareProfile::default().place(&[]).is_err());
    }

    #[test]
    fn places_count_from_both_ends_of_what_may_be_used() {
        let many = profile("verifier = [0, -1]\ndedicated = true").unwrap();
        let placed = many.place(&[2, 3, 8, 9]).unwrap();
        assert_eq!((placed.verifier, placed.io), (vec![2, 9], vec![3, 8]));
        assert!(many.place(&[0, 1]).is_err(), "nothing is left");
        let shared = profile("verifier = [0, -1]\ndedicated = false").unwrap();
        assert_eq!(shared.place(&[0, 1]).unwrap().io, [0, 1]);
        let beyond = profile("verifier = [5]\ndedicated = false").unwrap();
        assert!(beyond.place(&[0, 1]).is_err());
        let same = profile("verifier = [1, -1]\ndedicated = false").unwrap();
        assert!(same.place(&[0, 1]).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        for cores in [
            "verifier = []\ndedicated = true",
            "verifier = [1, 1]\ndedicated = true",
            "verifier = [1]",
            "verifier = [1]\ndedicated = true\nturbo = true",
        ] {
            assert!(profile(cores).is_err(), "{cores}");
        }
        assert!(
            HardwareProfile::parse("name = \"\"\n[cores]\nverifier = [1]\ndedicated = true")
                .is_err()
        );
    }

    /// Every profile that is shipped is read, and fits a machine of two cores.
    #[test]
    fn the_shipped_profiles_are_good() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hw-profiles");
        let mut names = Vec::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let profile = HardwareProfile::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            assert_eq!(
                Some(profile.name.as_str()),
                path.file_stem().and_then(|s| s.to_str())
            );
            profile.place(&[0, 1]).unwrap();
            names.push(profile.name);
        }
        names.sort();
        assert_eq!(names, ["laptop", "qemu"]);
    }
}
