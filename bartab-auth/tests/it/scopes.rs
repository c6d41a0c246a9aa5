//! No sequence of grants yields more than was granted: what a token allows is what its client may have, asked for, was
//! allowed, and what the role of the person, or of a bot's owner, is good for at that moment.

use bartab_auth::{Config, Login};
use bartab_core::store::{AccountChange, ClientKind, ClientSecret, Grant, Grants, OAuthClient, TokenHash};
use bartab_core::{Scope, Scopes, TenantRole, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::authorize::{HERE, app, request};
use crate::browser::{Browser, query};
use crate::exchange::{EXCHANGE, Host, JWT};
use crate::world::{Answer, PASSWORD, World, config};

const TOKEN: &str = "/v1/oauth2/token";
const CLIENTS: [&str; 2] = ["one", "two"];
const PROGRAMS: [(&str, ClientKind); 2] = [("service", ClientKind::Service), ("program", ClientKind::App)];
const SECRET: &str = "a secret of both programs";
/// The client of whoever names none.
const OWN: &str = "bartab";
const ROLES: [TenantRole; 5] =
    [TenantRole::Guest, TenantRole::Member, TenantRole::Moderator, TenantRole::Administrator, TenantRole::Owner];

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
    /// A client brings the token of a host application.
    Exchange {
        client: usize,
        scopes: Option<Scopes>,
    },
    /// A program asks for itself: a service, or an app.
    Credentials {
        client: usize,
        scopes: Option<Scopes>,
    },
    /// Alice makes a bot.
    MakeBot(Scopes),
    /// A bot asks for a token.
    Bot {
        bot: usize,
        scopes: Option<Scopes>,
    },
}

fn scopes() -> impl Strategy<Value = Scopes> {
    let one = prop::sample::select(Scope::ALL.to_vec()).prop_map(|(scope, _)| scope);
    prop::collection::vec(one, 1..8).prop_map(|scopes| scopes.into_iter().collect())
}

