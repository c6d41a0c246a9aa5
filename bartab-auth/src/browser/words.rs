//! What scopes mean, in words for people.

use bartab_core::{Scope, Scopes};

/// What somebody with `scopes` is able to do, a line for each.
pub(crate) fn abilities(scopes: Scopes) -> Vec<&'static str> {
    Scope::ALL.into_iter().filter(|(scope, _)| scopes.contains(*scope)).map(|(scope, _)| ability(scope)).collect()
}

const fn ability(scope: Scope) -> &'static str {
    match scope {
        Scope::ChatRead => "Read your rooms and all that is said in them",
        Scope::ChatWrite => "Write, edit and react in your name; join and leave rooms",
        Scope::RoomsManage => "Make rooms, invite people and keep order where you may",
        Scope::MediaRead => "See the pictures and files that you may see",
        Scope::MediaWrite => "Upload pictures and files in your name",
        Scope::ProfileWrite => "Change your profile, and see your sessions and bots",
        Scope::Admin => "Administer everything here that you may administer",
        Scope::Openid => "Know that it is you",
        Scope::Profile => "See your name and your picture",
        Scope::OfflineAccess => "Stay connected when you are away",
    }
}
