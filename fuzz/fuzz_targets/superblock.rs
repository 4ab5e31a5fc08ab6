//! Superblocks, segment marks and shard trailers: the blocks that are found by their place.
#![no_main]

use blockhouse_format::{BLOCK_BYTES, SegmentMark, ShardTrailer, Superblock, choose};
use blockhouse_fuzz::with_crc_at_8;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Superblock::decode(bytes);
    let mut block = bytes.to_vec();
    block.resize(BLOCK_BYTES, 0);
    // The superblock ends in its hash, which cannot be made right from here; a block that decodes
    // must read back as itself.
    if let Ok(superblock) = Superblock::decode(&block) {
        assert_eq!(
            Superblock::decode(&superblock.encode()),
            Ok(superblock.clone())
        );
        let _ = superblock.geometry();
        let _ = choose(&[Ok(superblock.clone()), Ok(superblock)]);
    }
    let sealed = with_crc_at_8(&block);
    if let Ok(mark) = SegmentMark::decode(&sealed) {
        assert_eq!(mark.encode()[..], sealed[..]);
    }
    if let Ok(trailer) = ShardTrailer::decode(&sealed) {
        assert_eq!(trailer.encode()[..], sealed[..]);
        let _ = trailer.covering(0..trailer.data_bytes);
        let _ = trailer.verify(0, bytes);
    }
});
