//! Conditional requests and ranges: RFC 9110, sections 13 and 14.

use std::ops::Range;

use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderName, Method};

/// What a conditional request comes to, in the order of section 13.2.2. There is no date of modification: a file never
/// changes; so the conditions that name one are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is done as if it had no condition.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client wants to go on with.
    Failed,
}

/// Compares what the request says with the strong validator of what there is.
pub(super) fn evaluate(headers: &HeaderMap, etag: &str) -> Verdict {
    let strong = |tag: Tag<'_>| tag.is_any || (!tag.weak && tag.text == etag);
    let weak = |tag: Tag<'_>| tag.is_any || tag.text == etag;
    if headers.contains_key(IF_MATCH) && !tags(headers, IF_MATCH).any(strong) {
        return Verdict::Failed;
    }
    if tags(headers, IF_NONE_MATCH).any(weak) { Verdict::NotModified } else { Verdict::Proceed }
}

/// An entity tag of a list, with its quotes.
struct Tag<'a> {
    weak: bool,
    text: &'a str,
    /// It is a `*`.
    is_any: bool,
}

/// The entity tags of every such header, up to the first thing that is none.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Tag<'_>> {
    headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok()).flat_map(Tags)
}

struct Tags<'a>(&'a str);

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        let rest = self.0.trim_start_matches([' ', '\t', ',']);
        if let Some(after) = rest.strip_prefix('*') {
            self.0 = after;
            return Some(Tag { weak: false, text: "*", is_any: true });
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (text, after) = quoted.split_at_checked(end)?;
        self.0 = after;
        Some(Tag { weak, text, is_any: false })
    }
}

/// Which bytes are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of them.
    Whole,
    /// 206.
    Part(Range<u64>),
    /// 416: there are none of these.
    None,
}

/// What the `Range` header of a request wants of `length` bytes whose strong validator this is.
///
/// One range is served. Several are answered with the whole, as section 14.2 allows: no client needs them, and answers
/// with many small parts are a known way to have a server work. So is what is malformed, or of another unit.
pub(super) fn range(method: &Method, headers: &HeaderMap, etag: &str, length: u64) -> Wanted {
    if method != Method::GET {
        return Wanted::Whole;
    }
    // A date never matches, since none is given out; nor does a weak validator.
    if headers.get(IF_RANGE).is_some_and(|validator| validator != etag) {
        return Wanted::Whole;
    }
    let mut ranges = headers.get_all(RANGE).into_iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::Whole };
    range.to_str().ok().and_then(|range| parse(range, length)).unwrap_or(Wanted::Whole)
}

fn parse(range: &str, length: u64) -> Option<Wanted> {
    let (unit, set) = range.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim_matches([' ', '\t']).split_once('-')?;
    let wanted = match (first, last) {
        ("", suffix) => {
            let suffix = number(suffix)?;
            if length == 0 && suffix > 0 {
                return Some(Wanted::Whole);
            }
            length.saturating_sub(suffix)..length
        }
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..length.min(last.saturating_add(1))
        }
    };
    Some(if wanted.is_empty() { Wanted::None } else { Wanted::Part(wanted) })
}

/// Digits alone; more than fit are as many as there can be.
fn number(digits: &str) -> Option<u64> {
    let digit = |c: char| c.to_digit(10).map(u64::from);
    let more = |sum: u64, digit: u64| sum.saturating_mul(10).saturating_add(digit);
    (!digits.is_empty()).then_some(())?;
    digits.chars().try_fold(0, |sum, c| Some(more(sum, digit(c)?)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn conditions_are_compared_in_the_order_of_the_rfc() {
        use Verdict::{Failed, NotModified, Proceed};
        let cases: &[(&[(HeaderName, &'static str)], Verdict)] = &[
            (&[], Proceed),
            (&[(IF_NONE_MATCH, "\"a\"")], NotModified),
            (&[(IF_NONE_MATCH, "W/\"a\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\", W/\"y\" ,\"a\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, "\"x,\"a\"")], Proceed),
            (&[(IF_NONE_MATCH, "a")], Proceed),
            (&[(IF_NONE_MATCH, "\"A\"")], Proceed),
            (&[(IF_MATCH, "\"a\"")], Proceed),
            (&[(IF_MATCH, "*")], Proceed),
            (&[(IF_MATCH, "\"x\", \"a\"")], Proceed),
            (&[(IF_MATCH, "W/\"a\"")], Failed),
            (&[(IF_MATCH, "\"x\"")], Failed),
            (&[(IF_MATCH, "")], Failed),
            (&[(IF_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a\"")], Failed),
            (&[(IF_MATCH, "\"a\""), (IF_NONE_MATCH, "\"a\"")], NotModified),
        ];
        for (pairs, expected) in cases {
            assert_eq!(evaluate(&headers(pairs), "\"a\""), *expected, "{pairs:?}");
        }
    }

    #[test]
    fn one_range_is_served_and_what_is_none_is_passed_over() {
        let part = |range| Wanted::Part(range);
        let cases = [
            ("bytes=0-0", part(0..1)),
            ("bytes=0-9", part(0..10)),
            ("bytes=0-10", part(0..10)),
            ("bytes=3-99999999999999999999999999", part(3..10)),
            ("bytes=9-", part(9..10)),
            ("bytes=0-", part(0..10)),
            ("bytes=-1", part(9..10)),
            ("bytes=-10", part(0..10)),
            ("bytes=-11", part(0..10)),
            ("BYTES=2-4", part(2..5)),
            ("bytes= 2-4 ", part(2..5)),
            ("bytes=10-", Wanted::None),
            ("bytes=10-12", Wanted::None),
            ("bytes=99999999999999999999999999-", Wanted::None),
            ("bytes=18446744073709551615-18446744073709551615", Wanted::None),
            ("bytes=-0", Wanted::None),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=0-1, -1", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=--1", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("bytes=1", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("0-1", Wanted::Whole),
        ];
        for (range_header, expected) in cases {
            let headers = headers(&[(RANGE, range_header)]);
            assert_eq!(range(&Method::GET, &headers, "\"a\"", 10), expected, "{range_header}");
            assert_eq!(range(&Method::HEAD, &headers, "\"a\"", 10), Wanted::Whole);
        }
        for (range_header, expected) in [("bytes=0-", Wanted::None), ("bytes=-5", Wanted::Whole)] {
            assert_eq!(range(&Method::GET, &headers(&[(RANGE, range_header)]), "\"a\"", 0), expected);
        }
        let twice = headers(&[(RANGE, "bytes=0-1"), (RANGE, "bytes=3-4")]);
        assert_eq!(range(&Method::GET, &twice, "\"a\"", 10), Wanted::Whole);
    }

    #[test]
    fn a_range_is_served_only_of_what_the_client_has_a_part_of() {
        for (validator, expected) in [
            ("\"a\"", Wanted::Part(0..1)),
            ("\"b\"", Wanted::Whole),
            ("W/\"a\"", Wanted::Whole),
            ("Sat, 21 Nov 2026 10:00:00 GMT", Wanted::Whole),
        ] {
            let headers = headers(&[(RANGE, "bytes=0-0"), (IF_RANGE, validator)]);
            assert_eq!(range(&Method::GET, &headers, "\"a\"", 10), expected, "{validator}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_part_is_within_the_file_and_never_empty(text in "(bytes=)?[-0-9, ]*|\\PC*", length: u64) {
            if let Some(Wanted::Part(part)) = parse(&text, length) {
                proptest::prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
