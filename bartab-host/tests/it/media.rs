//! Files over real sockets.

use serde_json::Value;

use crate::support::Server;
