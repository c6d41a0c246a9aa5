//! What is done with files that are there: listed, put into quarantine, deleted.

use bartab_core::store::{AuditActor, AuditRecord, Claiming, MediaRecord, MediaUsage, Quarantine, RemovedMedia};
use bartab_core::{Actor, MediaId, Scope, UserId};

use crate::error::MediaError;
use crate::media::{Media, is_administrator, require};

/// Characters of a reason.
const REASON_CHARS: usize = 500;

/// As whom the caller acts upon a file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Authority {
    Owner,
    Administrator,
}

impl Media {
    /// Deletes a file for good, whoever refers to it: record, references, bytes, thumbnails. What messages say of it
    /// stays in them.
    ///
    /// Once this returns, nobody reads it any more, and its bytes are gone unless another file has the same. If the
    /// storage takes longer than ten seconds, or fails, it is asked again in the background until they are.
    ///
    /// # Errors
    /// [`MediaError::NotFound`] for who may not even read it, [`MediaError::NotYours`] for who is neither its owner nor
    /// an administrator, [`MediaError::Held`] for its owner when an administrator put it into quarantine.
    pub async fn delete(&self, actor: &Actor, media: MediaId) -> Result<(), MediaError> {
        let (this, actor) = (self.clone(), actor.clone());
        self.to_the_end(async move {
            let turn = this.inner.acting.lock().await;
            let (record, authority) = this.to_act_on(&actor, media).await?;
            check_held(&record, authority)?;
            this.audit(&actor, authority, &record, "media.deleted", None).await?;
            let removed = this.inner.stores.media.remove(media).await;
            drop(turn);
            // Also when it is not known whether it was done.
            this.forget(&record);
            if let Some(removed) = removed? {
                this.let_go_of(&removed).await;
            }
            Ok(())
        })
        .await
    }

    /// Puts a file into quarantine: nobody reads it, and it is not collected, until it is restored or deleted. Where it
    /// is already, nothing changes; but an administrator takes over what its owner put there.
    ///
    /// # Errors
    /// As of [`Media::delete`]; [`MediaError::Invalid`] for a reason that is empty, has more than 500 characters or
    /// control characters.
    pub async fn quarantine(
        &self,
        actor: &Actor,
        media: MediaId,
        reason: Option<String>,
    ) -> Result<MediaRecord, MediaError> {
        check_reason(reason.as_deref())?;
        let (this, actor) = (self.clone(), actor.clone());
        self.to_the_end(async move {
            let _turn = this.inner.acting.lock().await;
            let (record, authority) = this.to_act_on(&actor, media).await?;
            let takes_over = authority == Authority::Administrator && held_by(&record) == Some(Authority::Owner);
            if record.quarantine.is_some() && !takes_over {
                return Ok(record);
            }
            this.audit(&actor, authority, &record, "media.quarantined", reason.clone()).await?;
            let quarantine = Quarantine { by: actor.user_id, at: this.inner.clock.now(), reason };
            let held = this.inner.stores.media.quarantine(media, quarantine).await;
            // Also when it is not known whether it was done.
            this.forget(&record);
            held?.ok_or(MediaError::NotFound)
        })
        .await
    }

    /// Lets a file out of quarantine; one that is not there stays as it is. It is kept for the period of grace at least,
    /// although nothing may carry it.
    ///
    /// # Errors
    /// As of [`Media::delete`]: what an administrator put there, only an administrator lets out.
    pub async fn restore(&self, actor: &Actor, media: MediaId) -> Result<MediaRecord, MediaError> {
        let (this, actor) = (self.clone(), actor.clone());
        self.to_the_end(async move {
            let _turn = this.inner.acting.lock().await;
            let (record, authority) = this.to_act_on(&actor, media).await?;
            if record.quarantine.is_none() {
                return Ok(record);
            }
            check_held(&record, authority)?;
            this.audit(&actor, authority, &record, "media.restored", None).await?;
            let store = &this.inner.stores.media;
            let restored = store.restore(media).await?;
            this.forget(&record);
            // Its time may have been over for long: whoever lets it out wants to do something with it.
            let until = this.inner.clock.now().after(this.inner.config.grace_time());
            match store.claim(vec![media], None, until).await? {
                Claiming::Claimed(kept) => kept.into_iter().next().or(restored).ok_or(MediaError::NotFound),
                Claiming::Refused { .. } => restored.ok_or(MediaError::NotFound),
            }
        })
        .await
    }

