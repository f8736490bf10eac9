//! What the four Rust servers of the fleet have in common.

pub mod methods;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod process;
pub mod settings;
pub mod shop;
