//! No sequence of grants yields more than was granted: what a token allows is what its client may have, asked for, was
//! allowed, and what the role of the person is good for at that moment.

use bartab_auth::Login;
use bartab_core::store::{AccountChange, OAuthClient};
use bartab_core::{Scope, Scopes, TenantRole, Timestamp};
use proptest::prelude::*;

use crate::authorize::{HERE, app, request};
use crate::browser::{Browser, query};
use crate::world::{Answer, PASSWORD, World};

const TOKEN: &str = "/v1/oauth2/token";
const CLIENTS: [&str; 2] = ["one", "two"];
const ROLES: [TenantRole; 4] =
    [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator];

#[derive(Clone, Debug)]
enum Step {
    Role(usize),
    /// A client asks for a code, and the person says yes or no if they are asked.
    Authorize {
        client: usize,
        scopes: Scopes,
        allow: bool,
    },
    /// The same by a device.
    Device {
        client: usize,
        scopes: Scopes,
        allow: bool,
    },
    /// A session is carried on, with a narrower scope or without one.
    Refresh {
        session: usize,
        scopes: Option<Scopes>,
    },
}

fn scopes() -> impl Strategy<Value = Scopes> {
    let one = prop::sample::select(Scope::ALL.to_vec()).prop_map(|(scope, _)| scope);
    prop::collection::vec(one, 1..8).prop_map(|scopes| scopes.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    let asks = || (0..CLIENTS.len(), scopes(), prop::bool::weighted(0.8));
    prop_oneof![
        1 => (0..ROLES.len()).prop_map(Step::Role),
        3 => asks().prop_map(|(client, scopes, allow)| Step::Authorize { client, scopes, allow }),
        2 => asks().prop_map(|(client, scopes, allow)| Step::Device { client, scopes, allow }),
        3 => (0..8_usize, prop::option::of(scopes())).prop_map(|(session, scopes)| Step::Refresh { session, scopes }),
    ]
}

/// What a role is good for, said once more in words of its own.
fn good_for(role: TenantRole) -> Scopes {
    let all: Scopes = Scope::ALL.into_iter().map(|(scope, _)| scope).collect();
    match role {
        TenantRole::Guest => all.without(Scope::Admin).without(Scope::RoomsManage),
        TenantRole::Member | TenantRole::Moderator => all.without(Scope::Admin),
        TenantRole::Administrator | TenantRole::Owner => all,
    }
}

struct Granted {
    client: usize,
    scopes: Scopes,
    refresh: Option<String>,
}

/// A tenant with two clients and alice, and what must be so.
struct Model {
    world: World,
    browser: Browser,
    may: [Scopes; 2],
    role: TenantRole,
    allowed: [Scopes; 2],
    sessions: Vec<Granted>,
}

impl Model {
    async fn new(may: [Scopes; 2]) -> Self {
        let world = World::with_app().await;
        for (client_id, scopes) in CLIENTS.into_iter().zip(may) {
            let redirect_uris = vec![HERE.to_owned()];
            let client = OAuthClient { client_id: client_id.to_owned(), scopes, redirect_uris, ..app() };
            world.stores.clients.create(client, None).await.unwrap();
        }
        let (browser, _) = world.authorized(&request(&[])).await;
        Self { world, browser, may, role: TenantRole::Member, allowed: [Scopes::NONE; 2], sessions: Vec::new() }
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::Role(role) => {
                self.role = ROLES[*role];
                let now = Timestamp::from_secs(1_750_000_000);
                let alice = self.world.stores.accounts.find("alice").await.unwrap().unwrap().user_id;
                let change = AccountChange::Role(self.role);
                self.world.stores.accounts.change(alice, change, now, None).await.unwrap();
            }
            Step::Authorize { client, scopes, allow } => self.authorize(*client, *scopes, *allow).await,
            Step::Device { client, scopes, allow } => self.device(*client, *scopes, *allow).await,
            Step::Refresh { session, scopes } => self.refresh(*session, *scopes).await,
        }
    }

    async fn authorize(&mut self, client: usize, scopes: Scopes, allow: bool) {
        let wants = request(&[("client_id", CLIENTS[client]), ("scope", &scopes.to_string())]);
        let mut answer = self.browser.get(&self.world, &wants).await;
        let effective = scopes.intersection(good_for(self.role));
        if !scopes.is_subset(self.may[client]) {
            assert_eq!(answer.sent("error"), "invalid_scope");
            return;
        }
        if effective == Scopes::NONE {
            assert_eq!(answer.sent("error"), "access_denied");
            return;
        }
        // Asked if, and only if, it is more than was allowed before.
        assert_eq!(answer.status == 200, !effective.is_subset(self.allowed[client]));
        if answer.status == 200 {
            let decision = if allow { "allow" } else { "deny" };
            answer = self.browser.submit(&self.world, &answer, &[("decision", decision)]).await;
            if !allow {
                assert_eq!(answer.sent("error"), "access_denied");
                return;
            }
            self.allowed[client] = self.allowed[client].union(effective);
        }
        let code = answer.sent("code");
        let tokens = self.world.redeem(&code, &[("client_id", CLIENTS[client])]).await;
        self.got(&tokens, client, effective, effective);
    }

    async fn device(&mut self, client: usize, scopes: Scopes, allow: bool) {
        let begin = query(&[("client_id", CLIENTS[client]), ("scope", &scopes.to_string())]);
        let begun = self.world.form("/v1/oauth2/device_authorization", &begin).await;
        if !scopes.is_subset(self.may[client]) {
            begun.assert_oauth(400, "invalid_scope");
            return;
        }
        let effective = scopes.intersection(good_for(self.role));
        let page = self.browser.get(&self.world, "/v1/oauth2/device").await;
        let page = self.browser.submit(&self.world, &page, &[("user_code", &begun.text("user_code"))]).await;
        if effective == Scopes::NONE {
            page.assert_page(400, "Connect a device");
            return;
        }
        let decision = if allow { "allow" } else { "deny" };
        self.browser.submit(&self.world, &page, &[("decision", decision)]).await;
        let grant = "urn:ietf:params:oauth:grant-type:device_code";
        let device_code = begun.text("device_code");
        let poll = query(&[("grant_type", grant), ("client_id", CLIENTS[client]), ("device_code", &device_code)]);
        let tokens = self.world.form(TOKEN, &poll).await;
        if allow {
            self.got(&tokens, client, effective, effective);
        } else {
            tokens.assert_oauth(400, "access_denied");
        }
    }

    async fn refresh(&mut self, session: usize, scopes: Option<Scopes>) {
        let carried: Vec<usize> =
            (0..self.sessions.len()).filter(|session| self.sessions[*session].refresh.is_some()).collect();
        if carried.is_empty() {
            return;
        }
        let session = carried[session % carried.len()];
        let Granted { client, scopes: granted, refresh } = &self.sessions[session];
        let (client, granted) = (*client, *granted);
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", CLIENTS[client].to_owned()),
            ("refresh_token", refresh.clone().unwrap()),
        ];
        form.extend(scopes.map(|scopes| ("scope", scopes.to_string())));
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let tokens = self.world.form(TOKEN, &query(&form)).await;
        let asked = scopes.unwrap_or(granted);
        if !asked.is_subset(granted) {
            tokens.assert_oauth(400, "invalid_scope");
            return;
        }
        let effective = asked.intersection(good_for(self.role));
        let refresh = self.got(&tokens, client, effective, granted);
        self.sessions[session].refresh = refresh;
        self.sessions.pop();
    }

    /// The answer is tokens for exactly `effective`, of a session for `granted`.
    fn got(&mut self, tokens: &Answer, client: usize, effective: Scopes, granted: Scopes) -> Option<String> {
        assert_eq!(tokens.status, 200, "{tokens:?}");
        assert_eq!(tokens.text("scope"), effective.to_string());
        let actor = self.world.service.auth().verifier().verify(&tokens.text("access_token")).unwrap();
        assert_eq!((actor.scopes, &*actor.client_id), (effective, CLIENTS[client]));
        assert!(effective.is_subset(self.may[client]) && effective.is_subset(good_for(self.role)));
        let refresh = tokens.json()["refresh_token"].as_str().map(str::to_owned);
        assert_eq!(refresh.is_some(), granted.contains(Scope::OfflineAccess));
        self.sessions.push(Granted { client, scopes: granted, refresh: refresh.clone() });
        refresh
    }

    /// What is remembered is what was allowed, and no more.
    async fn check(&self) {
        let auth = self.world.service.auth();
        let alice = auth.login(Login::new("alice", PASSWORD)).await.unwrap().user_id;
        for (client_id, allowed) in CLIENTS.into_iter().zip(self.allowed) {
            assert_eq!(self.world.stores.clients.consent(alice, client_id).await.unwrap(), allowed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_grants_yields_more_than_was_granted(
        may in [scopes(), scopes()],
        steps in prop::collection::vec(step(), 1..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new(may).await;
            for step in &steps {
                model.apply(step).await;
            }
            model.check().await;
        });
    }
}
