//! What a file is, by its first bytes; its name and what the uploader says of it are not asked.
//!
//! A table of our own, over what is shown inline and what people commonly attach: the crates at hand (`infer`) take a
//! file for a WebP without its `RIFF`, or for a film by four bytes in the middle, and a kind that is shown inline must
//! be exact.

use crate::container::bmff;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A JPEG picture.
    Jpeg,
    /// A PNG picture, animated or not.
    Png,
    /// A GIF picture, animated or not.
    Gif,
    /// A WebP picture, animated or not.
    Webp,
    /// A picture of AV1 in a HEIF container.
    Avif,
    /// A picture of HEVC in a HEIF container, as iPhones take them. Few browsers show one.
    Heic,
    /// An MP4 film.
    Mp4,
    /// A QuickTime film.
    Quicktime,
    /// A WebM film.
    Webm,
    /// A Matroska film that is no WebM.
    Matroska,
    /// Sound in an MP4 container.
    M4a,
    /// MP3 sound.
    Mp3,
    /// Sound or film in an Ogg container.
    Ogg,
    /// FLAC sound.
    Flac,
    /// Sound in a RIFF container.
    Wav,
    /// A PDF document.
    Pdf,
    /// A zip archive; office documents are such, too.
    Zip,
    /// UTF-8 text without control characters: also HTML, SVG, XML and scripts, which are never served as such.
    Text,
    /// Anything else.
    Unknown,
}

impl Kind {
    /// How many bytes of a file [`Kind::sniff`] looks at, at most.
    pub const HEAD: usize = 1024;

    /// The kind of the file that begins with `head`: its first [`Kind::HEAD`] bytes, or all of a shorter one.
    pub fn sniff(head: &[u8]) -> Self {
        let head = head.get(..Self::HEAD).unwrap_or(head);
        if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| head.starts_with(signature)) {
            return *kind;
        }
        riff(head)
            .or_else(|| iso_media(head))
            .or_else(|| matroska(head))
            .or_else(|| mp3_frame(head))
            .unwrap_or(if is_text(head) { Self::Text } else { Self::Unknown })
    }

    /// The media type to serve the file under, always together with `X-Content-Type-Options: nosniff`: a PNG that
    /// would also pass for HTML is a PNG then, and nothing else.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
            Self::Mp4 => "video/mp4",
            Self::Quicktime => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Matroska => "video/x-matroska",
            Self::M4a => "audio/mp4",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "application/ogg",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
            Self::Text => "text/plain",
            Self::Unknown => "application/octet-stream",
        }
    }

    /// The kind whose [`Kind::mime`] is `mime`, as a record remembers it; [`Kind::Unknown`] for any other text.
    pub fn from_mime(mime: &str) -> Self {
        ALL.into_iter().find(|kind| kind.mime() == mime).unwrap_or(Self::Unknown)
    }

    /// Whether a browser may show the file in a page, `Content-Disposition: inline`.
    ///
    /// Pictures without script, sound and film only. A document, even a PDF, is downloaded: it is a program for its
    /// viewer, on our origin.
    pub fn may_be_inline(self) -> bool {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Avif => true,
            Self::Mp4 | Self::Quicktime | Self::Webm => true,
            Self::M4a | Self::Mp3 | Self::Ogg | Self::Flac | Self::Wav => true,
            Self::Heic | Self::Matroska | Self::Pdf | Self::Zip | Self::Text | Self::Unknown => false,
        }
    }

    /// Whether [`strip_metadata`](crate::strip_metadata) and [`Inspection`](crate::Inspection) understand the kind.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Avif | Self::Heic)
    }

    /// Whether [`Picture`](crate::Picture) decodes the kind, so that it has thumbnails and a blurhash.
    pub fn has_thumbnail(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp)
    }
}

const ALL: [Kind; 18] = [
    Kind::Jpeg,
    Kind::Png,
    Kind::Gif,
    Kind::Webp,
    Kind::Avif,
    Kind::Heic,
    Kind::Mp4,
    Kind::Quicktime,
    Kind::Webm,
    Kind::Matroska,
    Kind::M4a,
    Kind::Mp3,
    Kind::Ogg,
    Kind::Flac,
    Kind::Wav,
    Kind::Pdf,
    Kind::Zip,
    Kind::Text,
];

const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"\xff\xd8\xff", Kind::Jpeg),
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"GIF87a", Kind::Gif),
    (b"GIF89a", Kind::Gif),
    (b"OggS\0", Kind::Ogg),
    (b"fLaC\0", Kind::Flac),
    (b"ID3\x02", Kind::Mp3),
    (b"ID3\x03", Kind::Mp3),
    (b"ID3\x04", Kind::Mp3),
    (b"%PDF-", Kind::Pdf),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
];

fn riff(head: &[u8]) -> Option<Kind> {
    match head.strip_prefix(b"RIFF")?.get(4..8)? {
        b"WEBP" => Some(Kind::Webp),
        b"WAVE" => Some(Kind::Wav),
        _ => None,
    }
}

/// The kind by the brands of an ISO base media file. The first that is known decides; HEIF's general brands say nothing
/// of the codec, so those behind them are asked.
fn iso_media(head: &[u8]) -> Option<Kind> {
    bmff::brands(head)?.find_map(|brand| match brand {
        b"avif" | b"avis" => Some(Kind::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Kind::Heic),
        b"qt  " => Some(Kind::Quicktime),
        b"M4A " | b"M4B " => Some(Kind::M4a),
        b"isom" | b"iso2" | b"iso3" | b"iso4" | b"iso5" | b"iso6" | b"mp41" | b"mp42" | b"avc1" | b"dash" | b"M4V "
        | b"MSNV" => Some(Kind::Mp4),
        _ => None,
    })
}

/// The kind by the document type in the EBML header, which is its element 0x4282.
fn matroska(head: &[u8]) -> Option<Kind> {
    let header = head.strip_prefix(b"\x1a\x45\xdf\xa3")?;
    let header = header.get(..64).unwrap_or(header);
    let has = |doctype: &[u8]| header.windows(doctype.len()).any(|window| window == doctype);
    if has(b"\x42\x82\x84webm") {
        Some(Kind::Webm)
    } else if has(b"\x42\x82\x88matroska") {
        Some(Kind::Matroska)
    } else {
        None
    }
}

/// An MP3 without a tag begins with a frame; layer III, and neither a reserved bit rate nor a reserved sample rate.
fn mp3_frame(head: &[u8]) -> Option<Kind> {
    let [0xff, version, rates, ..] = head else { return None };
    let layer_three = matches!(version & 0xfe, 0xfa | 0xf2 | 0xe2);
    let rates_valid = !matches!(rates >> 4, 0 | 15) && (rates >> 2) & 3 != 3;
    (layer_three && rates_valid).then_some(Kind::Mp3)
}

fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A head may end within a character.
        Err(error) if error.error_len().is_none() && head.len() >= Kind::HEAD => {
            let valid = head.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c'))
}
