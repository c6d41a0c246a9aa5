//! What media asks of the rest of the tenant: who may read, who carries what, whose account is gone.

use std::fmt;
use std::sync::Arc;

use bartab_core::store::{AccountFeed, AuditStore, MediaAccess, ReferenceFeed};

use crate::media::Media;

/// The rest of the tenant, as media asks it.
#[derive(Clone)]
pub struct Connections {
    /// Who may read what carries a file: chat.
    pub access: Arc<dyn MediaAccess>,
    /// Who carries which files: chat, too, from its log.
    pub references: Arc<dyn ReferenceFeed>,
    /// Whose pictures are whose, and whose files go with them; without it, nothing of that is known.
    pub accounts: Option<Arc<dyn AccountFeed>>,
    /// Where it is written down what administrators do to the files of others; without it, it is not.
    pub audit: Option<Arc<dyn AuditStore>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("accounts", &self.accounts.is_some()).finish_non_exhaustive()
    }
}

impl Media {
    /// Connects the media with the rest of the tenant, in place of what it was connected with. Until then, only the
    /// owner of a private file reads it.
    ///
    /// Chat may hold the media in turn: [`Media::close`] lets go of the connections, so that neither keeps the other.
    pub fn connect(&self, connections: Connections) {
        self.inner.connections.store(Some(Arc::new(connections)));
        self.references_changed();
    }

    pub(crate) fn connections(&self) -> Option<Arc<Connections>> {
        self.inner.connections.load_full()
    }
}
