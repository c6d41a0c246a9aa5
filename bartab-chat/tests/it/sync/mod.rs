//! Following the log: who gets what, under every cut into polls, over every transport.

mod crowd;
mod membership;
mod oracle;
mod random;
mod stream;
mod tokens;
mod waits;
