//! What verifying a token costs a request, in process: through `AuthLayer` with a token that is known, with tokens that
//! are seen for the first time, and without one.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartab_auth::{AuthService, AuthStores, Config, NewAccount};
use bartab_core::store::MemoryIdentity;
use bartab_core::{SystemClock, SystemRandom};
use bytes::Bytes;
use http::{Request, Response};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

use crate::Result;
use crate::stats::{figure, ratio};

pub(crate) async fn run(requests: u32, tokens: u32) -> Result<()> {
    let stores = AuthStores::of(Arc::new(MemoryIdentity::new()));
    let mut config = Config::new("https://chat.example");
    config.password = bartab_auth::PasswordConfig::THROW_AWAY;
    config.token_cache = tokens as usize * 2;
    let service = AuthService::new(stores, config, Arc::new(SystemClock), Arc::new(SystemRandom)).await?;
    let person = service.auth().create_account(NewAccount::member("robin", "correct horse battery")).await?;
    let mut fresh = Vec::new();
    for _ in 0..tokens {
        fresh.push(service.auth().sign_in(person.user_id, None).await?.access_token);
    }
    let known = service.auth().sign_in(person.user_id, None).await?.access_token;
    let nothing = service_fn(|request: Request<()>| async move {
        Ok::<_, Infallible>(Response::new(Bytes::from_static(if request.extensions().is_empty() {
            b"-"
        } else {
            b"+"
        })))
    });
    let mut service = service.layer().layer(nothing);

    // Warm, and the known token becomes known.
    each(&mut service, (0..1000).map(|_| Some(known.as_str()))).await?;
    let first = each(&mut service, fresh.iter().map(|token| Some(token.as_str()))).await?;
    let without = each(&mut service, (0..requests).map(|_| None)).await?;
    let with = each(&mut service, (0..requests).map(|_| Some(known.as_str()))).await?;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    figure("a request without a token, µs", format!("{:.2}", micros(without)));
    figure("with a known token, µs", format!("{:.2}", micros(with)));
    figure("with a token seen for the first time, µs", format!("{:.2}", micros(first)));
    ratio("known token, µs over no token", micros(with.saturating_sub(without)), "<= 15");
    ratio("first time, µs over no token", micros(first.saturating_sub(without)), "<= 150");
    Ok(())
}

/// The mean time of these requests.
async fn each<'a, S>(service: &mut S, tokens: impl ExactSizeIterator<Item = Option<&'a str>>) -> Result<Duration>
where
    S: Service<Request<()>, Response = Response<Bytes>, Error = Infallible>,
{
    let count = u32::try_from(tokens.len())?.max(1);
    let began = Instant::now();
    for token in tokens {
        let mut request = Request::new(());
        if let Some(token) = token {
            request.headers_mut().insert(http::header::AUTHORIZATION, format!("Bearer {token}").try_into()?);
        }
        let Ok(response) = service.ready().await?.call(request).await;
        let expected: &[u8] = if token.is_some() { b"+" } else { b"-" };
        if black_box(response.into_body()) != expected {
            return Err("the token was not taken".into());
        }
    }
    Ok(began.elapsed() / count)
}
