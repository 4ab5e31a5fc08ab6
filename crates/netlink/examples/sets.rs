//! What it takes to fill a set, to change one interval of it and to replace all, in a namespace of its
//! own: medians, in milliseconds. Needs root and `nft`.
//!
//!     cargo run --release --package blockhouse-netlink --example sets

use blockhouse_netlink::{
    namespace::{Namespace, NamespaceName},
    nft::{Key, KeyRange, NftSocket, SetName, SetUpdate},
};
use std::{
    error::Error,
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    process::{Command, Stdio, id},
    time::Instant,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How often each is done.
const ROUNDS: usize = 9;

fn main() -> Outcome<()> {
    let name: NamespaceName = format!("bh-bench-{}", id()).parse()?;
    let namespace = Namespace::create(&name)?;
    let measured = measure(&namespace);
    Namespace::delete(&name)?;
    measured
}

fn measure(namespace: &Namespace) -> Outcome<()> {
    namespace
        .run(declare)?
        .map_err(|error| format!("nft: {error}"))?;
    let mut nft = NftSocket::open_in(namespace)?;
    println!("ranges    fill  replace      +1      -1    list");
    for count in [10, 1_000, 100_000] {
        let ranges = ranges(count)?;
        let one = KeyRange::new([223, 0, 0, 1].into(), [223, 0, 0, 9].into())?;
        let fill = update(false, &[], &ranges)?;
        let replace = update(true, &[], &ranges)?;
        let (more, less) = (update(false, &[], &[one])?, update(false, &[one], &[])?);
        let empty = update(true, &[], &[])?;
        let mut times: [Vec<f64>; 5] = Default::default();
        for _ in 0..ROUNDS {
            let [filled, replaced, added, deleted, listed] = &mut times;
            filled.push(time(|| nft.update(std::slice::from_ref(&fill)))?);
            replaced.push(time(|| nft.update(std::slice::from_ref(&replace)))?);
            added.push(time(|| nft.update(std::slice::from_ref(&more)))?);
            deleted.push(time(|| nft.update(std::slice::from_ref(&less)))?);
            listed.push(time(|| nft.ranges(&fill.set))?);
            nft.update(std::slice::from_ref(&empty))?;
        }
        let [fill, replace, more, less, list] = times.map(median);
        println!("{count:6} {fill:7.2} {replace:8.2} {more:7.2} {less:7.2} {list:7.2}");
    }
    Ok(())
}

fn update(flush: bool, delete: &[KeyRange], add: &[KeyRange]) -> Outcome<SetUpdate> {
    Ok(SetUpdate {
        set: SetName {
            table: "t".parse()?,
            set: "s".parse()?,
        },
        key: Key::V4,
        flush,
        delete: delete.to_vec(),
        add: add.to_vec(),
    })
}

/// Ranges of eight addresses, eight apart.
fn ranges(count: u32) -> Outcome<Vec<KeyRange>> {
    let of = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
    let range = |n| {
        let first = 0x0100_0000 + n * 16;
        Ok(KeyRange::new(of(first), of(first + 7))?)
    };
    (0..count).map(range).collect()
}

fn time<T, E: Error + 'static>(work: impl FnOnce() -> Result<T, E>) -> Outcome<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn declare() -> std::io::Result<()> {
    let mut nft = Command::new("nft")
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = nft.stdin.take() {
        stdin.write_all(b"table inet t { set s { type ipv4_addr; flags interval; }; }\n")?;
    }
    match nft.wait()?.success() {
        true => Ok(()),
        false => Err(std::io::ErrorKind::InvalidInput.into()),
    }
}
