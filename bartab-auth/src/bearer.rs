//! Finding the access token in a request.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::token::TokenError;

/// The bearer token of the `Authorization` header (RFC 6750 section 2.1), the only place where one is looked for.
///
/// `None` when there is no header, or one of another scheme.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, TokenError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(TokenError::Repeated);
    }
    let Some((scheme, rest)) = value.as_bytes().split_at_checked("Bearer".len()) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"Bearer") {
        return Ok(None);
    }
    let token = rest.strip_prefix(b" ").ok_or(TokenError::Malformed)?;
    std::str::from_utf8(token.trim_ascii()).map(Some).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn found(values: &[&'static [u8]]) -> Result<Option<String>, TokenError> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        bearer(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn one_bearer_token_is_found() {
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&[b"Bearer a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(found(&[b"bEARER a.b.c"]), Ok(Some("a.b.c".to_owned())));
        assert_eq!(found(&[b"Basic YTpi"]), Ok(None));
        assert_eq!(found(&[b"Bear"]), Ok(None));
    }

    #[test]
    fn what_is_no_single_token_is_refused() {
        assert_eq!(found(&[b"Bearer a", b"Bearer a"]), Err(TokenError::Repeated));
        assert_eq!(found(&[b"Basic a", b"Bearer a"]), Err(TokenError::Repeated));
        assert_eq!(found(&[b"Bearer\ta"]), Err(TokenError::Malformed));
        assert_eq!(found(&[b"Bearer"]), Err(TokenError::Malformed));
        assert_eq!(found(&[b"Bearer \xff"]), Err(TokenError::Malformed));
    }
}
