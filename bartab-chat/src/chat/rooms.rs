//! Rooms and members: making, listing, joining, inviting, keeping order.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bartab_core::event::{Content, Event, Facts, RoomRole};
use bartab_core::{Actor, Id, RoomId, Scope, UserId};

use super::drafts::check_reason;
use super::{Appended, Chat, IdempotencyKey, RoomDraft, RoomUpdate, require};
use crate::error::ChatError;
use crate::hub::Published;
use crate::model::{Access, Command, MemberChange, Membership, Rejection, RoomPermission};
use crate::wire::{
    MemberJson, RoomJson, RoomNeedsJson, RoomPermissionJson, RoomPermissionsJson, UsersJson, users_json,
};

/// A part of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListQuery<C> {
    /// The last item of the page before.
    pub after: Option<C>,
    /// How many items at most.
    pub limit: usize,
}

impl Chat {
    /// Makes a room; the maker is its owner, everyone named is invited.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn create_room(&self, actor: &Arc<Actor>, draft: RoomDraft) -> Result<RoomId, ChatError> {
        Ok(self.create_room_once(actor, draft, None).await?.0)
    }

    pub(crate) async fn create_room_once(
        &self,
        actor: &Arc<Actor>,
        draft: RoomDraft,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<(RoomId, RoomJson), ChatError> {
        require(actor, Scope::RoomsManage)?;
        draft.check()?;
        let command = Command::CreateRoom {
            room: Id::new(self.inner.clock.now(), &*self.inner.random),
            kind: draft.kind,
            visibility: draft.visibility,
            history: draft.history,
            name: draft.name,
            topic: draft.topic.filter(|topic| !topic.is_empty()),
            members: draft.members,
        };
        let appended = self.submit(actor, command, 201, key).await?;
        // Events that make no room come of a key whose fingerprint was erased with the message that it had posted.
        let room = created_room(actor.user_id, &appended).ok_or(ChatError::KeyMismatch)?;
        Ok((room.room_id, room))
    }

    /// Changes a room.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn update_room(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        update: RoomUpdate,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::RoomsManage)?;
        update.check()?;
        let RoomUpdate { name, topic, visibility, history } = update;
        self.submit(actor, Command::UpdateRoom { room, name, topic, visibility, history }, 200, None).await
    }

    /// Joins a room; nothing happens when the actor has joined it already.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn join(&self, actor: &Arc<Actor>, room: RoomId) -> Result<Appended, ChatError> {
        self.join_once(actor, room, None).await
    }

    pub(crate) async fn join_once(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        self.submit(actor, Command::Join { room }, 201, key).await
    }

    /// Leaves a room, or declines an invitation.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn leave(&self, actor: &Arc<Actor>, room: RoomId) -> Result<Appended, ChatError> {
        self.leave_once(actor, room, None).await
    }

    pub(crate) async fn leave_once(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        key: Option<IdempotencyKey<'_>>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::ChatWrite)?;
        self.submit(actor, Command::Leave { room }, 201, key).await
    }

    /// Invites, bans, or changes the role of somebody.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn set_member(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        user: UserId,
        change: MemberChange,
        reason: Option<String>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::RoomsManage)?;
        check_reason(reason.as_deref())?;
        self.submit(actor, Command::SetMember { room, user, change, reason }, 200, None).await
    }

    /// Puts somebody out of a room, or lifts a ban.
    ///
    /// # Errors
    /// See [`ChatError`].
    pub async fn remove_member(
        &self,
        actor: &Arc<Actor>,
        room: RoomId,
        user: UserId,
        reason: Option<String>,
    ) -> Result<Appended, ChatError> {
        require(actor, Scope::RoomsManage)?;
        check_reason(reason.as_deref())?;
        self.submit(actor, Command::RemoveMember { room, user, reason }, 200, None).await
    }

    /// A room as the actor sees it.
    pub(crate) async fn room(&self, actor: &Actor, room: RoomId) -> Result<RoomJson, ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        published.state.access(actor, room).ok_or(Rejection::RoomNotFound)?;
        self.rooms_json(&published, actor, &[room]).await?.pop().ok_or_else(|| Rejection::RoomNotFound.into())
    }

    /// The rooms that the actor may see, in the order of their ids: all of them, those joined, or the others. Gives
    /// also whether there are more.
    pub(crate) async fn rooms(
        &self,
        actor: &Actor,
        joined: Option<bool>,
        query: ListQuery<RoomId>,
    ) -> Result<(Vec<RoomJson>, bool), ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let state = &published.state;
        let own = state.people.get(&actor.user_id).map(|person| person.rooms.clone()).unwrap_or_default();
        let listed = if joined == Some(true) { imbl::OrdSet::new() } else { state.public_rooms.clone() };
        let after = query.after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = (after, std::ops::Bound::Unbounded);
        // Each source is in order, so the first of their union come from the first of each.
        let fits = |room: &&RoomId| {
            let access = state.access(actor, **room);
            access.is_some_and(|access| joined.is_none_or(|joined| access.joined.is_some() == joined))
        };
        let own = own.range(range).filter(fits).take(query.limit + 1).copied();
        let listed = listed.range(range).filter(fits).take(query.limit + 1).copied();
        let mut rooms: Vec<RoomId> = own.chain(listed).collect::<BTreeSet<_>>().into_iter().collect();
        let more = rooms.len() > query.limit;
        rooms.truncate(query.limit);
        Ok((self.rooms_json(&published, actor, &rooms).await?, more))
    }

    /// What the actor is to a room and may do there.
    pub(crate) fn room_permissions(&self, actor: &Actor, room: RoomId) -> Result<RoomPermissionsJson, ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let access = published.state.access(actor, room).ok_or(Rejection::RoomNotFound)?;
        let membership = access.room.members.get(&actor.user_id).map(|member| membership_name(member.membership));
        let permissions = RoomPermission::ALL.map(|permission| {
            let (allowed, why) = permission.explain(&published.state, actor, &access);
            let needs = RoomNeedsJson { scope: permission.scope().name(), role: permission.role() };
            RoomPermissionJson { permission: permission.name(), allowed, why: why.name(), needs }
        });
        Ok(RoomPermissionsJson { room_id: room, membership, role: access.role, permissions: permissions.into() })
    }

    /// The members of a room in the order of their ids, with their profiles and whether there are more.
    pub(crate) fn members(
        &self,
        actor: &Actor,
        room: RoomId,
        query: ListQuery<UserId>,
    ) -> Result<(Vec<MemberJson>, UsersJson, bool), ChatError> {
        require(actor, Scope::ChatRead)?;
        let published = self.published();
        let access = published.state.access(actor, room).ok_or(Rejection::RoomNotFound)?;
        // Who keeps order sees who is kept out.
        let moderates = access.role.is_some_and(|role| role >= RoomRole::Moderator);
        let shown = |membership| moderates || membership != Membership::Banned;
        let members = access
            .room
            .members
            .iter()
            .filter(|(user, member)| shown(member.membership) && query.after.is_none_or(|after| **user > after));
        let mut members: Vec<MemberJson> = members
            .map(|(user, member)| MemberJson {
                user_id: *user,
                membership: membership_name(member.membership),
                role: member.role,
            })
            .collect();
        members.sort_unstable_by_key(|member| member.user_id);
        let more = members.len() > query.limit;
        members.truncate(query.limit);
        let users = users_json(&published, &members.iter().map(|member| member.user_id).collect());
        Ok((members, users, more))
    }

    /// These rooms as the actor sees them; those that do not exist for the actor are left out.
    pub(crate) async fn rooms_json(
        &self,
        published: &Published,
        actor: &Actor,
        rooms: &[RoomId],
    ) -> Result<Vec<RoomJson>, ChatError> {
        let stores = &self.inner.stores;
        let joined: Vec<(RoomId, Access<'_>)> =
            rooms.iter().filter_map(|room| Some((*room, published.state.access(actor, *room)?))).collect();
        let is_member = joined.iter().any(|(_, access)| access.joined.is_some());
        let markers = if is_member { stores.markers.of_user(actor.user_id).await? } else { Vec::new() };
        let markers: HashMap<RoomId, u64> = markers.into_iter().collect();
        let marker = |room: RoomId| markers.get(&room).copied().unwrap_or(0);
        let read: Vec<(RoomId, u64)> = joined
            .iter()
            .map(|(room, access)| {
                let number = access.joined.map_or(access.room.last_number, |member| member.seen.max(marker(*room)));
                (*room, number.min(access.room.last_number))
            })
            .collect();
        let unread: Vec<(RoomId, u64)> = read
            .iter()
            .zip(&joined)
            .filter(|((_, number), (_, access))| *number < access.room.last_number)
            .map(|(read, _)| *read)
            .collect();
        let counts =
            if unread.is_empty() { Vec::new() } else { stores.log.mention_counts(actor.user_id, &unread).await? };
        let counts: HashMap<RoomId, u64> = unread.iter().zip(counts).map(|((room, _), count)| (*room, count)).collect();
        let mentions = |room: RoomId| counts.get(&room).copied().unwrap_or(0);
        let shown = joined.iter().zip(&read).map(|((id, access), (_, read))| {
            let (room, words) = (access.room, published.directory.room(*id));
            let member = room.members.get(&actor.user_id);
            RoomJson {
                room_id: *id,
                kind: room.kind,
                name: words.map(|words| words.name.clone()).unwrap_or_default(),
                topic: words.and_then(|words| words.topic.clone()),
                visibility: room.visibility,
                history: room.history,
                group_id: room.group,
                created_at: room.created.time(),
                member_count: room.joined,
                membership: member.map(|member| membership_name(member.membership)),
                role: access.joined.map(|member| member.role),
                last_number: room.last_number,
                read_number: *read,
                unread: room.last_number - read,
                mentions: mentions(*id),
                last_event_id: room.last_event,
                limits: None,
            }
        });
        Ok(shown.collect())
    }
}

