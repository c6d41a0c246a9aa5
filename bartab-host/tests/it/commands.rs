//! The operator's commands do the same whether a server runs on the folder or not.

use reqwest::StatusCode;
use serde_json::{Value, json};

#[cfg(unix)]
use crate::forms::fill;
#[cfg(unix)]
use crate::program::Serving;
use crate::program::{ended, ended_with_input};

const PASSWORD: &str = "correct horse battery staple";

/// A folder with the tenant `acme`.
async fn data() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let (made, text) = ended(&["tenant", "create", "acme", "--data", &path, "--registration", "open"]).await;
    assert!(made, "{text}");
    (folder, path)
}

/// Runs a command that must succeed, and gives its lines.
async fn told(data: &str, arguments: &[&str]) -> Vec<String> {
    let (good, text) = ended(&[arguments, &["--data", data]].concat()).await;
    assert!(good, "{arguments:?}: {text}");
    text.lines().map(str::to_owned).collect()
}

/// Runs a command that must fail, and gives what it says.
async fn refused(data: &str, arguments: &[&str]) -> String {
    let (good, text) = ended(&[arguments, &["--data", data]].concat()).await;
    assert!(!good, "{arguments:?}: {text}");
    text
}

/// The value behind a name and a tab.
fn value<'a>(lines: &'a [String], name: &str) -> &'a str {
    let found = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('\t'));
    found.unwrap_or_else(|| panic!("no {name} in {lines:?}"))
}

/// What there is to do with clients and invites.
async fn clients_and_invites(data: &str) {
    let app =
        told(data, &["client", "create", "Board", "--redirect-uri", "https://board.example/cb", "--reason", "wanted"])
            .await;
    let id = value(&app, "client_id");
    assert!(id.starts_with("client_") && value(&app, "client_secret").len() >= 43);
    let public = ["client", "create", "Phone", "--public", "--redirect-uri", "com.example.phone:/cb", "--reason", "x"];
    assert!(!told(data, &public).await.iter().any(|line| line.starts_with("client_secret")));
    let service =
        ["client", "create", "Media", "--service", "--scope", "media:read", "--tenant", "acme", "--reason", "x"];
    assert!(told(data, &service).await.iter().any(|line| line.starts_with("client_secret")));
    let listed = told(data, &["client", "list"]).await;
    assert_eq!(listed.len(), 3);
    assert_eq!(listed[0], format!("{id}\tapp\tBoard\thttps://board.example/cb"));
    let bad =
        refused(data, &["client", "create", "Evil", "--redirect-uri", "http://evil.example/", "--reason", "x"]).await;
    assert!(bad.contains("redirect_uris/0") && bad.contains("request.invalid"), "{bad}");
    assert_eq!(told(data, &["client", "remove", id, "--reason", "gone"]).await, [format!("removed {id}")]);
    assert!(refused(data, &["client", "remove", id, "--reason", "gone"]).await.contains("client.not_found"));
    assert!(
        refused(data, &["client", "remove", "../keys", "--reason", "gone"]).await.contains("nothing can be called")
    );

    let invite = told(data, &["invite", "create", "--max-uses", "1", "--days", "2", "--role", "moderator"]).await;
    let (id, code) = (value(&invite, "invite_id").to_owned(), value(&invite, "code"));
    assert!(code.len() >= 22, "{code}");
    let listed = told(data, &["invite", "list"]).await;
    assert!(listed.len() == 1 && listed[0].starts_with(&format!("{id}\tmoderator\t0\t1\t")), "{listed:?}");
    assert_eq!(
        told(data, &["invite", "revoke", &id, "--reason", "handed out by mistake"]).await,
        [format!("revoked {id}")]
    );
    assert!(
        refused(data, &["invite", "revoke", &id, "--reason", "handed out by mistake"])
            .await
            .contains("invite.not_found")
    );
    assert!(refused(data, &["invite", "create", "--role", "emperor"]).await.contains("role"));
    assert!(refused(data, &["client", "list", "--tenant", "other"]).await.contains("tenant.not_found"));
}

