//! Sign-in with another OpenID provider, which is another tenant: every step over sockets, as a browser takes them.

use std::collections::BTreeMap;
use std::fs;

use bartab_auth::NewAccount;
use bartab_core::TenantRole;
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};
use serde_json::{Value, json};

use crate::support::{Server, config, settings};

const PASSWORD: &str = "open-sesame";

/// A browser: it keeps cookies, follows links and redirects, and sends forms.
struct Browser {
    client: reqwest::Client,
    cookies: BTreeMap<String, String>,
    accept: &'static str,
}

#[derive(Debug)]
struct Page {
    url: Url,
    status: StatusCode,
    text: String,
}

impl Browser {
    fn new() -> Self {
        let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { client, cookies: BTreeMap::new(), accept: "text/html" }
    }

    /// Follows redirects for as long as they lead to this machine.
    async fn go(&mut self, method: Method, url: Url, body: Option<String>) -> Page {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..10 {
            if url.host_str() != Some("127.0.0.1") {
                return Page { url, status: StatusCode::FOUND, text: String::new() };
            }
            let mut request = self.client.request(method, url.clone()).header("accept", self.accept);
            let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header("cookie", cookies.join("; "));
            if let Some(body) = body.take() {
                request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
            }
            let answer = request.send().await.unwrap();
            for line in answer.headers().get_all("set-cookie") {
                let pair = line.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            let Some(location) = answer.headers().get("location") else {
                let status = answer.status();
                return Page { url, status, text: answer.text().await.unwrap() };
            };
            assert!(matches!(answer.status().as_u16(), 302 | 303), "{answer:?}");
            url = url.join(location.to_str().unwrap()).unwrap();
            method = Method::GET;
        }
        panic!("redirects without end: {url}");
    }

    async fn open(&mut self, url: &str) -> Page {
        self.go(Method::GET, Url::parse(url).unwrap(), None).await
    }

    async fn submit(&mut self, page: &Page, filled: &[(&str, &str)]) -> Page {
        let form = page.text.split("<form ").nth(1).unwrap().split("</form>").next().unwrap();
        let mut fields: Vec<(String, String)> = Vec::new();
        for input in form.split("<input ").skip(1).map(|input| input.split('>').next().unwrap()) {
            if let Some(name) = attribute(input, "name").filter(|name| filled.iter().all(|(other, _)| other != name)) {
                fields.push((name, attribute(input, "value").unwrap_or_default()));
            }
        }
        fields.extend(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = Url::parse_with_params("http://x", &fields).unwrap().query().unwrap().to_owned();
        let action = attribute(form.split('>').next().unwrap(), "action").unwrap();
        self.go(Method::POST, page.url.join(&action).unwrap(), Some(body)).await
    }
}

impl Page {
    #[track_caller]
    fn heading(&self) -> String {
        let (_, rest) = self.text.split_once("<h1>").unwrap_or_else(|| panic!("{self:?}"));
        rest.split_once("</h1>").unwrap().0.replace("<bdi>", "").replace("</bdi>", "")
    }

    /// Where the link with this text leads.
    fn link(&self, text: &str) -> String {
        let before = self.text.split_once(text).unwrap().0;
        let href = attribute(&before[before.rfind("<a ").unwrap()..], "href").unwrap();
        self.url.join(&href).unwrap().to_string()
    }

    fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split(&format!("{name}=\"")).nth(1)?.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&#61;", "="))
}

/// Two tenants of one server: people of `home` may sign in at `away`.
struct Town {
    server: Server,
    home: String,
    away: String,
}

impl Town {
    async fn open() -> Self {
        let server = Server::with(config(), &[("home", settings())]).await;
        let (home, away) = (format!("{}/t/home", server.url), format!("{}/t/away", server.url));
        let body = json!({
            "name": "Away", "reason": "wanted", "confidential": true, "scopes": ["openid", "profile"],
            "redirect_uris": [format!("{away}/v1/auth/providers/home/callback")],
        });
        let client = register(&server, "home", &body).await;
        server.folder.create(&"away".parse().unwrap(), &settings()).unwrap();
        let path = server.data().join("tenants/away/tenant.toml");
        let own = fs::read_to_string(&path).unwrap();
        let provider = format!(
            "[[auth.providers]]\nid = \"home\"\nname = \"Home\"\nissuer = \"{home}\"\nallow_registration = true\n\
             client_id = {}\nclient_secret = {}\n",
            client["client_id"], client["client_secret"]
        );
        fs::write(&path, format!("{own}\n{provider}")).unwrap();
        server.register("/t/home", "alice").await;
        Self { server, home, away }
    }

    /// Signs alice in at home, and lets away know who she is.
    async fn sign_in(&self, browser: &mut Browser, page: Page) -> Page {
        assert_eq!((page.heading().as_str(), page.url.as_str().starts_with(&self.home)), ("Sign in", true), "{page:?}");
        let page = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
        assert_eq!(page.heading(), "Away asks for access");
        browser.submit(&page, &[("decision", "allow")]).await
    }
}

/// Registers an OAuth client as an administrator of the tenant.
async fn register(server: &Server, tenant: &str, body: &Value) -> Value {
    let auth = server.running.host().tenant(tenant).await.unwrap().auth().clone();
    let root = NewAccount { role: TenantRole::Administrator, ..NewAccount::member("chief", PASSWORD) };
    let root = auth.create_account(root).await.unwrap();
    let token = auth.sign_in(root.user_id, None).await.unwrap().access_token;
    let answer = server.post_as(&token, &format!("/t/{tenant}/v1/admin/clients"), body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn people_of_one_tenant_sign_in_at_another() {
    let town = Town::open().await;
    let list = town.server.get("/t/away/v1/auth/providers").await.json();
    let start = format!("{}/v1/auth/providers/home/start", town.away);
    assert_eq!(list, json!({"items": [{"id": "home", "name": "Home", "start_url": start}], "next_cursor": null}));
    let mut browser = Browser::new();
    let page = browser.open(&start).await;
    let page = town.sign_in(&mut browser, page).await;
    assert_eq!((page.status.as_u16(), page.heading().as_str()), (200, "You are signed in"), "{page:?}");
    assert!(page.url.as_str().starts_with(&format!("{}/v1/auth/providers/home/callback?", town.away)));
    // What has led here is worth nothing a second time.
    assert_eq!(browser.open(page.url.as_str()).await.status, 400);

    // Known at home and asked nothing any more; a program gets tokens of the other tenant.
    browser.accept = "application/json";
    let begun = browser.open(&start).await;
    let url = serde_json::from_str::<Value>(&begun.text).unwrap()["url"].as_str().unwrap().to_owned();
    let answer = browser.open(&url).await;
    let tokens: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic!("{answer:?}"));
    let token = tokens["access_token"].as_str().unwrap();
    let me = town.server.get_as(token, "/t/away/v1/me").await;
    assert_eq!((me.status.as_u16(), &me.json()["username"]), (200, &json!("alice")), "{me:?}");
    town.server.get_as(token, "/t/home/v1/me").await.is_problem(401, "auth.invalid_token");
    let rooms = town.server.get_as(token, "/t/away/v1/rooms").await;
    assert_eq!(rooms.status, 200, "chat knows them too: {rooms:?}");
}

#[tokio::test]
async fn a_client_s_request_goes_on_behind_the_provider() {
    let town = Town::open().await;
    let body = json!({
        "name": "App", "redirect_uris": ["https://app.example/cb"],
        "confidential": false, "scopes": ["chat:read"], "reason": "wanted",
    });
    let client = register(&town.server, "away", &body).await;
    let mut browser = Browser::new();
    let request = format!(
        "{}/v1/oauth2/authorize?response_type=code&client_id={}&scope=chat:read&state=s%26t&prompt=login\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256\
         &redirect_uri=https%3A%2F%2Fapp.example%2Fcb",
        town.away,
        client["client_id"].as_str().unwrap()
    );
    let page = browser.open(&request).await;
    assert_eq!(page.heading(), "Sign in");
    let page = browser.open(&page.link("Sign in with <bdi>Home")).await;
    let page = town.sign_in(&mut browser, page).await;
    assert_eq!((page.heading().as_str(), page.url.as_str().starts_with(&town.away)), ("App asks for access", true));
    let end = browser.submit(&page, &[("decision", "allow")]).await;
    assert_eq!((end.url.host_str(), end.url.path()), (Some("app.example"), "/cb"));
    assert_eq!((end.query("state").as_deref(), end.query("iss").as_deref()), (Some("s&t"), Some(&*town.away)));
    let form = format!(
        "grant_type=authorization_code&code={}&client_id={}&redirect_uri=https%3A%2F%2Fapp.example%2Fcb\
         &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        end.query("code").unwrap(),
        client["client_id"].as_str().unwrap()
    );
    let token = town.server.request(Method::POST, "/t/away/v1/oauth2/token").body(form);
    let token = token.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(token.status(), 200, "{:?}", token.text().await);
}

#[tokio::test]
async fn who_says_no_at_home_is_told_so_and_is_not_signed_in() {
    let town = Town::open().await;
    let mut browser = Browser::new();
    let page = browser.open(&format!("{}/v1/auth/providers/home/start", town.away)).await;
    let page = browser.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
    let page = browser.submit(&page, &[("decision", "deny")]).await;
    assert_eq!((page.status.as_u16(), page.heading().as_str()), (403, "You are not signed in"), "{page:?}");
}
