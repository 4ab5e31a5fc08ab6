//! Computes and compares signatures: canonical request, key derivation, chunk chains, presigned URLs; no clock, no store, no I/O.
