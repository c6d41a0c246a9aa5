//! What a picture tells is what its bytes say; what is cut out of it is gone, and what people see of it stays.

pub(crate) mod fixtures;
mod heif;
mod inspect;
mod metadata;
mod sniff;
mod thumbnail;
