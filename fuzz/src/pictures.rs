//! Files as strangers upload them: what they are, without their metadata, and their thumbnails.

use bartab_media::{
    Fit, Inspection, Kind, Picture, PictureLimits, ThumbnailAccept, ThumbnailSize, ThumbnailSizes, strip_metadata,
};

/// Small, so that an input takes milliseconds.
const LIMITS: PictureLimits = PictureLimits { max_pixels: 1 << 16, max_memory: 1 << 20, max_scans: 8 };

/// What is cut out of a picture leaves its size and pixels alone, and nothing more to cut out; no thumbnail is larger
/// than it may be.
pub fn pictures(data: &[u8]) {
    let kind = Kind::sniff(data);
    assert_eq!(Kind::from_mime(kind.mime()), kind);
    let inspection = Inspection::read(kind, data).ok();
    assert!(kind.is_picture() || inspection.is_none());
    let before = inspection.as_ref().and_then(|inspection| made_of(inspection, data));
    let Ok(clean) = strip_metadata(kind, data) else { return };
    assert_eq!(Kind::sniff(&clean), kind);
    // An orientation alone may take more than what was there, and a GIF gets the mark of its end.
    assert!(clean.len() <= data.len() + 64);
    let again = strip_metadata(kind, &clean).expect("what was stripped can be stripped");
    assert!(again == clean, "there was more to strip");
    let Some(inspection) = inspection else { return };
    let of_clean = Inspection::read(kind, &clean).expect("what was stripped is a picture");
    assert_eq!((of_clean.width, of_clean.height), (inspection.width, inspection.height));
    assert_eq!(of_clean.animated, inspection.animated);
    if before.is_some() {
        assert!(before == made_of(&of_clean, &clean), "the picture changed");
    }
}

/// Its thumbnails and its blurhash, if it can be decoded.
fn made_of(inspection: &Inspection, bytes: &[u8]) -> Option<(Vec<Vec<u8>>, String)> {
    let picture = Picture::decode(inspection, bytes, &LIMITS);
    if let Err(error) = inspection.check(&LIMITS) {
        let told = picture.expect_err("what is too large is not decoded");
        assert_eq!(told.to_string(), error.to_string());
        return None;
    }
    let picture = picture.ok()?;
    let size = ThumbnailSizes::default().round_up(ThumbnailSize::new(40, 30));
    let thumbnails =
        [(Fit::Contain, ThumbnailAccept::Any), (Fit::Cover, ThumbnailAccept::Webp)].map(|(fit, accept)| {
            let made = picture.thumbnail(size, fit, accept).expect("what was decoded has thumbnails");
            assert!(made.width <= size.width().min(inspection.width) && made.width > 0);
            assert!(made.height <= size.height().min(inspection.height) && made.height > 0);
            let told = Inspection::read(Kind::sniff(&made.bytes), &made.bytes).expect("a thumbnail is a picture");
            assert_eq!((told.width, told.height), (made.width, made.height));
            made.bytes
        });
    Some((thumbnails.into(), picture.blurhash().expect("what was decoded has a blurhash")))
}