const fn membership_name(membership: Membership) -> &'static str {
    match membership {
        Membership::Invited => "invited",
        Membership::Joined => "joined",
        Membership::Banned => "banned",
    }
}

/// The room as its maker got it: made from the events alone, so that a repeated request is answered the same.
fn created_room(maker: UserId, appended: &Appended) -> Option<RoomJson> {
    let created = appended.event()?;
    let Facts::Room(facts) = &created.facts else { return None };
    let words = match &created.content {
        Some(Content::Room(words)) => Some(words),
        _ => None,
    };
    let joins = |event: &&Event| event.envelope.event_type == bartab_core::event::EventType::MemberJoined;
    let joined = appended.events().filter(joins).count() as u64;
    let is_maker = |event: &&Event| event.envelope.subject == Some(maker);
    let role = appended.events().find(is_maker).map(|_| RoomRole::Owner);
    Some(RoomJson {
        room_id: created.envelope.room?,
        kind: facts.kind,
        name: words.and_then(|words| words.name.clone()).unwrap_or_default(),
        topic: words.and_then(|words| words.topic.clone()),
        visibility: facts.visibility,
        history: facts.history,
        group_id: facts.group_id,
        created_at: created.envelope.time(),
        member_count: joined,
        membership: role.map(|_| membership_name(Membership::Joined)),
        role,
        last_number: 0,
        read_number: 0,
        unread: 0,
        mentions: 0,
        last_event_id: appended.events().last()?.envelope.id,
        limits: None,
    })
}
