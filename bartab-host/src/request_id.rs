//! `X-Request-Id`: the name under which a request stands in answers and logs.

use bartab_core::http::{X_REQUEST_ID, request_id};
use bartab_core::{Random, SeededRandom};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};

const HEADER: HeaderName = HeaderName::from_static(X_REQUEST_ID);

/// Makes request ids. They tell requests apart and keep no secret, so they follow from one random seed.
#[derive(Debug)]
pub(crate) struct RequestIds(SeededRandom);

impl RequestIds {
    pub(crate) fn new(random: &dyn Random) -> Self {
        let mut seed = [0; 8];
        random.fill(&mut seed);
        Self(SeededRandom::new(u64::from_le_bytes(seed)))
    }

    /// The id of the request: its own when it is fit to be repeated, else a new one, which the request then carries.
    pub(crate) fn assign<B>(&self, request: &mut Request<B>) -> HeaderValue {
        if request_id(request.headers()).is_some()
            && let Some(own) = request.headers().get(&HEADER)
        {
            return own.clone();
        }
        let id = self.make();
        request.headers_mut().insert(HEADER, id.clone());
        id
    }

    /// 16 hexadecimal digits.
    fn make(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let number = self.0.next_u64();
        let text: [u8; 16] = std::array::from_fn(|at| DIGITS[(number >> (60 - 4 * at) & 15) as usize]);
        HeaderValue::from_maybe_shared(Bytes::copy_from_slice(&text)).unwrap_or(HeaderValue::from_static("-"))
    }
}

/// Repeats the id in the answer.
pub(crate) fn repeat<B>(response: &mut Response<B>, id: HeaderValue) {
    response.headers_mut().insert(HEADER, id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fit_ids_are_kept_and_others_replaced() {
        let ids = RequestIds::new(&SeededRandom::new(1));
        let assigned = |given: Option<&str>| {
            let mut request = Request::new(());
            if let Some(given) = given {
                request.headers_mut().insert(HEADER, HeaderValue::from_bytes(given.as_bytes()).unwrap());
            }
            let id = ids.assign(&mut request);
            assert_eq!(request.headers()[HEADER], id, "the services see the same id");
            id.to_str().unwrap().to_owned()
        };
        assert_eq!(assigned(Some("trace-42")), "trace-42");
        let (made, long) = (assigned(None), assigned(Some(&"x".repeat(129))));
        assert!(made.len() == 16 && made.bytes().all(|byte| byte.is_ascii_hexdigit()), "{made}");
        assert!(long.len() == 16 && long != made);
        assert_eq!(assigned(Some("two words")).len(), 16);
    }
}
