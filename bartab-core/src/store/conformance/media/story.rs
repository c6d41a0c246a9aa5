//! Random changes of everything in media; the same for the same seed.

use std::fmt::Debug;

use super::samples::{advance, at, carries, media_id, message, new_media, upload, upload_id, user};
use super::{MediaFactory, MediaStores, ok};
use crate::random::SeededRandom;
use crate::store::{BlobKey, Holder, MediaFeed, MediaLimits, MemoryMedia, NewMedia, Quarantine, StoreError, Upload};

const PEOPLE: u64 = 3;
const UPLOADS: u64 = 12;
const FILES: u64 = 16;
const BLOBS: u64 = 5;
const HOLDERS: u64 = 7;

/// A seed's dice, and the time that passes.
struct Dice {
    random: SeededRandom,
    millis: u64,
}

impl Dice {
    fn below(&self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn number(&self, bound: u64) -> u128 {
        self.below(bound).into()
    }

    fn flag(&self) -> bool {
        self.below(2) == 0
    }

    fn words(&self) -> Option<String> {
        self.flag().then(|| "word \u{1f37a}".repeat(self.below(30) as usize))
    }

    fn blob(&self) -> BlobKey {
        BlobKey { public: self.below(4) == 0, sha256: [self.below(BLOBS) as u8; 32] }
    }

    fn holder(&self) -> Holder {
        let number = self.number(HOLDERS);
        if self.flag() { message(number) } else { Holder::Profile(user(number)) }
    }

    fn limits(&self) -> MediaLimits {
        MediaLimits {
            person_bytes: self.flag().then(|| 20 + self.below(60)),
            person_uploads: self.flag().then(|| 2 + self.below(4)),
            tenant_bytes: self.flag().then(|| 60 + self.below(100)),
        }
    }
}

/// Does the same to both, and panics when they answer differently. The arguments are evaluated for each.
macro_rules! both {
    ($both:expr, $port:ident.$method:ident($($argument:expr),*)) => {{
        let (stores, reference) = $both;
        let answer = stores.$port.$method($(Clone::clone(&$argument)),*).await;
        let expected = reference.$port.$method($($argument),*).await;
        assert_same(answer, expected);
    }};
}

/// Two stores of which the second is the one to go by.
type Both<'a> = (&'a MediaStores, &'a MediaStores);

#[track_caller]
#[expect(clippy::panic, reason = "a clause fails by panicking, as a test does")]
fn assert_same<T: PartialEq + Debug>(answer: Result<T, StoreError>, expected: Result<T, StoreError>) {
    match (answer, expected) {
        (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
        (Err(StoreError::Conflict), Err(StoreError::Conflict)) => {}
        (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
    }
}

/// Whatever happens to media, with aborts in between, the store answers as the one in memory does.
pub async fn random_changes_of_media_read_as_in_memory(factory: &dyn MediaFactory) {
    let mut stores = factory.open("story").await;
    let reference = MediaStores::of(std::sync::Arc::new(MemoryMedia::new()));
    let mut dice = Dice { random: SeededRandom::new(11), millis: 0 };
    for step in 1..=2_000_u64 {
        dice.millis += dice.below(3);
        let both = (&stores, &reference);
        match dice.below(10) {
            0..6 => uploads(both, &dice).await,
            6 | 7 => files(both, &dice).await,
            8 => references(both, &dice).await,
            _ => blobs(both, &dice).await,
        }
        if step % 50 == 0 {
            assert_alike(both).await;
        }
        if step % 700 == 0 {
            stores = factory.reopen_after_abort("story", stores).await;
        }
    }
    assert_alike((&stores, &reference)).await;
}

async fn uploads(both: Both<'_>, dice: &Dice) {
    let (number, now) = (dice.number(UPLOADS), dice.millis);
    let id = upload_id(number);
    let begun = Upload {
        length: dice.flag().then(|| dice.below(20)),
        metadata: dice.words().unwrap_or_default(),
        created_at: at(now),
        expires_at: at(now + dice.below(300)),
        ..upload(number, dice.number(PEOPLE))
    };
    let standing = ok(both.1.uploads.get(id).await);
    let received = standing.as_ref().map_or(0, |upload| upload.received);
    let moved = advance(number, received + dice.below(6) / 5, received + dice.below(9), now);
    let moved = crate::store::Advance { expires_at: at(now + dice.below(300)), ..moved };
    let (blob, limits) = (dice.blob(), dice.limits());
    let made = NewMedia {
        size: dice.below(25),
        filename: dice.words(),
        blurhash: dice.words(),
        width: dice.flag().then_some(7),
        kept_until: dice.flag().then(|| at(now + dice.below(200))),
        ..new_media(dice.number(FILES))
    };
    match dice.below(12) {
        0..3 => both!(both, uploads.begin(begun, limits)),
        3..6 => both!(both, uploads.advance(moved, limits)),
        6..8 => both!(both, uploads.stage(id, blob, at(now))),
        8..10 => both!(both, uploads.finish(id, made, limits)),
        10 => both!(both, uploads.remove(id)),
        _ => {
            for over in ok(both.1.uploads.expired(at(now), 3).await) {
                both!(both, uploads.remove(over.upload_id));
            }
        }
    }
}

async fn files(both: Both<'_>, dice: &Dice) {
    let (media, now) = (media_id(dice.number(FILES)), dice.millis);
    let several: Vec<_> = (0..dice.below(4)).map(|_| media_id(dice.number(FILES))).collect();
    let by = dice.flag().then(|| user(dice.number(PEOPLE)));
    let held = Quarantine { by: user(1), at: at(now), reason: dice.words() };
    let most = dice.below(4) as usize;
    match dice.below(8) {
        0..3 => both!(both, media.claim(several, by, at(now + 50))),
        3 => both!(both, media.quarantine(media, held)),
        4 => both!(both, media.restore(media)),
        5 => both!(both, media.remove(media)),
        _ => both!(both, media.collect(at(now), most)),
    }
}

async fn references(both: Both<'_>, dice: &Dice) {
    let carried = |dice: &Dice| (0..dice.below(4)).map(|_| dice.number(FILES)).collect::<Vec<_>>();
    let changes: Vec<_> = (0..dice.below(5)).map(|_| carries(dice.holder(), &carried(dice))).collect();
    let feed = if dice.below(4) == 0 { MediaFeed::Accounts } else { MediaFeed::Log };
    let expected = ok(both.1.media.position(feed).await) + dice.below(8) / 7;
    let position = (expected + dice.below(4)).saturating_sub(dice.below(8) / 7);
    both!(both, media.apply(feed, expected, changes, position, at(dice.millis + 40)));
}

async fn blobs(both: Both<'_>, dice: &Dice) {
    let blob = dice.blob();
    both!(both, media.is_used(blob));
    if dice.below(3) == 0 {
        both!(both, media.doom(blob));
    }
    if dice.flag() {
        both!(both, media.blob_gone(blob));
    }
}

/// Asks both everything that can be asked, and panics when an answer differs.
async fn assert_alike(both: Both<'_>) {
    for number in 0..PEOPLE {
        let owner = user(number.into());
        both!(both, uploads.list(owner, None, 99));
        both!(both, media.list(Some(owner), None, 99));
        both!(both, media.usage(Some(owner)));
    }
    for number in 0..UPLOADS {
        both!(both, uploads.get(upload_id(number.into())));
    }
    for number in 0..FILES {
        both!(both, media.get(media_id(number.into())));
        both!(both, media.holders(media_id(number.into()), None, 99));
    }
    for feed in [MediaFeed::Log, MediaFeed::Accounts] {
        both!(both, media.position(feed));
    }
    both!(both, uploads.expired(at(u64::MAX / 2), 99));
    both!(both, media.list(None, None, 99));
    both!(both, media.usage(None));
    both!(both, media.doomed(99));
}
