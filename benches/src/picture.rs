//! The first thumbnail of a photo, over HTTP, against decoding and resizing it with the same crates.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bartab_core::{Random as _, SeededRandom};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, ExtendedColorType, RgbImage};

use crate::Result;
use crate::client::Connection;
use crate::process::Server;
use crate::stats::{figure, millis, ratios};
use crate::tenant::{Person, person};

/// 12 megapixels, as a telephone takes them.
const WIDTH: u32 = 4000;
const HEIGHT: u32 = 3000;
/// What a list of files shows: one of the sizes that there are.
const SIDE: u32 = 256;

pub(crate) async fn run(photos: u32) -> Result<()> {
    let folder = tempfile::tempdir_in(".")?;
    let tenant = Server::tenant(folder.path()).await?;
    let mut connection = Connection::open(&tenant.addr).await?;
    let photographer = person(&mut connection, "photographer").await?;
    let (mut bare, mut with_encoding, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for seed in 0..photos {
        let photo = photo(u64::from(seed))?;
        bytes = photo.len();
        let id = upload(&mut connection, &photographer, &photo).await?;
        let began = Instant::now();
        let small = black_box(decode_and_resize(&photo)?);
        bare.push(began.elapsed());
        let mut encoded = Vec::new();
        JpegEncoder::new_with_quality(&mut encoded, 80).encode_image(&small)?;
        black_box(encoded);
        with_encoding.push(began.elapsed());
        let path = format!("/v1/media/{id}/thumbnail?w={SIDE}&h={SIDE}");
        let began = Instant::now();
        let (status, answer) = connection.call("GET", &path, Some(&photographer.token), "", b"").await?;
        let made = image::load_from_memory(answer)?;
        first.push(began.elapsed());
        if status != 200 || (made.width(), made.height()) != (small.width(), small.height()) {
            return Err(format!("thumbnail: {status}").into());
        }
    }
    figure("bytes of a photo", bytes);
    figure("decode and resize", millis(median(&bare)));
    figure("decode, resize and encode", millis(median(&with_encoding)));
    figure("first thumbnail over HTTP", millis(median(&first)));
    ratios("first thumbnail / decode and resize", over(&first, &bare), "<= 1.5");
    ratios("first thumbnail / decode, resize and encode", over(&first, &with_encoding), "none");
    tenant.stop().await
}

/// Shades with a bit of noise, unlike those of any other seed.
pub(crate) fn photo(seed: u64) -> Result<Vec<u8>> {
    let random = SeededRandom::new(seed);
    let mut noise = vec![0; (WIDTH * HEIGHT) as usize];
    random.fill(&mut noise);
    let pixels = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let grain = noise.get((y * WIDTH + x) as usize).map_or(0, |noise| noise / 16);
        let wave = ((x / 40) * (y / 40) % 97) as u8;
        image::Rgb([(x * 200 / WIDTH) as u8 + grain, (y * 200 / HEIGHT) as u8 + grain, 100 + wave + grain])
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode(&pixels, WIDTH, HEIGHT, ExtendedColorType::Rgb8)?;
    Ok(bytes)
}

/// The id of the file.
pub(crate) async fn upload(connection: &mut Connection, person: &Person, bytes: &[u8]) -> Result<String> {
    upload_to(connection, person, "/v1/media", bytes).await
}

pub(crate) async fn upload_to(
    connection: &mut Connection,
    person: &Person,
    path: &str,
    bytes: &[u8],
) -> Result<String> {
    let (status, answer) = connection.call("POST", path, Some(&person.token), "", bytes).await?;
    if status != 201 {
        return Err(format!("upload: {status} {}", String::from_utf8_lossy(answer)).into());
    }
    let file: serde_json::Value = serde_json::from_slice(answer)?;
    Ok(file["media_id"].as_str().ok_or("no id")?.to_owned())
}

/// What nobody can do without who uses these crates.
fn decode_and_resize(photo: &[u8]) -> Result<DynamicImage> {
    let pixels = DynamicImage::from_decoder(JpegDecoder::new(std::io::Cursor::new(photo))?)?;
    let from = ImageRef::new(pixels.width(), pixels.height(), pixels.as_bytes(), PixelType::U8x3)?;
    let mut into = Image::new(SIDE, SIDE * HEIGHT / WIDTH, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&from, &mut into, &options)?;
    let (width, height) = (into.width(), into.height());
    let made = RgbImage::from_raw(width, height, into.into_vec()).ok_or("the resized picture has another length")?;
    Ok(made.into())
}

fn over(times: &[Duration], base: &[Duration]) -> Vec<f64> {
    times.iter().zip(base).map(|(time, base)| time.as_secs_f64() / base.as_secs_f64()).collect()
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
