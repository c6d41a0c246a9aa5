//! The pure model under random command sequences: whatever several people try, the log and the state agree.

mod acts;
mod ledger;
mod permissions;
mod properties;
