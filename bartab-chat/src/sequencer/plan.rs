//! Deciding a batch on a fork of the state: pure, but for the time and the salts that it is given.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bartab_core::event::{
    Content, Digest, Envelope, Event, EventType, Idempotency, KeyHash, Lane, NewEvent, Record, Salt,
};
use bartab_core::store::{Batch, Head, mention_rows};
use bartab_core::{Actor, EventId, Random, Timestamp};

use super::answers::{Answer, Answers, Done};
use super::load::Known;
use super::{Job, RequestKey};
use crate::error::{ChatError, CorruptLog};
use crate::hub::{LogEvent, Published};
use crate::model::{Targets, apply, decide, erasures};

/// The number of the log, constant within it.
const LOG: u16 = 0;

/// A batch that is ready to be written, and what follows when it is.
pub(super) struct Plan {
    pub(super) published: Published,
    pub(super) events: Vec<Arc<LogEvent>>,
    pub(super) batch: Batch,
    pub(super) answers: Answers,
}

/// Decides every job in turn.
pub(super) fn plan(
    before: &Published,
    targets: Targets,
    known: HashMap<KeyHash, Known>,
    jobs: &[Job],
    now: Timestamp,
    random: &dyn Random,
) -> Result<Plan, ChatError> {
    let mut fork = Fork {
        published: before.clone(),
        targets,
        known,
        batch: Batch::default(),
        events: Vec::new(),
        erased: BTreeMap::new(),
        now,
        random,
    };
    let mut answers = Answers::with_capacity(jobs.len());
    for job in jobs {
        answers.push(fork.job(job)?);
    }
    fork.finish(answers)
}

struct Fork<'a> {
    published: Published,
    targets: Targets,
    /// Keys of the log, and of the jobs before in this batch.
    known: HashMap<KeyHash, Known>,
    batch: Batch,
    events: Vec<Arc<LogEvent>>,
    /// Positions to erase; within the batch by their index in it.
    erased: BTreeMap<u64, Option<usize>>,
    now: Timestamp,
    random: &'a dyn Random,
}

impl Fork<'_> {
    fn job(&mut self, job: &Job) -> Result<Answer, ChatError> {
        if let Some(key) = job.key
            && let Some(known) = self.known.get(&key.hash)
        {
            // A fingerprint that was erased with its content cannot be compared any more: the key is proof enough.
            let same = known.fingerprint.is_none_or(|fingerprint| fingerprint == key.fingerprint);
            let done = Done { events: known.events.clone(), status: known.status };
            return Ok(if same { Ok(done) } else { Err(ChatError::KeyMismatch) });
        }
        if !job.more.is_empty() {
            return self.together(job);
        }
        let decided = decide(&self.published.state, &self.targets, &job.actor, job.command.clone(), self.now);
        match decided {
            Ok(events) => {
                self.erased.extend(job.command.erasures().iter().map(|seq| (*seq, None)));
                self.write(job, events).map(Ok)
            }
            Err(rejection) => Ok(Err(rejection.into())),
        }
    }

    /// Decides everything that the job asks for in turn. What is asked for together follows from the account feed: it is
    /// refused only for what another try would meet again, and then it is passed over.
    fn together(&mut self, job: &Job) -> Result<Answer, ChatError> {
        let first = self.events.len();
        for (actor, command) in job.acts() {
            let decided = decide(&self.published.state, &self.targets, actor, command.clone(), self.now);
            for event in decided.unwrap_or_default() {
                self.append(actor, event)?;
            }
        }
        Ok(Ok(Done { events: self.events[first..].to_vec(), status: job.status }))
    }

    /// Puts the decided events into the batch.
    fn write(&mut self, job: &Job, new: Vec<NewEvent>) -> Result<Done, ChatError> {
        // An arrival comes in front, but is not what was asked for.
        let asked = new.iter().position(|event| event.event_type.lane() != Lane::Tenant);
        let first = self.events.len();
        let count = new.len();
        for event in new {
            self.append(&job.actor, event)?;
        }
        let Some(asked) = asked else { return Ok(Done { events: Vec::new(), status: 200 }) };
        let events = self.events[first + asked..].to_vec();
        if let Some(RequestKey { hash, fingerprint }) = job.key {
            let count = u16::try_from(count - asked).unwrap_or(u16::MAX);
            let idempotency = Idempotency { key: hash, fingerprint: Some(fingerprint), status: job.status, count };
            self.batch.events[first + asked].idempotency = Some(idempotency);
            let known = Known { fingerprint: Some(fingerprint), status: job.status, events: events.clone() };
            self.known.insert(hash, known);
        }
        Ok(Done { events, status: job.status })
    }

    fn append(&mut self, actor: &Actor, new: NewEvent) -> Result<(), ChatError> {
        let head = self.published.head;
        let event = self.seal(actor, new);
        for seq in erasures(&self.published.state, &self.targets, &event) {
            let within = seq.checked_sub(self.published.head.seq - self.events.len() as u64 + 1);
            self.erased.insert(seq, within.and_then(|index| usize::try_from(index).ok()));
        }
        apply(&mut self.published.state, &event);
        self.targets.apply(&event);
        self.published.directory.apply(&event);
        self.mentions(&event);
        let mut salt = Salt::default();
        if event.content.is_some() {
            self.random.fill(&mut salt);
        }
        let record = Record::seal(&event, head.digest, salt).map_err(CorruptLog::Record)?;
        let digest: Digest = record.digest();
        self.published.head = Head { seq: record.seq(), digest, time: record.envelope.time() };
        self.batch.events.push(record);
        self.events.push(Arc::new(LogEvent::new(event, digest)?));
        Ok(())
    }

    /// Gives the event its address, and a message its number.
    fn seal(&self, actor: &Actor, new: NewEvent) -> Event {
        let room = new.room.and_then(|room| self.published.state.rooms.get(&room));
        let number = match new.event_type {
            EventType::MessageCreated => room.map(|room| room.last_number + 1),
            _ => None,
        };
        let envelope = Envelope {
            id: EventId::at(self.now, LOG, self.published.head.seq + 1),
            event_type: new.event_type,
            sender: actor.user_id,
            bot: actor.is_bot(),
            room: new.room,
            number,
            target: new.target,
            subject: new.subject,
            on_behalf_of: None,
            cause: None,
            hops: 0,
        };
        Event { envelope, facts: new.facts, content: new.content, erased: false }
    }

    fn mentions(&mut self, event: &Event) {
        if let Some(Content::Message(message)) = &event.content {
            self.batch.mentions.extend(mention_rows(&event.envelope, &message.mentions));
        }
    }

    fn finish(mut self, answers: Answers) -> Result<Plan, ChatError> {
        // What is erased in the batch that wrote it never reaches the disk.
        for index in self.erased.values().flatten() {
            if let Some(record) = self.batch.events.get_mut(*index) {
                record.erase();
            }
        }
        self.batch.erase = self.erased.into_keys().collect();
        self.batch.views = self.targets.changed_views().map_err(CorruptLog::Encode)?;
        self.batch.reactions = self.targets.reaction_changes().to_vec();
        Ok(Plan { published: self.published, events: self.events, batch: self.batch, answers })
    }
}