/// What there is to do with accounts.
async fn accounts(data: &str) {
    let arguments = ["user", "create", "Alice", "--admin", "--password-stdin", "--display-name", "Alice A."];
    let (made, text) = ended_with_input(&[&arguments[..], &["--data", data]].concat(), &format!("{PASSWORD}\n")).await;
    assert!(made, "{text}");
    let fields: Vec<&str> = text.trim_end().split('\t').collect();
    let ["alice", alice, "administrator", "active", "person"] = fields[..] else { panic!("{text}") };
    assert!(!text.contains(PASSWORD) && !text.contains("http"));

    // Without a password there is a link, and no password at all.
    let bob = told(data, &["user", "create", "bob"]).await;
    assert!(bob.len() == 2 && bob[0].starts_with("bob\tuser_") && bob[0].ends_with("\tmember\tactive\tperson"));
    assert!(bob[1].starts_with("Good once and for 24 hours: http") && bob[1].contains("/v1/auth/reset?token="));
    for (arguments, code) in [
        (&["user", "create", "bob"][..], "username.taken"),
        (&["user", "create", "no name"], "request.invalid"),
        (&["user", "create", "carol", "--role", "emperor"], "possible values"),
        (&["user", "create", "carol", "--role", "owner", "--admin"], "cannot be used with"),
        (&["user", "suspend", "nobody", "--reason", "x"], "account.not_found"),
        (&["user", "suspend", "bob", "--reason", ""], "request.invalid"),
        (&["user", "suspend", "bob"], "--reason"),
        (&["user", "rate", "bob", "0", "--reason", "x"], "request.invalid"),
        (&["user", "erase", "bob", "--reason", "x"], "--yes"),
        (&["user", "list", "--search", "a/b"], "nothing can be called"),
    ] {
        let said = refused(data, arguments).await;
        assert!(said.contains(code), "{arguments:?}: {said}");
    }
    let (short, said) =
        ended_with_input(&["user", "create", "eve", "--password-stdin", "--data", data], "short\n").await;
    assert!(!short && said.contains("password"), "{said}");

    let states = async || {
        let listed = told(data, &["user", "list"]).await;
        let part = |line: &String| {
            let fields: Vec<&str> = line.split('\t').collect();
            format!("{} {} {}", fields[0], fields[2], fields[3])
        };
        listed.iter().map(part).collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["alice administrator active", "bob member active"]);
    told(data, &["user", "suspend", "bob", "--reason", "spam"]).await;
    told(data, &["user", "role", alice, "owner", "--reason", "founder"]).await;
    assert_eq!(states().await, ["alice owner active", "bob member suspended"]);
    told(data, &["user", "restore", "bob", "--reason", "a mistake"]).await;
    assert_eq!(told(data, &["user", "list", "--role", "owner", "--state", "active"]).await.len(), 1);
    assert_eq!(told(data, &["user", "list", "--search", "b", "--kind", "person"]).await.len(), 1);
    told(data, &["user", "rate", "bob", "200", "--reason", "busy"]).await;
    let reset = told(data, &["user", "reset", "bob", "--reason", "forgot it"]).await;
    assert!(reset.len() == 1 && reset[0].contains("/v1/auth/reset?token="), "{reset:?}");
    told(data, &["user", "erase", "bob", "--messages", "--yes", "--reason", "asked to"]).await;
    assert_eq!(states().await, ["alice owner active", " guest erased"]);
    assert!(refused(data, &["user", "restore", "bob", "--reason", "x"]).await.contains("account.not_found"));
}

/// What there is to do with signing keys.
async fn keys(data: &str) {
    let listed = async || {
        let lines = told(data, &["key", "list"]).await;
        let part = |line: &String| line.split('\t').take(3).map(str::to_owned).collect::<Vec<_>>();
        lines.iter().map(part).filter(|key| key[1] == "EdDSA").collect::<Vec<_>>()
    };
    let before = listed().await;
    assert!(before.len() == 1 && before[0][2] == "active", "{before:?}");
    let first = before[0][0].clone();
    told(data, &["key", "rotate", "--algorithm", "EdDSA", "--reason", "as planned"]).await;
    let states = async || listed().await.into_iter().map(|key| key[2].clone()).collect::<Vec<_>>();
    assert_eq!(states().await, ["active", "next"]);
    told(data, &["key", "rotate", "--algorithm", "EdDSA", "--now", "--reason", "in a hurry"]).await;
    assert!(states().await.contains(&"retired".to_owned()));
    told(data, &["key", "retire", &first, "--reason", "it was stolen"]).await;
    assert!(listed().await.iter().all(|key| key[0] != first));
    assert!(refused(data, &["key", "retire", &first, "--reason", "again"]).await.contains("key.not_found"));
    assert!(refused(data, &["key", "rotate", "--algorithm", "HS256", "--reason", "x"]).await.contains("algorithm"));
    assert!(refused(data, &["key", "rotate"]).await.contains("--reason"));
}

#[tokio::test]
async fn commands_work_on_a_folder_that_nobody_serves() {
    let (_folder, data) = data().await;
    clients_and_invites(&data).await;
    accounts(&data).await;
    keys(&data).await;
    assert!(refused(&data, &["tenant", "setup-link", "acme"]).await.contains("tenant.set_up"));
}