fn step() -> impl Strategy<Value = Step> {
    let asks = || (0..CLIENTS.len(), scopes(), prop::bool::weighted(0.8));
    let which = |most: usize| (0..most, prop::option::of(scopes()));
    // Mostly such as a bot may have.
    let bot_scopes = || prop_oneof![3 => scopes().prop_map(for_programs), 1 => scopes()];
    prop_oneof![
        1 => (0..ROLES.len()).prop_map(Step::Role),
        3 => asks().prop_map(|(client, scopes, allow)| Step::Authorize { client, scopes, allow }),
        2 => asks().prop_map(|(client, scopes, allow)| Step::Device { client, scopes, allow }),
        3 => which(8).prop_map(|(session, scopes)| Step::Refresh { session, scopes }),
        2 => which(CLIENTS.len()).prop_map(|(client, scopes)| Step::Exchange { client, scopes }),
        1 => which(CLIENTS.len()).prop_map(|(client, scopes)| Step::Credentials { client, scopes }),
        1 => bot_scopes().prop_map(Step::MakeBot),
        2 => which(8).prop_map(|(bot, scopes)| Step::Bot { bot, scopes }),
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

/// `scopes` without what takes a person who signs in.
fn for_programs(scopes: Scopes) -> Scopes {
    scopes.without(Scope::Openid).without(Scope::Profile).without(Scope::OfflineAccess)
}

struct Granted {
    client: usize,
    scopes: Scopes,
    refresh: Option<String>,
}

/// A bot of alice's, and what it was made for.
struct Robot {
    client_id: String,
    secret: String,
    scopes: Scopes,
}

/// A tenant with two clients, two programs, alice and somebody of a host application, and what must be so. Both people have
/// the same role.
struct Model {
    world: World,
    host: Host,
    browser: Browser,
    may: [Scopes; 2],
    role: TenantRole,
    allowed: [Scopes; 2],
    sessions: Vec<Granted>,
    bots: Vec<Robot>,
}

impl Model {
    async fn new(may: [Scopes; 2]) -> Self {
        let host = Host::new(1);
        let world = World::with(Config { token_exchange: vec![host.issuer()], ..config() }).await;
        world.stores.clients.create(app(), None).await.unwrap();
        world.person("alice").await;
        for (client_id, scopes) in CLIENTS.into_iter().zip(may) {
            let (redirect_uris, grants) = (vec![HERE.to_owned()], app().grants.with(Grant::TokenExchange));
            let client = OAuthClient { client_id: client_id.to_owned(), scopes, redirect_uris, grants, ..app() };
            world.stores.clients.create(client, None).await.unwrap();
        }
        for ((client_id, kind), scopes) in PROGRAMS.into_iter().zip(may) {
            let hash = TokenHash::of(SECRET.as_bytes());
            let client = OAuthClient {
                client_id: client_id.to_owned(),
                kind,
                scopes,
                secrets: vec![ClientSecret { hash, created_at: Timestamp::from_secs(0), expires_at: None }],
                grants: Grants::default().with(Grant::ClientCredentials),
                ..app()
            };
            world.stores.clients.create(client, None).await.unwrap();
        }
        let (browser, _) = world.authorized(&request(&[])).await;
        let (role, allowed) = (TenantRole::Member, [Scopes::NONE; 2]);
        let model = Self { world, host, browser, may, role, allowed, sessions: Vec::new(), bots: Vec::new() };
        // There from the beginning, so that their role can be changed.
        assert_eq!(model.exchanged(OWN, None).await.status, 200);
        model
    }

    async fn apply(&mut self, step: &Step) {
        match step {
            Step::Role(role) => {
                self.role = ROLES[*role];
                let now = Timestamp::from_secs(1_750_000_000);
                for username in ["alice", "hosted"] {
                    let user = self.world.stores.accounts.find(username).await.unwrap().unwrap().user_id;
                    let change = AccountChange::Role(self.role);
                    self.world.stores.accounts.change(user, change, now, None).await.unwrap();
                }
            }
            Step::Authorize { client, scopes, allow } => self.authorize(*client, *scopes, *allow).await,
            Step::Device { client, scopes, allow } => self.device(*client, *scopes, *allow).await,
            Step::Refresh { session, scopes } => self.refresh(*session, *scopes).await,
            Step::Exchange { client, scopes } => self.exchange(*client, *scopes).await,
            Step::Credentials { client, scopes } => self.credentials(*client, *scopes).await,
            Step::MakeBot(scopes) => self.make_bot(*scopes).await,
            Step::Bot { bot, scopes } => self.bot(*bot, *scopes).await,
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

    async fn exchanged(&self, client_id: &str, scopes: Option<Scopes>) -> Answer {
        let token = self.host.token_with(&[], &[("preferred_username", json!("hosted"))]);
        let scope = scopes.map(|scopes| format!("&scope={}", scopes.to_string().replace(' ', "+"))).unwrap_or_default();
        let form = format!("{EXCHANGE}&client_id={client_id}&subject_token={token}&subject_token_type={JWT}{scope}");
        self.world.form(TOKEN, &form).await
    }

    async fn exchange(&mut self, client: usize, scopes: Option<Scopes>) {
        let tokens = self.exchanged(CLIENTS[client], scopes).await;
        // A refresh token and administration are asked for by name.
        let asked = scopes.unwrap_or(self.may[client].without(Scope::OfflineAccess).without(Scope::Admin));
        if !asked.is_subset(self.may[client]) || asked == Scopes::NONE {
            tokens.assert_oauth(400, "invalid_scope");
            return;
        }
        self.got(&tokens, client, asked.intersection(good_for(self.role)), asked);
    }

    async fn credentials(&self, client: usize, scopes: Option<Scopes>) {
        let (client_id, kind) = PROGRAMS[client];
        let asked = scopes.unwrap_or(self.may[client]);
        let effective = if kind == ClientKind::App { asked.without(Scope::Admin) } else { asked };
        let tokens = self.own_token(client_id, SECRET, scopes).await;
        self.got_for_itself(&tokens, client_id, asked.is_subset(self.may[client]), for_programs(effective));
    }

    async fn make_bot(&mut self, scopes: Scopes) {
        if scopes == Scopes::NONE {
            return;
        }
        let alice = self.world.service.auth().login(Login::new("alice", PASSWORD)).await.unwrap();
        let names: Vec<String> = scopes.to_string().split(' ').map(str::to_owned).collect();
        let made = self.world.post("/v1/bots", &alice.access_token, json!({"name": "Robot", "scopes": names})).await;
        let may = self.role >= TenantRole::Member && scopes.is_subset(for_programs(good_for(self.role)));
        assert_eq!(made.status == 201, may, "{made:?}");
        if may {
            let [client_id, secret] = ["client_id", "client_secret"].map(|field| made.text(field));
            self.bots.push(Robot { client_id, secret, scopes });
        }
    }

    async fn bot(&self, bot: usize, scopes: Option<Scopes>) {
        let Some(bot) = self.bots.get(bot % self.bots.len().max(1)) else { return };
        let asked = scopes.unwrap_or(bot.scopes);
        let tokens = self.own_token(&bot.client_id, &bot.secret, scopes).await;
        let effective = asked.intersection(good_for(self.role));
        self.got_for_itself(&tokens, &bot.client_id, asked.is_subset(bot.scopes), effective);
    }

    async fn own_token(&self, client_id: &str, secret: &str, scopes: Option<Scopes>) -> Answer {
        let scope = scopes.map(|scopes| scopes.to_string()).unwrap_or_default();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", secret),
            ("scope", &scope),
        ];
        self.world.form(TOKEN, &query(&form)).await
    }

    /// The answer is an access token for exactly `effective` and nothing else, if that `may` be asked for and is anything.
    fn got_for_itself(&self, tokens: &Answer, client_id: &str, may: bool, effective: Scopes) {
        if !may || effective == Scopes::NONE {
            tokens.assert_oauth(400, "invalid_scope");
            return;
        }
        assert_eq!(tokens.status, 200, "{tokens:?}");
        let actor = self.world.service.auth().verifier().verify(&tokens.text("access_token")).unwrap();
        assert_eq!((actor.scopes, &*actor.client_id, actor.session_id), (effective, client_id, None));
        assert_eq!(tokens.text("scope"), effective.to_string());
        assert_eq!((tokens.json().get("refresh_token"), tokens.json().get("id_token")), (None, None));
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
