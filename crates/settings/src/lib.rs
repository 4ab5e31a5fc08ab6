//! What may be configured: typed model, defaults, validation.
