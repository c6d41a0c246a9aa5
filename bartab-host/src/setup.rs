//! Tenants that nobody runs yet: whoever is there for the operator is told a link that makes the first owner.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use bartab_auth::Auth;

use crate::registry::Chain;
use crate::tenant_name::TenantName;

type Announce = Box<dyn Fn(&TenantName, &str) + Send + Sync>;

/// Whom to tell, and of which tenants they have heard.
#[derive(Default)]
pub(crate) struct Setup {
    announce: OnceLock<Announce>,
    told: Mutex<HashSet<TenantName>>,
}

impl Setup {
    /// Says whom to tell; the first one counts.
    pub(crate) fn tell(&self, announce: impl Fn(&TenantName, &str) + Send + Sync + 'static) {
        let _the_first_counts = self.announce.set(Box::new(announce));
    }

    /// The operator asks for the link of this tenant: one that nobody asked for would only take its place.
    pub(crate) fn hush(&self, name: &TenantName) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone());
    }

    /// A tenant was opened. Each is told of once, however often it closes and opens: another link would end the one
    /// before.
    pub(crate) async fn opened(&self, name: &TenantName, auth: &Auth) {
        let Some(announce) = self.announce.get() else { return };
        if !self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return;
        }
        match auth.setup_link().await {
            Ok(Some(link)) => announce(name, &link),
            Ok(None) => {}
            Err(error) => tracing::error!(tenant = %name, error = %Chain(&error), "no link to a first owner"),
        }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").finish_non_exhaustive()
    }
}
