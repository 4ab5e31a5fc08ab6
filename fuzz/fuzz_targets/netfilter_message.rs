//! A packet between the node and `netfilterd`, to either side: what is read is written the same, and what
//! came in parts is put together within its bounds or refused.
#![no_main]

use blockhouse_netfilter_wire::{
    BATCH_MAX, FromNetfilterd, Message, PACKET_BYTES_MAX, Pieces, ToNetfilterd, decode, encode,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|packet: &[u8]| {
    let to = read::<ToNetfilterd>(packet);
    let from = read::<FromNetfilterd>(packet);
    assert!(to.is_none() || from.is_none());
    let piece = match (&to, &from) {
        (Some(ToNetfilterd::Prepare { model, .. }), _) => model,
        (_, Some(FromNetfilterd::Status(status))) => status,
        _ => return,
    };
    if let Ok(Some(document)) = Pieces::default().push(piece) {
        assert!(piece.last && document == piece.text);
    }
});

fn read<M: Message>(packet: &[u8]) -> Option<M> {
    let message: M = decode(packet).ok()?;
    assert!(message.descriptors() <= BATCH_MAX && packet.len() <= PACKET_BYTES_MAX);
    assert_eq!(encode(&message).expect("it was read"), packet);
    Some(message)
}