    /// The caller's own files, newest first, from the first one before `before` on.
    ///
    /// # Errors
    /// [`MediaError::MissingScope`]; the store's own.
    pub async fn files(
        &self,
        actor: &Actor,
        before: Option<MediaId>,
        limit: usize,
    ) -> Result<Vec<MediaRecord>, MediaError> {
        require(actor, Scope::MediaRead)?;
        Ok(self.inner.stores.media.list(Some(actor.user_id), before, limit).await?)
    }

    /// What somebody holds.
    ///
    /// # Errors
    /// The store's own.
    pub async fn usage(&self, owner: UserId) -> Result<MediaUsage, MediaError> {
        Ok(self.inner.stores.media.usage(Some(owner)).await?)
    }

    /// What the tenant holds.
    ///
    /// # Errors
    /// The store's own.
    pub async fn tenant_usage(&self) -> Result<MediaUsage, MediaError> {
        Ok(self.inner.stores.media.usage(None).await?)
    }

    /// Lets go of a removed file, and deletes its bytes unless others have the same. They are doomed: if that fails or
    /// takes long, the sweeper sees to it.
    pub(crate) async fn let_go_of(&self, removed: &RemovedMedia) {
        self.forget(&removed.record);
        let Some(blob) = removed.doomed else { return };
        if let Err(error) = self.delete_doomed_blob(blob).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "bytes of a deleted file are still there");
        }
    }

    /// The file, and as whom the caller may act upon it.
    async fn to_act_on(&self, actor: &Actor, media: MediaId) -> Result<(MediaRecord, Authority), MediaError> {
        require(actor, Scope::MediaWrite)?;
        match self.inner.stores.media.get(media).await? {
            Some(record) if record.owner == actor.user_id => return Ok((record, Authority::Owner)),
            Some(record) if is_administrator(actor) => return Ok((record, Authority::Administrator)),
            _ => {}
        }
        // Whoever may not read it does not learn that it is there.
        self.read(Some(actor), media).await?;
        Err(MediaError::NotYours)
    }

    /// Writes down what an administrator is about to do to somebody else's file. It is written before: an entry may
    /// tell of an act that failed then, but no act is without its entry.
    async fn audit(
        &self,
        actor: &Actor,
        authority: Authority,
        record: &MediaRecord,
        action: &'static str,
        reason: Option<String>,
    ) -> Result<(), MediaError> {
        if authority == Authority::Owner {
            return Ok(());
        }
        let Some(audit) = self.connections().and_then(|connections| connections.audit.clone()) else { return Ok(()) };
        let entry = AuditRecord {
            at: self.inner.clock.now(),
            actor: AuditActor::User(actor.user_id),
            action,
            subject: Some(record.media_id.to_string()),
            reason,
            details: Some(serde_json::json!({ "owner": record.owner }).to_string()),
        };
        Ok(audit.append(entry).await?)
    }
}

/// Who put the file into quarantine: anybody but its owner was an administrator.
fn held_by(record: &MediaRecord) -> Option<Authority> {
    let by_owner = record.quarantine.as_ref()?.by == record.owner;
    Some(if by_owner { Authority::Owner } else { Authority::Administrator })
}

/// What an administrator keeps in quarantine is evidence: its owner can neither take it out nor delete it.
fn check_held(record: &MediaRecord, authority: Authority) -> Result<(), MediaError> {
    let is_held = held_by(record) == Some(Authority::Administrator);
    if is_held && authority == Authority::Owner { Err(MediaError::Held) } else { Ok(()) }
}

/// Whether an administrator keeps the file as evidence, so that it outlives the account of its owner.
pub(crate) fn is_evidence(record: &MediaRecord) -> bool {
    held_by(record) == Some(Authority::Administrator)
}

fn check_reason(reason: Option<&str>) -> Result<(), MediaError> {
    let Some(reason) = reason else { return Ok(()) };
    if reason.is_empty() || reason.chars().count() > REASON_CHARS {
        return Err(MediaError::invalid("/reason", "out_of_range", "a reason has 1 to 500 characters"));
    }
    if reason.chars().any(|char| char.is_control() && !matches!(char, '\n' | '\t')) {
        return Err(MediaError::invalid("/reason", "invalid", "a reason has no control characters"));
    }
    Ok(())
}
