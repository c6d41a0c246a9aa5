//! Following the log: who gets what, under every cut into polls, over every transport.

mod membership;
mod oracle;
mod random;
mod stream;
mod tokens;
mod waits;
