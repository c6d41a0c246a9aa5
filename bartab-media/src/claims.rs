//! Who may attach a file to a message.

use async_trait::async_trait;
use bartab_core::store::{ClaimRefusal, Claimed, Claiming, MediaClaims, StoreError};
use bartab_core::{Actor, MediaId, Scope};

use crate::media::{Media, is_administrator};

/// Credentials that may neither read nor write files attach none: a message would show them to others.
#[async_trait]
impl MediaClaims for Media {
    async fn claim(&self, actor: &Actor, media: &[MediaId]) -> Result<Claimed, StoreError> {
        let may_use = [Scope::MediaRead, Scope::MediaWrite].iter().any(|scope| actor.scopes.contains(*scope));
        if let Some(media_id) = media.first().copied().filter(|_| !may_use) {
            return Ok(Claimed::Refused { media_id, reason: ClaimRefusal::NotYours });
        }
        let by = (!is_administrator(actor)).then_some(actor.user_id);
        let until = self.inner.clock.now().after(self.inner.config.claim_time());
        Ok(match self.inner.stores.media.claim(media.to_vec(), by, until).await? {
            Claiming::Claimed(records) => {
                Claimed::Granted(records.iter().map(bartab_core::store::MediaRecord::attachment).collect())
            }
            Claiming::Refused { media_id, reason } => Claimed::Refused { media_id, reason },
        })
    }
}
