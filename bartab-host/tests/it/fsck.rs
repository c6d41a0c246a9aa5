//! `bartab media`: what is recorded against what is stored, with a server on the folder and without.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{Serving, ended};

/// A tenant with two files of robin's, whose server was killed; gives where their bytes are.
struct Tenant {
    folder: tempfile::TempDir,
    /// The one that everybody may read.
    public: (String, PathBuf),
    private: (String, PathBuf),
}

async fn upload(server: &Serving, token: &str, query: &str, bytes: &'static str) -> Value {
    let url = format!("{}/t/acme/v1/media{query}", server.url);
    let answer = reqwest::Client::new().post(url).bearer_auth(token).body(bytes).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

impl Tenant {
    async fn killed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let (made, text) = ended(&["tenant", "create", "acme", "--data", data, "--registration", "open"]).await;
        assert!(made, "{text}");
        let mut server = Serving::on(data).await;
        let body = json!({"username": "robin", "password": "a long sentence"}).to_string();
        let register = format!("{}/t/acme/v1/auth/register", server.url);
        let tokens = reqwest::Client::new().post(register).body(body).send().await.unwrap().text().await.unwrap();
        let tokens: Value = serde_json::from_str(&tokens).unwrap();
        let token = tokens["access_token"].as_str().unwrap();
        let media = folder.path().join("tenants/acme/media");
        let place = |side: &str, file: &Value| {
            let (id, hash) = (file["media_id"].as_str().unwrap(), file["sha256"].as_str().unwrap());
            (id.to_owned(), media.join(side).join(&hash[..2]).join(&hash[2..4]).join(hash))
        };
        let public = place("public", &upload(&server, token, "?public=true", "for all to see").await);
        let private = place("private", &upload(&server, token, "", "for robin alone").await);
        server.child.kill().await.unwrap();
        Self { folder, public, private }
    }

    fn data(&self) -> &str {
        self.folder.path().to_str().unwrap()
    }

    fn media(&self) -> PathBuf {
        self.folder.path().join("tenants/acme/media")
    }

    async fn fsck(&self, more: &[&str]) -> (bool, String) {
        ended(&[&["media", "fsck", "--data", self.data()], more].concat()).await
    }
}

fn put(path: &Path, bytes: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn what_is_sound_is_left_alone_after_a_kill() {
    let tenant = Tenant::killed().await;
    let (sound, said) = tenant.fsck(&["--contents", "--repair"]).await;
    assert!(sound && said.starts_with("2 files and "), "{said}");
    assert_eq!(fs::read_to_string(&tenant.private.1).unwrap(), "for robin alone");
    let (told, said) = ended(&["media", "usage", "--data", tenant.data()]).await;
    assert!(told && said == "2\t29\t0\t0\t-\n", "{said:?}");
}

#[tokio::test]
async fn what_belongs_to_nothing_is_deleted_and_what_is_lost_is_named() {
    let tenant = Tenant::killed().await;
    let hash = "ab".repeat(32);
    let strays = [
        tenant.media().join("private/ab/ab").join(&hash),
        tenant.media().join("uploads/upload_00000000000000000000000001/0000000000000000"),
        tenant.media().join(format!("private/ab/ab/{hash}#1")),
    ];
    strays.iter().for_each(|path| put(path, "stray"));
    put(&tenant.private.1, "for rabin alone");
    fs::remove_file(&tenant.public.1).unwrap();

    // Without the contents, a file of the right size is taken for whole.
    let (sound, said) = tenant.fsck(&[]).await;
    assert!(!sound && said.contains(&tenant.public.0) && !said.contains(&tenant.private.0), "{said}");
    assert!(said.contains("--repair") && strays.iter().all(|path| path.exists()), "{said}");
    let (sound, said) = tenant.fsck(&["--repair", "--contents"]).await;
    assert!(!sound && said.contains(&tenant.private.0) && said.contains("put into quarantine"), "{said}");
    for path in &strays {
        assert!(!path.exists(), "{}: {said}", path.display());
    }

    // The same through the server that runs; who asks for the file is told that it is not to be had.
    let server = Serving::on(tenant.data()).await;
    let file = format!("{}/t/acme/v1/media/{}", server.url, tenant.public.0);
    let answer = reqwest::get(file).await.unwrap();
    assert_eq!(answer.status(), 410, "{:?}", answer.text().await);
    let (sound, said) = tenant.fsck(&["--contents"]).await;
    assert!(!sound && said.contains(&tenant.private.0) && !said.contains("belong to no file"), "{said}");
    server.stop().await;
}
