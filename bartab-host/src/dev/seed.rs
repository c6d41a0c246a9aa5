//! People, rooms and a few words, so that there is something to look at.

use std::sync::Arc;

use bartab_auth::{Auth, AuthError, Login, NewAccount};
use bartab_chat::{Chat, MessageDraft, RoomDraft};
use bartab_core::{Actor, TenantRole};

use super::Seeded;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes three people with this password, two rooms and a conversation.
pub(super) async fn fill(auth: &Auth, chat: &Chat, password: &str) -> Result<Seeded, BoxError> {
    let [alice, bob, carol] = ["alice", "bob", "carol"];
    let (a, b, c) = tokio::try_join!(
        person(auth, alice, password, "Alice", TenantRole::Owner),
        person(auth, bob, password, "Bob", TenantRole::Member),
        person(auth, carol, password, "Carol", TenantRole::Member),
    )?;
    let topic = Some("Whatever comes to mind".to_owned());
    let lobby = chat.create_room(&a, RoomDraft { topic, ..RoomDraft::public("Lobby") }).await?;
    let topic = Some("What we build and how".to_owned());
    let workshop = chat.create_room(&b, RoomDraft { topic, ..RoomDraft::public("Workshop") }).await?;
    for (who, room) in [(&b, lobby), (&c, lobby), (&a, workshop)] {
        chat.join(who, room).await?;
    }
    let welcome = chat.post_message(&a, lobby, MessageDraft::text("Welcome! The bar is open.")).await?;
    let reply_to = welcome.event().map(|event| event.envelope.id);
    chat.post_message(&b, lobby, MessageDraft { reply_to, ..MessageDraft::text("Cheers, Alice.") }).await?;
    chat.post_message(&c, lobby, MessageDraft::text("Who keeps the tab?")).await?;
    chat.post_message(&b, workshop, MessageDraft::text("The log does.")).await?;
    Ok(Seeded {
        username: alice.to_owned(),
        password: password.to_owned(),
        others: vec![bob.to_owned(), carol.to_owned()],
        room_id: lobby,
    })
}

/// Makes the account; after a seeding that was cut short it is there already.
async fn person(
    auth: &Auth,
    username: &str,
    password: &str,
    name: &str,
    role: TenantRole,
) -> Result<Arc<Actor>, BoxError> {
    let new = NewAccount { display_name: Some(name), role, ..NewAccount::member(username, password) };
    let user_id = match auth.create_account(new).await {
        Ok(account) => account.user_id,
        Err(AuthError::UsernameTaken) => auth.login(Login::new(username, password)).await?.user_id,
        Err(error) => return Err(error.into()),
    };
    Ok(Arc::new(Actor { tenant_role: role, ..Actor::person(user_id, name) }))
}
