//! One transaction for all the writes that wait: each alone in its savepoint, one commit for all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::{Connection, ErrorCode};

use super::job::{End, Job, Pending, Work};

/// What became of a batch.
pub(super) struct Outcome {
    pub(super) end: End,
    /// The writes that ran, each with whether it erased content.
    pub(super) ran: Vec<(Box<dyn Job>, bool)>,
    /// Those that did not get to run because the transaction ended before.
    pub(super) left: Vec<Box<dyn Job>>,
}

/// Runs `jobs` in one transaction; `pending` holds what follows if it was committed.
pub(super) fn run(conn: &Connection, pending: &mut Pending, jobs: Vec<Box<dyn Job>>) -> Outcome {
    let mut ran = Vec::with_capacity(jobs.len());
    if let Err(error) = step(conn, "BEGIN IMMEDIATE") {
        ran.extend(jobs.into_iter().map(|job| (job, false)));
        return Outcome { end: End::Undone(Some(Arc::new(error))), ran, left: Vec::new() };
    }
    let alone = jobs.len() == 1;
    let mut kept = false;
    let mut jobs = jobs.into_iter();
    for mut job in jobs.by_ref() {
        let mark = pending.mark();
        let outcome = match alone {
            true => Ok(run_job(conn, pending, job.as_mut())),
            false => run_in_savepoint(conn, pending, job.as_mut()),
        };
        let keep = matches!(outcome, Ok(true));
        if !keep {
            pending.rewind(mark);
        }
        kept |= keep;
        ran.push((job, pending.has_erased_since(mark)));
        // A full or broken disk can end the whole transaction from inside a statement.
        if outcome.is_err() || conn.is_autocommit() {
            if !conn.is_autocommit() {
                let _ = step(conn, "ROLLBACK");
            }
            return Outcome { end: End::Undone(outcome.err().map(Arc::new)), ran, left: jobs.collect() };
        }
    }
    let end = match kept {
        true => commit(conn),
        false => step(conn, "ROLLBACK").map_or_else(|error| End::Undone(Some(Arc::new(error))), |()| End::Committed),
    };
    Outcome { end, ran, left: Vec::new() }
}

fn commit(conn: &Connection) -> End {
    let Err(error) = step(conn, "COMMIT") else { return End::Committed };
    // A full disk stops before the frame that makes the transaction count; busy means that it is still open. Of any
    // other failure, the last fsync's above all, nobody can say what a restart would find.
    let undone = matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::DatabaseBusy));
    if !conn.is_autocommit() {
        let _ = step(conn, "ROLLBACK");
    }
    let error = Arc::new(error);
    if undone { End::Undone(Some(error)) } else { End::Unknown(error) }
}

fn run_in_savepoint(conn: &Connection, pending: &mut Pending, job: &mut dyn Job) -> rusqlite::Result<bool> {
    step(conn, "SAVEPOINT job")?;
    let keep = run_job(conn, pending, job);
    if !keep && !conn.is_autocommit() {
        step(conn, "ROLLBACK TO job")?;
    }
    if !conn.is_autocommit() {
        step(conn, "RELEASE job")?;
    }
    Ok(keep)
}

fn run_job(conn: &Connection, pending: &mut Pending, job: &mut dyn Job) -> bool {
    let mut work = Work { conn, pending };
    // What a panic leaves half done is rolled back, in the file and in `pending`.
    catch_unwind(AssertUnwindSafe(|| job.run(&mut work))).unwrap_or_else(|_| {
        job.panicked();
        false
    })
}

/// Runs one of the few statements that frame a transaction.
fn step(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([])?;
    Ok(())
}
