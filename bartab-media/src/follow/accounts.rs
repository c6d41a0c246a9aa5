//! The accounts: whose picture a file is, and whose files go with them.

use bartab_core::UserId;
use bartab_core::store::{
    AccountEntry, AccountNews, AccountState, Holder, MediaFeed, MediaRecord, ReferenceChange, StoreError,
};

use crate::error::MediaError;
use crate::manage::is_evidence;
use crate::media::Media;

/// Entries, and files, that are taken at a time.
const PAGE: usize = 100;

/// What is to be written, and up to where in the feed it leads.
struct Step {
    /// Where the store is.
    from: u64,
    to: u64,
    changes: Vec<ReferenceChange>,
}

impl Media {
    /// Follows the account feed to its end, as it is when this is called, if there is one.
    ///
    /// An erasure is done before its number is written down: after a crash in the middle it is done again, and what is
    /// gone is passed over.
    pub(crate) async fn follow_accounts(&self) -> Result<(), MediaError> {
        let _turn = self.inner.follower.accounts.lock().await;
        let Some(feed) = self.connections().and_then(|connections| connections.accounts.clone()) else {
            return Ok(());
        };
        loop {
            let from = self.inner.stores.media.position(MediaFeed::Accounts).await?;
            let entries = feed.after(from, PAGE).await?;
            let mut step = Step { from, to: from, changes: Vec::new() };
            for entry in &entries {
                if let AccountNews::Erased { messages } = entry.news {
                    self.write_step(&mut step).await?;
                    self.erase_files(entry.user_id, messages).await?;
                }
                step.changes.extend(self.picture_of(entry).await?);
                step.to = entry.number;
            }
            self.write_step(&mut step).await?;
            if entries.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn write_step(&self, step: &mut Step) -> Result<(), MediaError> {
        if step.to == step.from {
            return Ok(());
        }
        let keep_until = self.inner.clock.now().after(self.inner.config.grace_time());
        let changes = std::mem::take(&mut step.changes);
        let store = &self.inner.stores.media;
        match store.apply(MediaFeed::Accounts, step.from, changes, step.to, keep_until).await {
            // Somebody else may have been faster: what they did, and this did, is the same.
            Err(StoreError::Conflict) if store.position(MediaFeed::Accounts).await? >= step.to => {}
            other => other?,
        }
        step.from = step.to;
        Ok(())
    }

    /// What the profile carries. Only one's own file: otherwise whoever knows an id could open other people's files by
    /// calling them their picture.
    async fn picture_of(&self, entry: &AccountEntry) -> Result<Option<ReferenceChange>, MediaError> {
        let holder = Holder::Profile(entry.user_id);
        let picture = entry.profile.avatar.filter(|_| entry.state != AccountState::Erased);
        let Some(picture) = picture else { return Ok(Some(ReferenceChange { holder, media: Vec::new() })) };
        let record = self.inner.stores.media.get(picture).await?;
        let media = record.filter(|record| record.owner == entry.user_id).map(|record| record.media_id);
        Ok(Some(ReferenceChange { holder, media: Vec::from_iter(media) }))
    }

    /// Removes the files of somebody who is gone: all of them, or without `messages` those that no message carries. What
    /// an administrator keeps in quarantine stays until an administrator deletes it.
    async fn erase_files(&self, owner: UserId, messages: bool) -> Result<(), MediaError> {
        let stores = &self.inner.stores;
        if !messages {
            // What is carried is what the log says to its end.
            self.follow_references().await?;
        }
        let mut after = None;
        loop {
            let uploads = stores.uploads.list(owner, after, PAGE).await?;
            for upload in &uploads {
                // One that just becomes a file would put its bytes after they were deleted.
                let _turn = self.inner.turns.take(upload.upload_id).await?;
                self.remove_upload(upload.upload_id).await?;
            }
            after = uploads.last().map(|upload| upload.upload_id);
            if uploads.len() < PAGE {
                break;
            }
        }
        let mut before = None;
        loop {
            let files = stores.media.list(Some(owner), before, PAGE).await?;
            for record in &files {
                self.erase_file(record, messages).await?;
            }
            before = files.last().map(|record| record.media_id);
            if files.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn erase_file(&self, record: &MediaRecord, messages: bool) -> Result<(), MediaError> {
        let turn = self.inner.acting.lock().await;
        let store = &self.inner.stores.media;
        let record = store.get(record.media_id).await?.filter(|record| !is_evidence(record));
        let Some(record) = record else { return Ok(()) };
        // Messages come first among those who carry a file.
        let first = store.holders(record.media_id, None, 1).await?;
        if !messages && matches!(first.as_slice(), [Holder::Message(_)]) {
            return Ok(());
        }
        let removed = store.remove(record.media_id).await;
        drop(turn);
        // Also when it is not known whether it was done: the next time there is no record.
        self.forget(&record);
        if let Some(removed) = removed? {
            self.let_go_of(&removed).await;
        }
        Ok(())
    }
}
