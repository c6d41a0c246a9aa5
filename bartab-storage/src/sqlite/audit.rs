//! The audit trail.

use async_trait::async_trait;
use bartab_core::UserId;
use bartab_core::store::{AuditActor, AuditEntry, AuditFilter, AuditRecord, AuditStore, StoreError};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, ToSql};

use super::SqliteStore;
use super::error::{Damaged, Failure};
use super::rows::{all, execute, limit, time};

#[async_trait]
impl AuditStore for SqliteStore {
    async fn append(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.write(move |work| write(work.conn, Some(record))).await
    }

    async fn list(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| {
            let (sql, params) = query(&filter, before, most);
            let params: Vec<&dyn ToSql> = params.iter().map(AsRef::as_ref).collect();
            all(conn, &sql, params.as_slice(), entry)
        })
        .await
    }
}

/// Writes an entry after the last one, if there is anything to say.
pub(super) fn write(conn: &Connection, record: Option<AuditRecord>) -> Result<(), Failure> {
    let Some(AuditRecord { at, actor, action, subject, reason, details }) = record else { return Ok(()) };
    let user = if let AuditActor::User(user) = actor { user.to_bytes() } else { Default::default() };
    let actor: &dyn ToSql = match actor {
        AuditActor::User(_) => &user,
        AuditActor::Operator => &"operator",
        AuditActor::System => &"system",
    };
    let sql = "INSERT INTO audit (at, actor, action, subject, reason, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    execute(conn, sql, (at.as_millis(), actor, action, subject, reason, details))?;
    Ok(())
}

/// Every index of the table stands in the order of numbers within what it is for.
fn query(filter: &AuditFilter, before: Option<u64>, most: usize) -> (String, Vec<Box<dyn ToSql>>) {
    let mut conditions = Vec::new();
    let mut params: Vec<Box<dyn ToSql>> = Vec::new();
    let mut demand = |condition: &str, value: Box<dyn ToSql>| {
        params.push(value);
        conditions.push(format!("{condition} ?{}", params.len()));
    };
    if let Some(actor) = filter.actor {
        demand("actor =", Box::new(actor.to_bytes()));
    }
    if let Some(subject) = &filter.subject {
        demand("subject =", Box::new(subject.clone()));
    }
    if let Some(action) = &filter.action {
        demand("action =", Box::new(action.clone()));
    }
    if let Some(before) = before {
        demand("number <", Box::new(i64::try_from(before).unwrap_or(i64::MAX)));
    }
    let conditions = if conditions.is_empty() { String::new() } else { format!("WHERE {} ", conditions.join(" AND ")) };
    let index = match (&filter.subject, filter.actor, &filter.action) {
        (Some(_), ..) => "INDEXED BY audit_subject",
        (None, Some(_), Some(_)) => "INDEXED BY audit_actor_action",
        (None, Some(_), None) => "INDEXED BY audit_actor",
        (None, None, Some(_)) => "INDEXED BY audit_action",
        (None, None, None) => "",
    };
    params.push(Box::new(limit(most)));
    let sql = format!(
        "SELECT number, at, actor, action, subject, reason, details FROM audit {index} {conditions}
         ORDER BY number DESC LIMIT ?{}",
        params.len()
    );
    (sql, params)
}

fn entry(row: &Row<'_>) -> Result<AuditEntry, Failure> {
    let actor = match row.get_ref(2)? {
        ValueRef::Blob(user) => {
            AuditActor::User(UserId::from_bytes(user.try_into().map_err(|_| Damaged { column: 2 })?))
        }
        ValueRef::Text(b"operator") => AuditActor::Operator,
        ValueRef::Text(b"system") => AuditActor::System,
        _ => return Err(Damaged { column: 2 }.into()),
    };
    Ok(AuditEntry {
        number: row.get(0)?,
        at: time(row, 1)?,
        actor,
        action: row.get(3)?,
        subject: row.get(4)?,
        reason: row.get(5)?,
        details: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_found_through_an_index_and_needs_no_sorting() {
        let conn = crate::sqlite::migrate::in_memory();
        for actor in [None, Some(UserId::from_u128(1))] {
            for subject in [None, Some("user_1".to_owned())] {
                for action in [None, Some("account.created".to_owned())] {
                    let filter = AuditFilter { actor, subject: subject.clone(), action };
                    let (sql, params) = query(&filter, Some(9), 50);
                    let params: Vec<&dyn ToSql> = params.iter().map(AsRef::as_ref).collect();
                    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                    let steps = explain.query_map(params.as_slice(), |row| row.get::<_, String>(3)).unwrap();
                    let plan: Vec<String> = steps.map(Result::unwrap).collect();
                    assert!(plan.len() == 1 && plan[0].starts_with("SEARCH audit USING"), "{filter:?}: {plan:?}");
                }
            }
        }
    }
}
