//! A browser for tests: cookies, and forms that are read out of the pages.

use std::collections::BTreeMap;

use http::Request;
use http_body_util::Full;

use crate::world::{Answer, World};

/// Keeps cookies as a browser does; the tests of cookies themselves look at the headers.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
    /// Headers that go with every request.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// A form of a page, with the values that its fields begin with.
#[derive(Clone, Debug)]
pub(crate) struct PageForm {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Browser {
    pub(crate) async fn get(&mut self, world: &World, path: &str) -> Answer {
        self.send(world, Request::get(path), String::new()).await
    }

    pub(crate) async fn post(&mut self, world: &World, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = query(fields);
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(world, request, body).await
    }

    /// Sends the one form of `page`, with these fields filled in.
    pub(crate) async fn submit(&mut self, world: &World, page: &Answer, filled: &[(&str, &str)]) -> Answer {
        let form = page.form();
        let path = format!("{}{}", page.folder, form.action);
        self.post(world, &path, &form.with(filled)).await
    }

    async fn send(&mut self, world: &World, mut request: http::request::Builder, body: String) -> Answer {
        if !self.cookies.is_empty() {
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::from(body)).unwrap();
        let path = request.uri().path().to_owned();
        let mut answer = world.send(request).await;
        answer.folder = path[..=path.rfind('/').unwrap()].to_owned();
        for line in answer.headers.get_all("set-cookie") {
            let (pair, attributes) = line.to_str().unwrap().split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

impl PageForm {
    /// The fields, some of them filled in.
    pub(crate) fn with<'a>(&'a self, filled: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let kept = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = kept.filter(|(name, _)| !filled.iter().any(|(new, _)| new == name));
        kept.chain(filled.iter().copied()).collect()
    }
}

impl Answer {
    pub(crate) fn html(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The one form of the page.
    #[track_caller]
    pub(crate) fn form(&self) -> PageForm {
        let text = self.html();
        assert_eq!(text.matches("<form ").count(), 1, "{text}");
        let form = &text[text.find("<form ").unwrap()..text.find("</form>").unwrap()];
        let action = attribute(&form[..form.find('>').unwrap()], "action").unwrap();
        // A field without a name is not sent.
        let fields = form.split("<input ").skip(1).filter_map(|input| {
            let input = &input[..input.find('>').unwrap()];
            Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default()))
        });
        PageForm { action, fields: fields.collect() }
    }

    /// What the page alerts to.
    #[track_caller]
    pub(crate) fn alert(&self) -> String {
        let text = self.html();
        let start = text.find("role=\"alert\">").unwrap_or_else(|| panic!("no alert: {text}"));
        let rest = &text[start + "role=\"alert\">".len()..];
        unescape(&rest[..rest.find("</").unwrap()])
    }

    /// The page has this heading, and every header that keeps a page safe.
    #[track_caller]
    pub(crate) fn assert_page(&self, status: u16, heading: &str) {
        assert_eq!(self.status, status, "{}", self.html());
        let text = self.html();
        let shown = &text[text.find("<h1>").unwrap() + 4..text.find("</h1>").unwrap()];
        assert_eq!(unescape(&shown.replace("<bdi>", "").replace("</bdi>", "")), heading);
        assert_eq!(self.header("content-type"), "text/html; charset=utf-8");
        self.assert_secured();
    }

    #[track_caller]
    pub(crate) fn assert_secured(&self) {
        let policy = self.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for (name, value) in [
            ("x-frame-options", "DENY"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(self.header(name), value, "{name}");
        }
    }

    /// The answer sends the browser to `uri` with these parameters, and no other.
    #[track_caller]
    pub(crate) fn assert_redirect(&self, uri: &str, parameters: &[(&str, &str)]) {
        let (to, found) = self.redirect();
        let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!((to.as_str(), found.as_slice()), (uri, parameters));
    }

    /// Where the answer sends the browser, and the parameters that go with it.
    #[track_caller]
    pub(crate) fn redirect(&self) -> (String, Vec<(String, String)>) {
        assert_eq!(self.status, 303, "{self:?}");
        self.assert_secured();
        let (uri, query) = self.header("location").split_once('?').unwrap();
        let parameters = query.split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap();
            (name.to_owned(), decode(value))
        });
        (uri.to_owned(), parameters.collect())
    }

    /// The parameter that goes with the redirect.
    #[track_caller]
    pub(crate) fn sent(&self, name: &str) -> String {
        let (_, parameters) = self.redirect();
        let found = parameters.into_iter().find(|(known, _)| known == name);
        found.unwrap_or_else(|| panic!("no {name}: {self:?}")).1
    }
}

/// The parameters as a query or a form body.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    let encode = |text: &str| -> String {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
                _ => format!("%{byte:02X}"),
            })
            .collect()
    };
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    Some(unescape(&tag[start..start + tag[start..].find('"')?]))
}

pub(crate) fn unescape(text: &str) -> String {
    [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}
