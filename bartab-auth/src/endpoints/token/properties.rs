//! Whatever grants follow one another, and whatever becomes of the person meanwhile, no token says more than was granted.

use bartab_core::store::{AccountChange, Grant, KeyAlgorithm};
use bartab_core::{Scope, Scopes, TenantRole};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{DEVICE, HERE, World, allow, form};
use crate::rights::ceiling;
use crate::{NewClient, RegisteredClient};

/// What happens next; scopes are what is asked for or allowed.
#[derive(Clone, Debug)]
enum Step {
    /// A person allows an app, which redeems the code.
    Code(Scopes),
    /// A person allows a device less than, as much as, or more than it asks for.
    Device(Scopes, Scopes),
    /// One of the sessions is carried on; `None` asks for nothing in particular.
    Refresh(prop::sample::Index, Option<Scopes>),
    /// The app asks for itself.
    Credentials(Option<Scopes>),
    /// The person has another role from now on.
    Role(TenantRole),
}

fn scopes() -> impl Strategy<Value = Scopes> {
    prop::sample::subsequence(Scope::ALL.to_vec(), 0..=Scope::ALL.len())
        .prop_map(|scopes| scopes.into_iter().map(|(scope, _)| scope).collect())
}

fn step() -> impl Strategy<Value = Step> {
    use TenantRole::{Administrator, Guest, Member, Moderator, Owner};
    let index = any::<prop::sample::Index>();
    prop_oneof![
        2 => scopes().prop_map(Step::Code),
        2 => (scopes(), scopes()).prop_map(|(asked, allowed)| Step::Device(asked, allowed)),
        6 => (index, prop::option::of(scopes())).prop_map(|(index, asked)| Step::Refresh(index, asked)),
        1 => prop::option::of(scopes()).prop_map(Step::Credentials),
        1 => prop::sample::select(vec![Guest, Member, Moderator, Administrator, Owner]).prop_map(Step::Role),
    ]
}

/// A session, as its client keeps it.
struct Held {
    refresh_token: String,
    granted: Scopes,
}

struct Story {
    world: World,
    client: RegisteredClient,
    role: TenantRole,
    held: Vec<Held>,
}

impl Story {
    async fn open(registered: Scopes) -> Self {
        let world = World::open().await;
        let grants = [Grant::AuthorizationCode, Grant::RefreshToken, Grant::DeviceCode, Grant::ClientCredentials];
        let new = NewClient {
            scopes: Some(registered),
            grants: Some(grants.into_iter().collect()),
            id_token_algorithm: KeyAlgorithm::EdDsa,
            ..NewClient::app("Wiki", &[HERE])
        };
        let client = world.client(new).await;
        Self { world, client, role: TenantRole::Member, held: Vec::new() }
    }

    async fn ask(&self, grant: &str, scopes: Option<Scopes>) -> Result<Value, String> {
        let (id, secret) = (&self.client.client.client_id, self.client.client_secret.as_deref().unwrap_or_default());
        let scope = scopes.map(|scopes| format!("&scope={scopes}")).unwrap_or_default();
        let (status, answer) = self.world.token(&format!("{grant}&client_id={id}&client_secret={secret}{scope}")).await;
        if status == 200 { Ok(answer) } else { Err(answer["error"].as_str().unwrap().to_owned()) }
    }

    /// What an answer gives is at most `most`, and at most what the person's role allows.
    fn given(&self, answer: &Value, most: Scopes) -> Scopes {
        let actor = self.world.auth.verifier().verify(answer["access_token"].as_str().unwrap()).unwrap();
        assert_eq!(actor.scopes.to_string(), answer["scope"].as_str().unwrap());
        assert!(actor.scopes.is_subset(most), "{} of {most}", actor.scopes);
        actor.scopes
    }

