//! Devices without a browser (RFC 8628): they show a short code, a person types it elsewhere and allows them.

mod pace;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use bartab_core::store::{OAuthClient, Spending, StoreError, Ticket, TicketPurpose, TokenHash};
use bartab_core::{Random, Scopes, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub(crate) use self::pace::Devices;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::tickets::{payload, scope_text};

/// How long a device waits to be allowed.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// How often it may ask at first, in seconds.
pub(crate) const INTERVAL: u32 = 5;
/// RFC 8628 section 6.1: no vowels, so that no words come out, and nothing that looks like something else. 20^8 codes
/// are 34 bits; what makes that enough is that they live shortly and nobody may try many.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const USER_CODE: usize = 8;
/// So many codes are tried before a collision counts as a failure.
const ATTEMPTS: usize = 4;

/// What a device is told, and what it shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DeviceCodes {
    /// What it asks for tokens with.
    pub(crate) device_code: String,
    /// What it shows, with a dash in the middle.
    pub(crate) user_code: String,
    /// Seconds until both are over.
    pub(crate) expires_in: u64,
    /// Seconds to wait between two questions.
    pub(crate) interval: u32,
}

/// What somebody has allowed a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceGrant {
    /// The client that asked.
    pub(crate) client_id: String,
    /// Who allowed it.
    pub(crate) user: UserId,
    /// What was allowed.
    pub(crate) scopes: Scopes,
    /// When the person signed in.
    pub(crate) auth_time: Timestamp,
    /// How (RFC 8176), with a space between.
    pub(crate) methods: String,
    /// What stands for their password at that time: another one since then makes this good for nothing.
    pub(crate) password: [u8; 32],
    /// The session that the grant opens; chosen before, so that a second use of the code can end it.
    pub(crate) session_id: SessionId,
}

/// A device that waits, as the person who is to decide sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WaitingDevice {
    /// The client that asks.
    pub(crate) client_id: String,
    /// What it asks for.
    pub(crate) scopes: Scopes,
}

/// What a person says to a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceDecision<'a> {
    /// Who decides.
    pub(crate) user: UserId,
    /// What is allowed, at most what the device asks for; `None`: nothing at all.
    pub(crate) allowed: Option<Scopes>,
    /// When the person signed in.
    pub(crate) auth_time: Timestamp,
    /// How (RFC 8176), with a space between.
    pub(crate) methods: &'a str,
    /// What stands for their password, as [`password_of`](crate::tickets::password_of) gives it.
    pub(crate) password: [u8; 32],
}

