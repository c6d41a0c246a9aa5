//! Stopping lets everyone go with what they have; a client that goes away leaves nothing behind.

use crate::support::{Server, config, eventually};

#[tokio::test]
async fn a_stopping_server_answers_waiting_polls_with_an_empty_page() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let mut polls = Vec::new();
    for _ in 0..3 {
        polls.push(server.waiting_poll("/t/acme", &alice).await);
    }
    eventually("the polls wait", async || server.waiting("acme").await == 3).await;
    let began = std::time::Instant::now();
    let url = server.url.clone();
    server.running.shutdown().await;
    for poll in polls {
        let answer = poll.await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["events"], serde_json::json!([]));
        assert!(answer.json()["next"].is_string());
    }
    assert!(began.elapsed().as_secs() < 20, "nobody had to be cut off");
    assert!(reqwest::get(format!("{url}/livez")).await.is_err(), "the port is free");
}

#[tokio::test]
async fn a_server_that_was_stopped_starts_again_on_the_same_folder() {
    let data = tempfile::tempdir().unwrap();
    let options = |port| {
        let mut options = bartab_host::dev::DevOptions { data: Some(data.path().to_owned()), ..Default::default() };
        options.listen.set_port(port);
        options.config.auth.password = bartab_auth::PasswordConfig::THROW_AWAY;
        options
    };
    let first = bartab_host::dev::start(options(0)).await.unwrap();
    let before = first.seeded().await.unwrap();
    let port = first.addr().port();
    first.shutdown().await;
    let second = bartab_host::dev::start(options(port)).await.unwrap();
    let after = second.seeded().await.unwrap();
    assert_eq!(before.seeded, after.seeded, "a folder is filled once");
    second.shutdown().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_while_it_waits_leaves_nothing_behind() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let polls = [server.waiting_poll("/t/acme", &alice).await, server.waiting_poll("/t/acme", &alice).await];
    eventually("the polls wait", async || server.waiting("acme").await == 2).await;
    for poll in polls {
        poll.abort();
    }
    eventually("nobody waits any more", async || server.waiting("acme").await == 0).await;
}

#[tokio::test]
async fn signing_out_lets_the_polls_of_the_session_go_and_no_others() {
    let server = Server::acme(config()).await;
    let alice = server.register("/t/acme", "alice").await;
    let bob = server.register("/t/acme", "bob").await;
    // His first sync is an event that would end her poll.
    assert_eq!(server.get_as(&bob, "/t/acme/v1/sync").await.status, 200);
    let poll = server.waiting_poll("/t/acme", &alice).await;
    let other = server.waiting_poll("/t/acme", &bob).await;
    eventually("both wait", async || server.waiting("acme").await == 2).await;
    let signed_out = server.post_as(&alice, "/t/acme/v1/auth/logout", &serde_json::json!({})).await;
    assert_eq!(signed_out.status, 204, "{signed_out:?}");
    let answer = poll.await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!other.is_finished());
    server.get_as(&alice, "/t/acme/v1/rooms").await.is_problem(401, "auth.invalid_token");
}
