//! An address list as it is kept, and as text: what can be read is written the same, and compiles or is
//! refused.
#![no_main]

use blockhouse_policy::address_list::{AddressList, Admission, Entry, Networks, Peer, kept};
use libfuzzer_sys::fuzz_target;
use std::net::IpAddr;

fuzz_target!(|bytes: &[u8]| {
    let of_text = std::str::from_utf8(bytes)
        .ok()
        .map(|text| text.lines().filter_map(|line| line.parse().ok()).collect());
    if let Some(entries) = of_text {
        let entries: Vec<Entry> = entries;
        assert_eq!(kept::read(&kept::write(&entries)), Ok(entries));
    }
    let Ok(entries) = kept::read(bytes) else {
        return;
    };
    assert_eq!(kept::write(&entries), bytes);
    let Ok(list) = AddressList::compile(&entries, &Networks::default()) else {
        return;
    };
    for entry in &entries {
        if let Entry::Public(net) = entry {
            for address in [net.network(), net.broadcast()] {
                assert!(Admission::judge(Some(&list), Peer::Public(address)).is_admitted());
            }
        }
    }
    let nowhere = Peer::Public(IpAddr::from([192, 0, 2, 1]));
    assert!(!list.is_empty() || !Admission::judge(Some(&list), nowhere).is_admitted());
});
