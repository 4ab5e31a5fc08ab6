//! Every byte on the disk: superblock, log frame, record, extent trailer, checkpoint; encode, decode, check; no I/O.
