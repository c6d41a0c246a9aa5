//! A service of files that is told what to answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bartab_core::store::{Attachment, ClaimRefusal, Claimed, MediaClaims, StoreError};
use bartab_core::{Actor, MediaId, TenantRole, UserId};
use serde_json::{Value, json};

use super::Client;

/// What it has, and how often it was asked.
#[derive(Default)]
pub(crate) struct Files {
    files: Mutex<BTreeMap<MediaId, File>>,
    asked: AtomicUsize,
    mood: Mutex<Mood>,
}

struct File {
    owner: UserId,
    quarantined: bool,
    attachment: Attachment,
}

/// How it answers.
#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    Failing,
    Stalling,
    Confused,
}

impl Files {
    /// A picture that somebody uploads; gives its id.
    pub(crate) fn upload(&self, owner: &Client, filename: &str) -> MediaId {
        let mut files = self.files.lock().unwrap();
        let media_id = MediaId::from_u128(files.len() as u128 + 1);
        let attachment = Attachment {
            media_id,
            filename: Some(filename.to_owned()),
            mime: "image/png".to_owned(),
            size: 1_234,
            width: Some(40),
            height: Some(30),
            blurhash: Some(format!("blur of {filename}")),
        };
        files.insert(media_id, File { owner: owner.id(), quarantined: false, attachment });
        media_id
    }

    /// A file that is no picture and has no name.
    pub(crate) fn upload_bare(&self, owner: &Client) -> MediaId {
        let media_id = self.upload(owner, "");
        let mut files = self.files.lock().unwrap();
        let attachment = &mut files.get_mut(&media_id).unwrap().attachment;
        (attachment.filename, attachment.blurhash, attachment.width, attachment.height) = (None, None, None, None);
        media_id
    }

    pub(crate) fn quarantine(&self, media: MediaId) {
        self.files.lock().unwrap().get_mut(&media).unwrap().quarantined = true;
    }

    pub(crate) fn delete(&self, media: MediaId) {
        self.files.lock().unwrap().remove(&media);
    }

    pub(crate) fn fail(&self) {
        *self.mood.lock().unwrap() = Mood::Failing;
    }

    pub(crate) fn stall(&self) {
        *self.mood.lock().unwrap() = Mood::Stalling;
    }

    /// From now on it grants other files than were asked for.
    pub(crate) fn confuse(&self) {
        *self.mood.lock().unwrap() = Mood::Confused;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn one(&self, actor: &Actor, media: MediaId) -> Result<Attachment, ClaimRefusal> {
        let files = self.files.lock().unwrap();
        let file = files.get(&media).ok_or(ClaimRefusal::Unknown)?;
        if file.owner != actor.user_id && actor.tenant_role < TenantRole::Administrator {
            return Err(ClaimRefusal::NotYours);
        }
        if file.quarantined { Err(ClaimRefusal::Quarantined) } else { Ok(file.attachment.clone()) }
    }
}

#[async_trait]
impl MediaClaims for Files {
    async fn claim(&self, actor: &Actor, media: &[MediaId]) -> Result<Claimed, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Failing => return Err(StoreError::Unavailable(None)),
            Mood::Stalling => std::future::pending().await,
            Mood::Well | Mood::Confused => {}
        }
        let mut granted = Vec::new();
        for media_id in media.iter().copied() {
            match self.one(actor, media_id) {
                Ok(attachment) => granted.push(attachment),
                Err(reason) => return Ok(Claimed::Refused { media_id, reason }),
            }
        }
        if matches!(mood, Mood::Confused) {
            granted.reverse();
        }
        Ok(Claimed::Granted(granted))
    }
}

/// The picture as clients see it.
pub(crate) fn attachment(media: MediaId, filename: &str) -> Value {
    json!({
        "media_id": media, "filename": filename, "mime": "image/png", "size": 1_234, "width": 40, "height": 30,
        "blurhash": format!("blur of {filename}"),
    })
}
