//! A browser that is signed in: an ordinary session, held by a cookie.

use bartab_core::store::{Account, AccountState, Session, TokenHash};
use bartab_core::{Scopes, SessionId};

use crate::auth::Auth;
use crate::error::AuthError;

/// The client that sessions of browsers belong to; nobody gets tokens by it.
pub(crate) const BROWSER_CLIENT: &str = "bartab-browser";

/// Who is signed in in a browser.
#[derive(Clone, Debug)]
pub(crate) struct BrowserSession {
    pub(crate) account: Account,
    pub(crate) session: Session,
}

impl BrowserSession {
    /// What is left of `asked` for whoever is signed in here: no more than their account may have, and than the way they
    /// signed in is good for.
    pub(crate) async fn effective_scopes(&self, auth: &Auth, asked: Scopes) -> Result<Scopes, AuthError> {
        let scopes = auth.effective_scopes(&self.account, asked).await?;
        Ok(auth.scopes_of_methods(&self.account, scopes, &self.session.methods))
    }
}

impl Auth {
    /// Opens a session for a browser, and gives what its cookie holds: the session's id and 256 secret bits.
    pub(crate) async fn open_browser_session(
        &self,
        account: Account,
        methods: &str,
    ) -> Result<(BrowserSession, [u8; 48]), AuthError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let session_id = SessionId::new(now, &*inner.random);
        let mut cookie = [0; 48];
        cookie[..16].copy_from_slice(&session_id.to_bytes());
        inner.random.fill(&mut cookie[16..]);
        let session = Session {
            session_id,
            user_id: account.user_id,
            client_id: BROWSER_CLIENT.to_owned(),
            device_name: None,
            scopes: Scopes::NONE,
            // Nobody has the other half of this, so no refresh token is ever one of this session.
            family: TokenHash::of(self.random_text::<32>().as_bytes()),
            current: TokenHash::of(&cookie[16..]),
            previous: None,
            methods: methods.to_owned(),
            granted: false,
            created_at: now,
            last_used_at: now,
            expires_at: now.after(inner.config.browser_session_life()),
            ended_at: None,
        };
        self.store_session(&account, session.clone()).await?;
        Ok((BrowserSession { account, session }, cookie))
    }

    /// Who is signed in with this cookie: the session is live, and the account may be used.
    pub(crate) async fn browser_session(&self, cookie: &[u8; 48]) -> Result<Option<BrowserSession>, AuthError> {
        let inner = &*self.0;
        let (id, secret) = cookie.split_at(16);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(id);
        let session = inner.stores.sessions.get(SessionId::from_bytes(bytes)).await?;
        let ours = |session: &Session| {
            session.client_id == BROWSER_CLIENT
                && session.current == TokenHash::of(secret)
                && session.is_live(inner.clock.now())
        };
        let Some(session) = session.filter(ours) else { return Ok(None) };
        let account = inner.stores.accounts.get(session.user_id).await?;
        let account = account.filter(|account| account.state == AccountState::Active);
        Ok(account.map(|account| BrowserSession { account, session }))
    }
}
