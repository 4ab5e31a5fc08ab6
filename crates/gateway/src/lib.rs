//! Accepts connections and carries each request through origin, parse, verify, permit and perform.
