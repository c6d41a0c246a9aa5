//! The pages that one-time links lead to.

use bartab_auth::Login;
use bartab_core::TenantRole;

use crate::browser::Browser;
use crate::world::{ISSUER, PASSWORD, World};

const GONE: &str = "This link is good no more: it was used, its time is over, or a newer one took its place.";
const NEW: &str = "staple battery horse";

fn path(link: &str) -> String {
    link.strip_prefix(ISSUER).unwrap().to_owned()
}

#[tokio::test]
async fn the_first_owner_chooses_a_name_and_a_password() {
    let world = World::open().await;
    let link = path(&world.service.auth().setup_link().await.unwrap().unwrap());
    let mut browser = Browser::default();
    let page = browser.get(&world, &link).await;
    page.assert_page(200, "Make the first account");
    assert!(page.header("content-security-policy").ends_with("; form-action 'self'"));
    let good = [("username", "Root"), ("display_name", "The \"Boss\""), ("password", NEW), ("again", NEW)];
    // A mistake costs nothing: the page comes again with what was typed, but for the passwords.
    for (change, told) in [
        (("again", "something else"), "The two passwords are not the same."),
        (
            ("username", "no name"),
            "A username has letters a to z, digits, `.`, `_` and `-`, and begins with a letter or digit.",
        ),
        (("username", ""), "A username has 1 to 32 characters."),
    ] {
        let mut filled = good;
        let field = filled.iter_mut().find(|(name, _)| *name == change.0).unwrap();
        field.1 = change.1;
        let again = browser.submit(&world, &page, &filled).await;
        again.assert_page(400, "Make the first account");
        assert_eq!(again.alert(), told);
        assert!(!again.html().contains(NEW));
        assert_eq!(again.form().fields[2], ("display_name".to_owned(), "The \"Boss\"".to_owned()));
    }
    // Not by another site's form.
    let mut foreign = Browser { headers: vec![("sec-fetch-site", "cross-site".to_owned())], ..browser.clone() };
    foreign.submit(&world, &page, &good).await.assert_page(403, "Make the first account");
    Browser::default().submit(&world, &page, &good).await.assert_page(403, "Make the first account");

    browser.submit(&world, &page, &good).await.assert_page(200, "You own this place now");
    let root = world.stores.accounts.find("root").await.unwrap().unwrap();
    assert_eq!((root.role, &*root.display_name), (TenantRole::Owner, "The \"Boss\""));
    assert!(world.service.auth().login(Login::new("root", NEW)).await.is_ok());
    for answer in [browser.get(&world, &link).await, browser.submit(&world, &page, &good).await] {
        answer.assert_page(410, "That did not work");
        assert_eq!(answer.alert(), GONE);
    }
}

#[tokio::test]
async fn a_new_password_is_chosen_and_signs_everybody_out() {
    let world = World::open().await;
    let tokens = world.person("alice").await;
    let link = world.service.auth().reset_sign_in(&bartab_auth::Act::operator("lost"), tokens.user_id).await.unwrap();
    let mut browser = Browser::default();
    let page = browser.get(&world, &path(&link)).await;
    page.assert_page(200, "Choose a new password");
    assert!(page.html().contains("value=\"alice\" autocomplete=\"username\" readonly"));
    let wrong = browser.submit(&world, &page, &[("password", "short"), ("again", "short")]).await;
    wrong.assert_page(400, "Choose a new password");
    assert_eq!(wrong.alert(), "A password has at least 8 characters.");
    // Whose account it is says the link, and nothing in the form.
    world.person("bob").await;
    let filled = [("username", "bob"), ("password", NEW), ("again", NEW)];
    browser.submit(&world, &page, &filled).await.assert_page(200, "Your password is saved");
    let auth = world.service.auth();
    assert!(auth.login(Login::new("alice", NEW)).await.is_ok());
    assert!(auth.login(Login::new("alice", PASSWORD)).await.is_err());
    assert!(auth.login(Login::new("bob", PASSWORD)).await.is_ok());
    browser.submit(&world, &page, &filled).await.assert_page(410, "That did not work");
}

#[tokio::test]
async fn what_is_no_link_leads_nowhere() {
    let world = World::open().await;
    for path in ["/v1/auth/setup", "/v1/auth/reset"] {
        for query in ["", "?token=", "?token=x", "?token=a&token=b", "?token=%00%ff"] {
            let answer = Browser::default().get(&world, &format!("{path}{query}")).await;
            answer.assert_page(410, "That did not work");
            let answer = Browser::default().post(&world, &format!("{path}{query}"), &[("password", NEW)]).await;
            assert!(answer.status == 410 || answer.status == 403, "{answer:?}");
        }
    }
}
