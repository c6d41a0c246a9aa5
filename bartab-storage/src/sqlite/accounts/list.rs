//! Pages of accounts, each through the index that fits what is asked for.

use bartab_core::UserId;
use bartab_core::store::{Account, AccountFilter};
use rusqlite::{Connection, ToSql};

use super::row::{account, columns, role_name};
use crate::sqlite::error::Failure;
use crate::sqlite::rows::{all, limit};

/// Up to `most` accounts that `filter` admits above `after`.
///
/// With a prefix, the names that begin with it are looked through and the page is the least of their ids; without one
/// the index of role and state, or of owners, already stands in the order of ids.
pub(super) fn list(
    conn: &Connection,
    filter: &AccountFilter,
    after: Option<UserId>,
    most: usize,
) -> Result<Vec<Account>, Failure> {
    let (sql, params) = query(filter, after, most);
    let params: Vec<&dyn ToSql> = params.iter().map(AsRef::as_ref).collect();
    all(conn, &sql, params.as_slice(), account)
}

fn query(filter: &AccountFilter, after: Option<UserId>, most: usize) -> (String, Vec<Box<dyn ToSql>>) {
    let mut conditions = Vec::new();
    let mut params: Vec<Box<dyn ToSql>> = Vec::new();
    let mut demand = |conditions: &mut Vec<String>, condition: &str, value: Box<dyn ToSql>| {
        params.push(value);
        conditions.push(format!("{condition} ?{}", params.len()));
    };
    if let Some(owner) = filter.owner {
        demand(&mut conditions, "a.owner =", Box::new(owner.to_bytes()));
    }
    if let Some(role) = filter.role {
        demand(&mut conditions, "a.role =", Box::new(role_name(role)));
    }
    if let Some(state) = filter.state {
        demand(&mut conditions, "a.state =", Box::new(state.name()));
    }
    match filter.bot {
        Some(true) => conditions.push("a.owner IS NOT NULL".to_owned()),
        Some(false) => conditions.push("a.owner IS NULL".to_owned()),
        None => {}
    }
    let prefix = filter.prefix.as_deref().filter(|prefix| !prefix.is_empty());
    if let Some(prefix) = prefix {
        demand(&mut conditions, "u.username_key >=", Box::new(prefix.to_owned()));
        if let Some(end) = end_of_prefix(prefix) {
            demand(&mut conditions, "u.username_key <", Box::new(end));
        }
    }
    if let Some(after) = after {
        // The sign keeps the planner from walking all ids in the hope of names that fit.
        let column = if prefix.is_some() { "+a.user_id >" } else { "a.user_id >" };
        demand(&mut conditions, column, Box::new(after.to_bytes()));
    }
    let conditions = if conditions.is_empty() { String::new() } else { format!("WHERE {} ", conditions.join(" AND ")) };
    let from = match (prefix, filter) {
        (Some(_), _) => "usernames u CROSS JOIN accounts a ON a.user_id = u.user_id",
        (_, AccountFilter { owner: Some(_), .. }) => "accounts a INDEXED BY accounts_owner",
        (_, AccountFilter { bot: Some(true), .. }) => "accounts a INDEXED BY accounts_bots",
        (_, AccountFilter { role: Some(_), state: Some(_), .. }) => "accounts a INDEXED BY accounts_state_role",
        (_, AccountFilter { role: Some(_), .. }) => "accounts a INDEXED BY accounts_role",
        (_, AccountFilter { state: Some(_), .. }) => "accounts a INDEXED BY accounts_state",
        _ => "accounts a",
    };
    let order = if prefix.is_some() { "+a.user_id" } else { "a.user_id" };
    params.push(Box::new(limit(most)));
    let sql = format!(
        "SELECT {} FROM {from} CROSS JOIN texts t ON t.slot = a.slot {conditions}ORDER BY {order} LIMIT ?{}",
        columns!(),
        params.len()
    );
    (sql, params)
}

/// The least text above every one that begins with `prefix`; none when there is no such.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Between the two blocks of Unicode lies what no text holds.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(last as u32 + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bartab_core::TenantRole;
    use bartab_core::store::AccountState;
    use rusqlite::Connection;

    use super::*;

    /// How SQLite goes about the query, a line a step.
    fn plan(conn: &Connection, filter: &AccountFilter) -> String {
        let (sql, params) = query(filter, Some(UserId::from_u128(1)), 50);
        let params: Vec<&dyn ToSql> = params.iter().map(AsRef::as_ref).collect();
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map(params.as_slice(), |row| row.get::<_, String>(3)).unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_page_is_found_through_an_index_and_needs_no_sorting() {
        let conn = crate::sqlite::migrate::in_memory();
        for role in [None, Some(TenantRole::Guest)] {
            for state in [None, Some(AccountState::Active)] {
                for owner in [None, Some(UserId::from_u128(1))] {
                    for bot in [None, Some(true), Some(false)] {
                        let filter = AccountFilter { role, state, owner, bot, prefix: None };
                        let plan = plan(&conn, &filter);
                        assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{filter:?}: {plan}");
                    }
                }
            }
        }
        let prefix = AccountFilter { prefix: Some("al".to_owned()), ..AccountFilter::default() };
        let plan = plan(&conn, &prefix);
        assert!(plan.starts_with("SEARCH u USING PRIMARY KEY (username_key>? AND username_key<?)"), "{plan}");
    }

    #[test]
    fn a_prefix_ends_where_no_name_begins_with_it() {
        let ends = [("a", Some("b")), ("a\u{10ffff}", Some("b")), ("\u{d7ff}", Some("\u{e000}")), ("\u{10ffff}", None)];
        for (prefix, end) in ends {
            assert_eq!(end_of_prefix(prefix).as_deref(), end);
        }
    }
}
