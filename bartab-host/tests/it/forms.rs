//! A browser that fills in forms: it keeps cookies, and sends hidden fields along.

use std::collections::BTreeMap;

use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};

pub(crate) struct Browser {
    client: Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

/// A page, or where the browser is sent.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<Url>,
    url: Url,
    html: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new() }
    }

    pub(crate) async fn open(&mut self, url: &str) -> Page {
        self.send(self.client.request(Method::GET, url)).await
    }

    /// Sends the form of a page with these fields filled in.
    pub(crate) async fn submit(&mut self, page: &Page, filled: &[(&str, &str)]) -> Page {
        let form = page.html.split("<form ").nth(1).unwrap().split("</form>").next().unwrap();
        let attribute = |tag: &str, name: &str| {
            let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
            Some(value.replace("&#38;", "&"))
        };
        let mut fields: Vec<(String, String)> = form
            .split("<input ")
            .skip(1)
            .map(|input| input.split('>').next().unwrap())
            .filter_map(|input| Some((attribute(input, "name")?, attribute(input, "value").unwrap_or_default())))
            .filter(|(name, _)| !filled.iter().any(|(filled, _)| filled == name))
            .collect();
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let action = attribute(form.split('>').next().unwrap(), "action").unwrap();
        let target = page.url.join(&action).unwrap();
        let body = Url::parse_with_params("http://form.example", &fields).unwrap().query().unwrap().to_owned();
        let request = self.client.request(Method::POST, target).body(body);
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    async fn send(&mut self, request: RequestBuilder) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header("cookie", cookies.join("; ")).send().await.unwrap();
        self.keep(&response);
        let (status, url) = (response.status(), response.url().clone());
        let location = response.headers().get("location").map(|to| url.join(to.to_str().unwrap()).unwrap());
        Page { status, location, url, html: response.text().await.unwrap() }
    }

    fn keep(&mut self, response: &Response) {
        for line in response.headers().get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

impl Page {
    /// A parameter of the address to which the browser is sent.
    pub(crate) fn sent(&self, name: &str) -> Option<String> {
        let location = self.location.as_ref()?;
        location.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

/// Opens the page and sends its form with these fields filled in; gives the status of what follows.
pub(crate) async fn fill(url: &str, filled: &[(&str, &str)]) -> StatusCode {
    let mut browser = Browser::new();
    let page = browser.open(url).await;
    if page.status != StatusCode::OK {
        return page.status;
    }
    browser.submit(&page, filled).await.status
}