    fn keep(&mut self, answer: &Value, granted: Scopes) {
        assert_eq!(self.given(answer, granted), granted.intersection(ceiling(self.role)));
        let refresh_token = answer.get("refresh_token").map(|token| token.as_str().unwrap().to_owned());
        assert_eq!(refresh_token.is_some(), granted.contains(Scope::OfflineAccess));
        assert_eq!(answer.get("id_token").is_some(), granted.contains(Scope::Openid));
        self.held.extend(refresh_token.map(|refresh_token| Held { refresh_token, granted }));
    }

    async fn step(&mut self, step: Step) {
        let registered = self.client.client.scopes;
        match step {
            Step::Code(wished) => {
                // The page lets nobody allow what the client is not registered for.
                let granted = wished.intersection(registered);
                let code = self.world.code(&self.client.client, &granted.to_string()).await;
                let (status, answer) = self.world.token(&form(&self.client, &code)).await;
                assert_eq!(status, 200, "{answer}");
                self.keep(&answer, granted);
            }
            Step::Device(asked, allowed) => {
                let asked = asked.intersection(registered);
                let codes = self.world.auth.begin_device(&self.client.client, asked, None).await.unwrap();
                allow(&self.world, &codes.user_code, Some(allowed)).await;
                let answer = self.ask(&format!("grant_type={DEVICE}&device_code={}", codes.device_code), None).await;
                self.keep(&answer.unwrap(), asked.intersection(allowed));
            }
            Step::Refresh(index, asked) => {
                if self.held.is_empty() {
                    return;
                }
                let place = index.index(self.held.len());
                let Held { refresh_token, granted } = &self.held[place];
                let (granted, grant) = (*granted, format!("grant_type=refresh_token&refresh_token={refresh_token}"));
                // An empty scope counts as left out.
                let asked = asked.filter(|asked| *asked != Scopes::NONE);
                match self.ask(&grant, asked).await {
                    Ok(answer) => {
                        let most = asked.unwrap_or(granted);
                        assert!(most.is_subset(granted));
                        assert_eq!(self.given(&answer, most), most.intersection(ceiling(self.role)));
                        self.held[place].refresh_token = answer["refresh_token"].as_str().unwrap().to_owned();
                    }
                    Err(error) => {
                        assert_eq!(error, "invalid_scope");
                        assert!(!asked.unwrap().is_subset(granted), "{asked:?} of {granted}");
                    }
                }
            }
            Step::Credentials(asked) => {
                let asked = asked.filter(|asked| *asked != Scopes::NONE);
                let people = [Scope::Openid, Scope::Profile, Scope::OfflineAccess, Scope::Admin];
                match self.ask("grant_type=client_credentials", asked).await {
                    Ok(answer) => {
                        let given = self.given(&answer, asked.unwrap_or(registered).intersection(registered));
                        assert!(!people.into_iter().any(|scope| given.contains(scope)), "{given}");
                    }
                    Err(error) => assert_eq!(error, "invalid_scope"),
                }
            }
            Step::Role(role) => {
                let accounts = &self.world.auth.0.stores.accounts;
                let now = self.world.auth.0.clock.now();
                accounts.change(self.world.alice.user_id, AccountChange::Role(role), now, None).await.unwrap();
                self.role = role;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_sequence_of_grants_yields_more_scope_than_was_granted(
        registered in scopes(),
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::open(registered).await;
            for step in steps {
                story.step(step).await;
            }
        });
    }
}

#[test]
fn the_story_of_a_narrowed_token_is_told() {
    // What the property above rests on: a narrower token leaves the session as it was.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let granted: Scopes = "chat:read chat:write offline_access".parse().unwrap();
        let mut story = Story::open(granted).await;
        story.step(Step::Code(granted)).await;
        let grant = format!("grant_type=refresh_token&refresh_token={}", story.held[0].refresh_token);
        let narrow = story.ask(&grant, Some(Scopes::NONE.with(Scope::ChatRead))).await.unwrap();
        assert_eq!(narrow["scope"], json!("chat:read"));
        let next = narrow["refresh_token"].as_str().unwrap();
        let whole = story.ask(&format!("grant_type=refresh_token&refresh_token={next}"), None).await.unwrap();
        assert_eq!(whole["scope"], json!("chat:read chat:write offline_access"));
    });
}
