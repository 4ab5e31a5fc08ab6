//! What may be configured: one typed model, its defaults, and why a value is refused.
//!
//! A [`NodeSettings`] that exists is valid: it is read whole, from TOML, before the node binds a
//! port or opens a device, and a refusal names the field. Unknown fields are refused too, so that a
//! misspelt one does not pass for a default.
//!
//! It never reads a file or the environment: text comes in, values go out.
#![forbid(unsafe_code)]

mod document;
mod hardware;
mod keys;
mod names;
mod network;
mod node;
mod secret;
mod verifier;

pub use document::{IoMode, SettingsError};
pub use hardware::{HardwareProfile, Placement};
pub use keys::{Account, Credential, KEYS_OF_USER_MAX, KeysDocument, UserKey};
pub use names::domain_of;
pub use network::{
    Carries, INTERFACE_NAME_BYTES_MAX, NetfilterdSettings, NetworkProfile, NodeNetwork, Uplink,
};
pub use node::{DEVICES_MAX, DOMAINS_MAX, Listen, NodeSettings, REGION_DEFAULT, TlsFiles};
pub use secret::Secret;
pub use verifier::VerifierSettings;
