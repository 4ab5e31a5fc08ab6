//! Turns HTTP heads and bodies into typed operations and results, and results and errors into S3's XML; no sockets.