/// Why a device gets no tokens, yet or at all (RFC 8628 section 3.5).
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeviceError {
    /// Nobody has decided yet.
    #[error("nobody has decided yet")]
    Pending,
    /// Nobody has decided yet, and the device asks too often: five seconds more from now on.
    #[error("the device asks too often")]
    SlowDown,
    /// The person said no.
    #[error("the person said no")]
    Denied,
    /// Nobody decided in time.
    #[error("the code is too old")]
    Expired,
    /// The code is none of this client's, or was used.
    #[error("the code is not valid")]
    Invalid,
    /// Identity failed.
    #[error(transparent)]
    Auth(#[from] AuthError),
}

impl From<StoreError> for DeviceError {
    fn from(error: StoreError) -> Self {
        Self::Auth(error.into())
    }
}

/// The payload of a device code.
#[derive(Serialize, Deserialize)]
struct Device {
    client_id: String,
    #[serde(with = "scope_text")]
    scopes: Scopes,
    state: State,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Waiting,
    Denied,
    Allowed { user: UserId, auth_time: Timestamp, methods: String, password: [u8; 32], session_id: SessionId },
}

/// The payload of a user code: the hash of the device code that it belongs to.
#[derive(Serialize, Deserialize)]
struct Pointer {
    device: [u8; 32],
}

impl Auth {
    /// Makes the two codes of a device that asks for `scopes`, which its client may have.
    ///
    /// # Errors
    /// [`AuthError::Busy`] when too many devices wait already, of the tenant or of one network; [`AuthError::Store`].
    pub(crate) async fn begin_device(
        &self,
        client: &OAuthClient,
        scopes: Scopes,
        address: Option<IpAddr>,
    ) -> Result<DeviceCodes, AuthError> {
        let inner = &*self.0;
        let device_code = self.random_text::<32>();
        let secret = TokenHash::of(device_code.as_bytes());
        let now = inner.clock.now();
        if !inner.attempts.devices().admit(secret, address, now, now.after(LIFE)) {
            return Err(AuthError::Busy);
        }
        let device = Device { client_id: client.client_id.clone(), scopes, state: State::Waiting };
        let made = self.store_device(&device, secret).await;
        if made.is_err() {
            inner.attempts.devices().forget(secret);
        }
        Ok(DeviceCodes { device_code, user_code: made?, expires_in: LIFE.as_secs(), interval: INTERVAL })
    }

    async fn store_device(&self, device: &Device, secret: TokenHash) -> Result<String, AuthError> {
        let pointer = Pointer { device: *secret.as_bytes() };
        for _ in 0..ATTEMPTS {
            let user_code = new_user_code(&*self.0.random);
            let tickets = vec![
                self.ticket(secret, TicketPurpose::DeviceCode, None, device, LIFE)?,
                self.ticket(TokenHash::of(user_code.as_bytes()), TicketPurpose::UserCode, None, &pointer, LIFE)?,
            ];
            match self.store_tickets(tickets).await {
                Err(AuthError::Store(StoreError::Conflict)) => {}
                stored => return stored.map(|()| shown(&user_code)),
            }
        }
        Err(AuthError::internal("no user code is free"))
    }

    /// Gives what was allowed, once; the device code is spent by that. A second use ends the session that the first has
    /// opened, or is about to open.
    ///
    /// # Errors
    /// [`DeviceError`].
    pub(crate) async fn poll_device(&self, device_code: &str, client_id: &str) -> Result<DeviceGrant, DeviceError> {
        let inner = &*self.0;
        let secret = TokenHash::of(device_code.as_bytes());
        let now = inner.clock.now();
        let ticket = inner.stores.tickets.get(TicketPurpose::DeviceCode, &secret).await?.ok_or(DeviceError::Invalid)?;
        let device: Device = payload(&ticket)?;
        if device.client_id != client_id {
            return Err(DeviceError::Invalid);
        }
        if ticket.spent_at.is_none() {
            match device.state {
                _ if now >= ticket.expires_at => return Err(DeviceError::Expired),
                State::Denied => return Err(DeviceError::Denied),
                State::Waiting if inner.attempts.devices().asks_too_often(secret, now, ticket.expires_at) => {
                    return Err(DeviceError::SlowDown);
                }
                State::Waiting => return Err(DeviceError::Pending),
                State::Allowed { .. } => {}
            }
        }
        let (ticket, first) = match inner.stores.tickets.spend(TicketPurpose::DeviceCode, &secret, now).await? {
            Spending::First(ticket) => (ticket, true),
            Spending::Again(ticket) => (ticket, false),
            Spending::Refused => return Err(DeviceError::Expired),
        };
        inner.attempts.devices().forget(secret);
        let device: Device = payload(&ticket)?;
        let State::Allowed { user, auth_time, methods, password, session_id } = device.state else {
            return Err(DeviceError::Invalid);
        };
        if !first {
            tracing::warn!(session = %session_id, user = %user, "a spent device code was used");
            self.end_granted(user, session_id, &device.client_id).await?;
            return Err(DeviceError::Invalid);
        }
        let Device { client_id, scopes, .. } = device;
        Ok(DeviceGrant { client_id, user, scopes, auth_time, methods, password, session_id })
    }

    /// The device that waits with this user code, in any spelling; `None` when there is none. Whoever tries codes that
    /// are none may not try many.
    ///
    /// # Errors
    /// [`AuthError::SlowDown`] when `user` has tried too many; [`AuthError::Store`].
    pub(crate) async fn find_device(&self, user_code: &str, user: UserId) -> Result<Option<WaitingDevice>, AuthError> {
        Ok(self.waiting(user_code, user).await?.map(|(_, device)| device.view()))
    }

    /// Says yes or no to the device that waits with this user code; gives the device, or `None` when there is none.
    ///
    /// # Errors
    /// As [`Auth::find_device`].
    pub(crate) async fn decide_device(
        &self,
        user_code: &str,
        decision: DeviceDecision<'_>,
    ) -> Result<Option<WaitingDevice>, AuthError> {
        let inner = &*self.0;
        let Some((ticket, mut device)) = self.waiting(user_code, decision.user).await? else { return Ok(None) };
        let now = inner.clock.now();
        let waited = device.view();
        device.state = match decision.allowed {
            None => State::Denied,
            Some(scopes) => {
                device.scopes = device.scopes.intersection(scopes);
                State::Allowed {
                    user: decision.user,
                    auth_time: decision.auth_time,
                    methods: decision.methods.to_owned(),
                    password: decision.password,
                    session_id: SessionId::new(now, &*inner.random),
                }
            }
        };
        // Of two who decide at once, one finds the ticket changed.
        let payload = serde_json::to_vec(&device).map_err(AuthError::internal)?;
        let tickets = &inner.stores.tickets;
        let purpose = TicketPurpose::DeviceCode;
        let decided =
            tickets.replace(purpose, &ticket.secret, ticket.version, Some(decision.user), payload, now).await?;
        inner.attempts.devices().forget(ticket.secret);
        Ok(decided.then_some(waited))
    }

    async fn waiting(&self, user_code: &str, user: UserId) -> Result<Option<(Ticket, Device)>, AuthError> {
        let inner = &*self.0;
        let now = inner.clock.now();
        inner.attempts.devices().may_try(user, now)?;
        let found = match normal_user_code(user_code) {
            Some(code) => self.device_of(&code, now).await?,
            None => None,
        };
        if found.is_none() {
            inner.attempts.devices().tried(user, now);
        }
        Ok(found)
    }

    async fn device_of(&self, user_code: &str, now: Timestamp) -> Result<Option<(Ticket, Device)>, AuthError> {
        let tickets = &self.0.stores.tickets;
        let secret = TokenHash::of(user_code.as_bytes());
        let Some(ticket) = tickets.get(TicketPurpose::UserCode, &secret).await? else { return Ok(None) };
        let secret = TokenHash::from_bytes(payload::<Pointer>(&ticket)?.device);
        let Some(ticket) = tickets.get(TicketPurpose::DeviceCode, &secret).await? else { return Ok(None) };
        let device: Device = payload(&ticket)?;
        let waits = ticket.is_good(now) && matches!(device.state, State::Waiting);
        Ok(waits.then_some((ticket, device)))
    }
}

impl Device {
    fn view(&self) -> WaitingDevice {
        WaitingDevice { client_id: self.client_id.clone(), scopes: self.scopes }
    }
}

impl std::fmt::Debug for DeviceCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceCodes").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}

fn new_user_code(random: &dyn Random) -> String {
    let mut code = String::with_capacity(USER_CODE);
    while code.len() < USER_CODE {
        let mut byte = [0];
        random.fill(&mut byte);
        // 240 is the last multiple of 20: with the bytes above it some letters would come more often.
        if byte[0] < 240
            && let Some(letter) = LETTERS.get(usize::from(byte[0]) % LETTERS.len())
        {
            code.push(char::from(*letter));
        }
    }
    code
}

/// The code with a dash in the middle.
pub(crate) fn shown(code: &str) -> String {
    let (left, right) = code.split_at(code.len() / 2);
    format!("{left}-{right}")
}

/// The code that somebody typed, whatever they put between its letters and however they wrote those.
pub(crate) fn normal_user_code(typed: &str) -> Option<String> {
    if typed.len() > 64 {
        return None;
    }
    let between = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}' | '.' | '_');
    let code: String =
        typed.chars().filter(|letter| !between(letter)).map(|letter| letter.to_ascii_uppercase()).collect();
    (code.len() == USER_CODE && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}
