//! Bodies of requests.

use bartab_chat::{CustomDraft, MessageDraft, RoomDraft, RoomUpdate};
use bartab_core::Problem;
use bartab_core::http::parse_json;
use serde_json::Value;

/// A body is read, or refused with 400 and a problem that is JSON and names fields by RFC 6901.
pub fn requests(data: &[u8]) {
    refused(parse_json::<MessageDraft>(data).err());
    refused(parse_json::<RoomDraft>(data).err());
    refused(parse_json::<RoomUpdate>(data).err());
    refused(parse_json::<CustomDraft>(data).err());
}

fn refused(problem: Option<Problem>) {
    let Some(problem) = problem else { return };
    assert_eq!(problem.status, 400);
    let json = problem.to_json(Some("/v1/rooms"), Some("request"));
    let read: Value = serde_json::from_slice(&json).expect("a problem is JSON");
    assert_eq!(read["code"].as_str(), Some(problem.code));
    for field in &problem.errors {
        let pointer = &field.pointer;
        assert!(pointer.is_empty() || pointer.starts_with('/'), "{pointer}");
        let stray = pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
        assert!(!stray, "{pointer}");
    }
}
