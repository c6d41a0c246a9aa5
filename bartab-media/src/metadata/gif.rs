//! GIF: frames with their controls stay, and of the extensions the loop and the colour profile.

use crate::container::gif::{self, Block};
use crate::picture::PictureError;

/// Whose extensions stay: how often an animation is repeated (under both its names), and the colour profile.
const KEPT: [&[u8]; 3] = [b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012"];

pub(super) fn strip(bytes: &[u8]) -> Result<Vec<u8>, PictureError> {
    let (screen, blocks) = gif::open(bytes)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(screen.raw);
    // A control is the next frame's, unless another follows. By the letter, one before a text would be the text's; browsers,
    // which draw no texts, give it to the frame.
    let mut control: &[u8] = &[];
    let mut frames = 0_u64;
    for block in blocks {
        match block? {
            Block::Control { raw, .. } => control = raw,
            Block::Application { raw, by } if KEPT.contains(&by) => out.extend_from_slice(raw),
            Block::Application { .. } | Block::Other => {}
            Block::Frame { raw, .. } => {
                frames += 1;
                out.extend_from_slice(control);
                out.extend_from_slice(raw);
                control = &[];
            }
        }
    }
    if frames == 0 {
        return Err(PictureError::Malformed("a GIF has a frame"));
    }
    out.push(0x3b);
    Ok(out)
}
