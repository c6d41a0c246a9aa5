//! Whatever answers with a secret says that nobody keeps it, in the words of RFC 6749 section 5.1.

use bartab_core::TenantRole;
use serde_json::json;

use crate::world::{Answer, PASSWORD, World};

#[tokio::test]
async fn answers_with_secrets_are_kept_by_nobody() {
    let world = World::open().await;
    let root = world.with_role("root", TenantRole::Owner).await.access_token;
    let user = world.person("alice").await.user_id;
    let post = async |path: &str, token: &str, body, secret: &str| -> Answer {
        let answer = world.post(path, token, body).await;
        assert!(answer.status.is_success(), "{path}: {answer:?}");
        assert!(!answer.text(secret).is_empty(), "{path}");
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"), "{path}");
        answer
    };
    let reason = json!({"reason": "wanted"});
    let password = json!({"password": PASSWORD});
    let bob = json!({"username": "bob", "password": PASSWORD});
    let client = json!({"name": "A", "kind": "service", "confidential": true, "scopes": ["chat:read"], "reason": "x"});
    post("/v1/auth/register", "", bob.clone(), "refresh_token").await;
    post("/v1/auth/login", "", bob, "refresh_token").await;
    post("/v1/invites", &root, json!({}), "code").await;
    post("/v1/admin/clients", &root, client, "client_secret").await;
    post(&format!("/v1/admin/users/{user}/reset"), &root, reason, "link").await;
    let bot = post("/v1/bots", &root, json!({"name": "B"}), "client_secret").await.text("bot_id");
    post(&format!("/v1/bots/{bot}/secret"), &root, json!({}), "client_secret").await;
    post("/v1/me/mfa/totp", &root, password, "secret").await;
}