#[cfg(unix)]
#[tokio::test]
async fn commands_work_through_the_server_that_runs() {
    let (_folder, data) = data().await;
    let server = Serving::on(&data).await;
    // The tenant is open, so that nobody else could open it.
    let ready = reqwest::get(format!("{}/t/acme/readyz", server.url)).await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    clients_and_invites(&data).await;
    accounts(&data).await;
    keys(&data).await;
    // Two servers do not share a folder.
    let second = ["serve", "--data", &data, "--listen", "127.0.0.1:0", "--operator-listen", "none"];
    let (started, text) = ended(&second).await;
    assert!(!started && text.contains("another server"), "{text}");
    server.stop().await;
    // What was done through it is there without it.
    assert_eq!(told(&data, &["client", "list"]).await.len(), 2);
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_was_killed_is_not_asked() {
    let (folder, data) = data().await;
    let mut server = Serving::on(&data).await;
    let _answered = reqwest::get(format!("{}/t/acme/readyz", server.url)).await.unwrap();
    server.child.kill().await.unwrap();
    assert!(folder.path().join("operator.addr").exists(), "nobody has tidied up");
    // Somebody else listens there now, and must not be sent the token.
    let address = server.operator.strip_prefix("http://").unwrap();
    let stranger = tokio::net::TcpListener::bind(address).await.unwrap();
    assert!(told(&data, &["client", "list"]).await.is_empty());
    let asked = tokio::time::timeout(std::time::Duration::from_millis(1), stranger.accept()).await;
    assert!(asked.is_err(), "the command has connected to a stranger");
}

/// Signs in; gives the status and the answer.
#[cfg(unix)]
async fn sign_in(base: &str, username: &str, password: &str) -> (StatusCode, Value) {
    let body = json!({"username": username, "password": password}).to_string();
    let answer = reqwest::Client::new().post(format!("{base}/v1/auth/login")).body(body).send().await.unwrap();
    (answer.status(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn the_first_start_prints_a_link_to_the_first_owner_that_works_once() {
    let (_folder, data) = data().await;
    let mut server = Serving::on(&data).await;
    let printed = crate::program::lines_until(&mut server.child, "/v1/auth/setup").await;
    assert!(printed.iter().any(|line| line.starts_with("Nobody runs `acme` yet.")), "{printed:?}");
    let link = printed.last().unwrap().trim().to_owned();
    let base = format!("{}/t/acme", server.url);
    assert!(link.starts_with(&format!("{base}/v1/auth/setup?token=")), "{link}");

    // Nobody can sign in before: there is no account, and no password that is known.
    for (username, password) in [("admin", "admin"), ("root", "bartab"), ("bartab", "bartab"), ("owner", "password")] {
        assert_eq!(sign_in(&base, username, password).await.0, StatusCode::UNAUTHORIZED);
    }
    let owner = [("username", "robin"), ("display_name", "Robin"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(fill(&link, &owner).await, StatusCode::OK);
    let other = [("username", "eve"), ("display_name", "Eve"), ("password", PASSWORD), ("again", PASSWORD)];
    assert_eq!(fill(&link, &other).await, StatusCode::GONE);
    assert_eq!(sign_in(&base, "eve", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    let (status, tokens) = sign_in(&base, "robin", PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    assert!(tokens["scope"].as_str().unwrap().split(' ').any(|scope| scope == "admin"), "{tokens}");
    assert!(told(&data, &["user", "list"]).await[0].contains("\towner\tactive"));
    assert!(refused(&data, &["tenant", "setup-link", "acme"]).await.contains("tenant.set_up"));

    // A tenant that is made while the server runs comes with its link, and a newer one takes its place.
    let made = told(&data, &["tenant", "create", "beta"]).await;
    let first = made.last().unwrap().trim().to_owned();
    assert!(first.starts_with(&format!("{}/t/beta/v1/auth/setup?token=", server.url)), "{made:?}");
    let newer = told(&data, &["tenant", "setup-link", "beta"]).await.last().unwrap().trim().to_owned();
    assert_eq!(fill(&first, &owner).await, StatusCode::GONE);
    assert_eq!(fill(&newer, &owner).await, StatusCode::OK);
    // An account without a password gets one by its link.
    let bob = told(&data, &["user", "create", "bob", "--tenant", "beta"]).await;
    let link = bob[1].rsplit(' ').next().unwrap();
    assert_eq!(fill(link, &[("password", PASSWORD), ("again", PASSWORD)]).await, StatusCode::OK);
    assert_eq!(sign_in(&format!("{}/t/beta", server.url), "bob", PASSWORD).await.0, StatusCode::OK);

    let mut log = server.child.stderr.take().unwrap();
    server.stop().await;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut log, &mut text).await.unwrap();
    assert!(!text.contains("token="), "links are not for the log: {text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_tenant_with_an_owner_prints_no_link() {
    let (_folder, data) = data().await;
    told(&data, &["user", "create", "alice", "--role", "owner"]).await;
    let mut server = Serving::on(&data).await;
    let ready = reqwest::get(format!("{}/t/acme/readyz", server.url)).await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
    let mut out = server.child.stdout.take().unwrap();
    server.stop().await;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut out, &mut text).await.unwrap();
    assert_eq!(text, "");
}
