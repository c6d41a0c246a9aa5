//! Invites: made, listed, taken back.

use bartab_core::store::{AuditActor, Invite, TokenHash};
use bartab_core::{Actor, InviteId, RoomId, Scope, TenantRole, Timestamp, UserId};
use serde_json::json;

use crate::acts::{Act, Authority};
use crate::audit::with_details;
use crate::auth::Auth;
use crate::error::AuthError;
use crate::rights::{Permission, refuse_apps, require};
use crate::rules::Broken;

/// So many rooms at most does one invite name.
const MAX_ROOMS: usize = 50;
/// So many people at most come by one invite that says how many.
const MAX_USES: u32 = 100_000;
/// So many invites of one person can be usable at a time.
const MAX_USABLE: usize = 500;
/// So many invites are looked at in one go.
const PAGE: usize = 200;

/// An invite to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewInvite {
    /// How many may come by it, 1 to 100,000; `None`: any number.
    pub max_uses: Option<u32>,
    /// From when on nobody comes by it any more; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// The rooms that they join, at most 50.
    pub rooms: Vec<RoomId>,
    /// Their role; a member when there is none.
    pub role: Option<TenantRole>,
}

/// The highest role that somebody with `role` gives by invite; `None` when they invite nobody. `members` says whether
/// every member may invite.
pub(crate) const fn highest_grant(role: TenantRole, members: bool) -> Option<TenantRole> {
    match role {
        TenantRole::Owner => Some(TenantRole::Owner),
        // Nobody but an owner gives a role that is not below their own.
        TenantRole::Administrator => Some(TenantRole::Moderator),
        TenantRole::Moderator => Some(TenantRole::Member),
        TenantRole::Member if members => Some(TenantRole::Member),
        TenantRole::Member | TenantRole::Guest => None,
    }
}

impl Auth {
    /// Makes an invite, and gives it with its code, which is shown this once. It needs no reason.
    ///
    /// The operator gives any role. Moderators and above invite, and members where the configuration lets them; these name no rooms. Only
    /// administrators give a role above member, and nobody but an owner one that is not below their own.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`], [`AuthError::OwnClientOnly`], [`AuthError::PermissionDenied`],
    /// [`AuthError::Invalid`], [`AuthError::TooManyInvites`].
    pub async fn create_invite(&self, act: &Act, new: NewInvite) -> Result<(Invite, String), AuthError> {
        let denied = || AuthError::PermissionDenied(Permission::InvitesCreate);
        let role = new.role.unwrap_or(TenantRole::Member);
        let Authority::Caller(actor) = &act.by else {
            return self.store_invite(act, new, role).await;
        };
        let highest = self.may_invite(actor)?;
        if role > TenantRole::Member {
            require(actor, Scope::Admin)?;
        }
        if role > highest || (!new.rooms.is_empty() && actor.tenant_role < TenantRole::Moderator) {
            return Err(denied());
        }
        let (user, act) = (actor.user_id, act.clone());
        // In turn, so that of many at once none is counted without the others.
        self.in_turn(move |auth| async move {
            if auth.usable_invites(user, MAX_USABLE).await? >= MAX_USABLE {
                return Err(AuthError::TooManyInvites(MAX_USABLE as u64));
            }
            auth.store_invite(&act, new, role).await
        })
        .await
    }

    /// So many invites of `user` are usable, counted until there are `most`.
    async fn usable_invites(&self, user: UserId, most: usize) -> Result<usize, AuthError> {
        let (invites, now) = (&self.0.stores.invites, self.0.clock.now());
        let (mut count, mut before) = (0, None);
        loop {
            let page = invites.list(Some(user), before, PAGE).await?;
            count += page.iter().filter(|invite| invite.is_usable(now)).count();
            match page.last() {
                Some(last) if page.len() == PAGE && count < most => before = Some(last.invite_id),
                _ => return Ok(count),
            }
        }
    }

    async fn store_invite(&self, act: &Act, new: NewInvite, role: TenantRole) -> Result<(Invite, String), AuthError> {
        act.check_optional_reason()?;
        let (by, now) = (act.actor(), self.0.clock.now());
        let mut rooms = new.rooms;
        rooms.sort_unstable();
        rooms.dedup();
        let mut broken = Broken::default();
        if new.max_uses.is_some_and(|most| !(1..=MAX_USES).contains(&most)) {
            broken.out_of_range("/max_uses", "from 1 to 100000");
        }
        if new.expires_at.is_some_and(|end| end <= now) {
            broken.out_of_range("/expires_at", "a time to come");
        }
        if rooms.len() > MAX_ROOMS {
            broken.out_of_range("/rooms", "at most 50 rooms");
        }
        broken.into_result()?;
        let code = self.random_text::<16>();
        let invite = Invite {
            invite_id: InviteId::new(now, &*self.0.random),
            code: TokenHash::of(code.as_bytes()),
            created_by: if let AuditActor::User(user) = by { Some(user) } else { None },
            role,
            rooms,
            max_uses: new.max_uses,
            uses: 0,
            created_at: now,
            expires_at: new.expires_at,
            revoked_at: None,
        };
        let details = json!({
            "role": role, "rooms": invite.rooms, "max_uses": invite.max_uses, "expires_at": invite.expires_at,
        });
        let audit = with_details(self.audited_by(by, "invite.created", invite.invite_id, act.reason()), &details);
        self.0.stores.invites.create(invite.clone(), Some(audit)).await?;
        Ok((invite, code))
    }

    /// Up to `limit` invites by falling id, from the first one below `before` on: the caller's own, and for administrators
    /// and the operator everybody's.
    ///
    /// # Errors
    /// [`AuthError::InsufficientScope`].
    pub async fn invites(
        &self,
        by: &Authority,
        before: Option<InviteId>,
        limit: usize,
    ) -> Result<Vec<Invite>, AuthError> {
        let own = match by {
            Authority::Operator => None,
            Authority::Caller(actor) => {
                require(actor, Scope::RoomsManage)?;
                (!sees_all(actor)).then_some(actor.user_id)
            }
        };
        Ok(self.0.stores.invites.list(own, before, limit).await?)
    }

    /// Takes back an invite of the caller's; administrators and the operator anybody's, and say why. One's own needs no
    /// reason.
    ///
    /// # Errors
    /// [`AuthError::OwnClientOnly`], [`AuthError::InsufficientScope`]; [`AuthError::Invalid`] without a reason where one is
    /// needed, whether or not there is such an invite; [`AuthError::InviteNotFound`], also when it has been taken back
    /// before.
    pub async fn revoke_invite(&self, act: &Act, invite: InviteId) -> Result<(), AuthError> {
        if let Authority::Caller(actor) = &act.by {
            refuse_apps(actor)?;
            require(actor, Scope::RoomsManage)?;
            act.check_optional_reason()?;
            if self.take_back(act, invite, Some(actor.user_id)).await? {
                return Ok(());
            }
            if !sees_all(actor) {
                return Err(AuthError::InviteNotFound);
            }
        }
        act.check_reason()?;
        if self.take_back(act, invite, None).await? { Ok(()) } else { Err(AuthError::InviteNotFound) }
    }

    async fn take_back(&self, act: &Act, invite: InviteId, of: Option<UserId>) -> Result<bool, AuthError> {
        let audit = self.audited_by(act.actor(), "invite.revoked", invite, act.reason());
        Ok(self.0.stores.invites.revoke(invite, of, audit.at, Some(audit)).await?)
    }

    /// Takes back every invite of `user`, whose account may have been in wrong hands; the entry in the trail is that
    /// person's.
    pub(crate) async fn revoke_invites_of(&self, user: UserId) -> Result<(), AuthError> {
        let (invites, now) = (&self.0.stores.invites, self.0.clock.now());
        let mut before = None;
        loop {
            let page = invites.list(Some(user), before, PAGE).await?;
            for invite in page.iter().filter(|invite| invite.is_usable(now)) {
                invites.revoke(invite.invite_id, Some(user), now, None).await?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => before = Some(last.invite_id),
                _ => return Ok(()),
            }
        }
    }

    /// The highest role that `actor` gives by invite.
    fn may_invite(&self, actor: &Actor) -> Result<TenantRole, AuthError> {
        self.require_invites(actor)?;
        let highest = highest_grant(actor.tenant_role, self.0.config.member_invites);
        highest.ok_or(AuthError::PermissionDenied(Permission::InvitesCreate))
    }
}

/// Whether the caller sees everybody's invites.
fn sees_all(actor: &Actor) -> bool {
    actor.scopes.contains(Scope::Admin) && actor.tenant_role >= TenantRole::Administrator
}

#[cfg(test)]
mod tests {
    use super::*;
    use TenantRole::{Administrator, Guest, Member, Moderator, Owner};

    #[test]
    fn nobody_gives_more_than_they_have() {
        for (role, usually, where_members_may) in [
            (Guest, None, None),
            (Member, None, Some(Member)),
            (Moderator, Some(Member), Some(Member)),
            (Administrator, Some(Moderator), Some(Moderator)),
            (Owner, Some(Owner), Some(Owner)),
        ] {
            assert_eq!(highest_grant(role, false), usually);
            assert_eq!(highest_grant(role, true), where_members_may);
        }
    }
}
