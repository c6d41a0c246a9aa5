//! Reading an authorization request (RFC 6749 section 4.1.1, OpenID Connect Core 1.0 section 3.1.2.1), without I/O.

use bartab_core::store::{ClientKind, Grant, OAuthClient};
use bartab_core::{Scope, Scopes};

use crate::browser::redirect::{allowed, is_https, with_query};
use crate::code::is_challenge;
use crate::config::Config;
use crate::parameters::Parameters;

/// No request has a longer query.
pub(crate) const MAX_QUERY: usize = 8 * 1024;
/// The nonce goes into a code and a token.
const MAX_NONCE: usize = 512;
const MAX_HINT: usize = 64;
/// Every parameter that is looked at; `resource` may come more than once.
const KNOWN: [&str; 17] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "login_hint",
    "id_token_hint",
    "request",
    "request_uri",
    "registration",
    "resource",
];

/// The same request as a query: what is known of it, in one order and one spelling; with another `prompt`, when one is
/// given.
pub(crate) fn canonical(parameters: &Parameters, prompt: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in KNOWN {
        if name == "resource" {
            query.extend_pairs(parameters.get_all(name).map(|value| (name, value)));
            continue;
        }
        let value = if name == "prompt" { prompt.or_else(|| parameters.get(name)) } else { parameters.get(name) };
        query.extend_pairs(value.map(|value| (name, value)));
    }
    query.finish()
}

/// Why nobody can be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWayBack {
    Client,
    RedirectUri,
}

/// Where the answer goes: to a client that is known, at a URI that is its own.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) client: OAuthClient,
    pub(crate) redirect_uri: String,
    /// The request named the URI, so the token request must too.
    pub(crate) named: bool,
    state: Option<String>,
}

impl Target {
    /// Nothing else of a request is looked at before this is right.
    pub(crate) fn of(client: Option<OAuthClient>, parameters: &Parameters) -> Result<Self, NoWayBack> {
        let client = client.filter(|client| client.kind == ClientKind::App).ok_or(NoWayBack::Client)?;
        let named = parameters.get("redirect_uri");
        // OpenID Connect demands the name.
        let openid = parameters.get("scope").is_some_and(|scope| scope.split(' ').any(|name| name == "openid"));
        if openid && named.is_none() {
            return Err(NoWayBack::RedirectUri);
        }
        let redirect_uri = allowed(&client, named).ok_or(NoWayBack::RedirectUri)?.to_owned();
        let state = parameters.get("state").map(str::to_owned);
        Ok(Self { client, redirect_uri, named: named.is_some(), state })
    }

    /// Whether whoever answers at the redirect URI must be the client: it has a secret to redeem a code with, or a name that
    /// only its site has. Any program of a machine can listen on a loopback port or claim a scheme (RFC 8252 section 8.6).
    pub(crate) fn is_the_client(&self) -> bool {
        self.client.is_confidential() || is_https(&self.redirect_uri)
    }

    /// The way back with a code. `iss` tells the client which server it comes from (RFC 9207).
    pub(crate) fn with_code(&self, issuer: &str, code: &str) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        with_query(&self.redirect_uri, [("code", code)].into_iter().chain(state).chain([("iss", issuer)]))
    }

    /// The way back with an error.
    pub(crate) fn with_error(&self, issuer: &str, refusal: Refusal) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let error = [("error", refusal.error), ("error_description", refusal.description)];
        with_query(&self.redirect_uri, error.into_iter().chain(state).chain([("iss", issuer)]))
    }
}

/// An error that the client is told (RFC 6749 section 4.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: &'static str,
    pub(crate) description: &'static str,
}

impl Refusal {
    pub(crate) const fn new(error: &'static str, description: &'static str) -> Self {
        Self { error, description }
    }

    const fn invalid(description: &'static str) -> Self {
        Self::new("invalid_request", description)
    }
}

/// What a client asks for, once all of it makes sense.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) scopes: Scopes,
    pub(crate) challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
    /// How old the sign-in may be, in seconds.
    pub(crate) max_age: Option<u64>,
    /// Who is expected to sign in.
    pub(crate) login_hint: Option<String>,
}

/// What the person must, or must not, be asked (OpenID Connect Core 1.0 section 3.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prompt {
    pub(crate) none: bool,
    pub(crate) login: bool,
    pub(crate) consent: bool,
}

impl Asked {
    pub(crate) fn of(target: &Target, parameters: &Parameters, config: &Config) -> Result<Self, Refusal> {
        for (name, error) in [
            ("request", "request_not_supported"),
            ("request_uri", "request_uri_not_supported"),
            ("registration", "registration_not_supported"),
        ] {
            if parameters.get(name).is_some() {
                return Err(Refusal::new(error, "the parameters must be in the query"));
            }
        }
        match parameters.get("response_type") {
            Some("code") => {}
            Some(_) => return Err(Refusal::new("unsupported_response_type", "the response type is `code`")),
            None => return Err(Refusal::invalid("`response_type` is missing")),
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(Refusal::invalid("the response mode is `query`"));
        }
        if !target.client.grants.contains(Grant::AuthorizationCode) {
            return Err(Refusal::new("unauthorized_client", "the client is not registered for authorization codes"));
        }
        let ours = |resource: &str| {
            let resource = resource.strip_suffix('/').unwrap_or(resource);
            resource == config.issuer || resource == config.audience()
        };
        if !parameters.get_all("resource").all(ours) {
            return Err(Refusal::new("invalid_target", "there are no tokens for that resource here"));
        }
        let nonce = parameters.get("nonce");
        if nonce.is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return Err(Refusal::invalid("`nonce` is longer than 512 bytes"));
        }
        Ok(Self {
            challenge: challenge(parameters)?,
            scopes: scopes(target, parameters)?,
            nonce: nonce.map(str::to_owned),
            prompt: prompt(parameters)?,
            max_age: max_age(parameters)?,
            login_hint: parameters.get("login_hint").map(|hint| hint.chars().take(MAX_HINT).collect()),
        })
    }
}

/// PKCE is for every client, and S256 is the only method (RFC 9700 section 2.1.1).
fn challenge(parameters: &Parameters) -> Result<String, Refusal> {
    let challenge = parameters.get("code_challenge");
    let challenge = challenge.ok_or(Refusal::invalid("`code_challenge` is missing: PKCE is needed (RFC 7636)"))?;
    if parameters.get("code_challenge_method") != Some("S256") {
        return Err(Refusal::invalid("`code_challenge_method` must be S256"));
    }
    if !is_challenge(challenge) {
        return Err(Refusal::invalid("`code_challenge` is no base64url of a SHA-256"));
    }
    Ok(challenge.to_owned())
}

/// Names that we do not know are left out, as OpenID Connect wants it: stock clients ask for `email`. What we know must
/// be the client's.
fn scopes(target: &Target, parameters: &Parameters) -> Result<Scopes, Refusal> {
    let scopes = known_scopes(parameters.get("scope").unwrap_or_default());
    if scopes == Scopes::NONE {
        return Err(Refusal::new("invalid_scope", "`scope` is missing, or names nothing that there is"));
    }
    if !scopes.is_subset(target.client.scopes) {
        return Err(Refusal::new("invalid_scope", "the client is not registered for all of that scope"));
    }
    Ok(scopes)
}

/// The scopes in `text` that there are.
pub(crate) fn known_scopes(text: &str) -> Scopes {
    let known = |name: &str| Scope::ALL.into_iter().find(|(_, known)| *known == name).map(|(scope, _)| scope);
    text.split(' ').filter_map(known).collect()
}

fn prompt(parameters: &Parameters) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt::default();
    for name in parameters.get("prompt").unwrap_or_default().split(' ').filter(|name| !name.is_empty()) {
        match name {
            "none" => prompt.none = true,
            // There is one account to a browser here; to choose another one is to sign in again.
            "login" | "select_account" => prompt.login = true,
            "consent" => prompt.consent = true,
            _ => return Err(Refusal::invalid("`prompt` is none, login, consent or select_account")),
        }
    }
    if prompt.none && (prompt.login || prompt.consent) {
        return Err(Refusal::invalid("`prompt` is none and something else at once"));
    }
    Ok(prompt)
}

fn max_age(parameters: &Parameters) -> Result<Option<u64>, Refusal> {
    let Some(text) = parameters.get("max_age") else { return Ok(None) };
    let digits = text.bytes().all(|digit| digit.is_ascii_digit());
    let age = text.parse().ok().filter(|_| digits);
    age.map(Some).ok_or(Refusal::invalid("`max_age` is no number of seconds"))
}

#[cfg(test)]
mod tests {
    use bartab_core::Timestamp;
    use bartab_core::store::{Grants, KeyAlgorithm};

    use super::*;

    const GOOD: &str = "client_id=app&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&scope=chat%3Aread+email\
                        &state=s&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

    fn client() -> OAuthClient {
        OAuthClient {
            client_id: "app".to_owned(),
            kind: ClientKind::App,
            name: "App".to_owned(),
            secrets: Vec::new(),
            redirect_uris: vec!["https://app.example/cb".to_owned()],
            scopes: Scopes::NONE.with(Scope::ChatRead).with(Scope::Openid),
            grants: Grants::default().with(Grant::AuthorizationCode),
            id_token_algorithm: KeyAlgorithm::Rs256,
            created_at: Timestamp::from_secs(0),
            created_by: None,
        }
    }

    /// `GOOD` with these parameters instead; one without a value is left out.
    fn changed(changes: &[(&str, &str)]) -> Parameters {
        let kept =
            form_urlencoded::parse(GOOD.as_bytes()).filter(|(name, _)| !changes.iter().any(|(new, _)| new == name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept);
        query.extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
        Parameters::parse(query.finish().as_bytes()).unwrap()
    }

    fn asked(client: OAuthClient, changes: &[(&str, &str)]) -> Result<Asked, &'static str> {
        let parameters = changed(changes);
        let target = Target::of(Some(client), &parameters).unwrap();
        let config = Config { audience: Some("urn:chat".to_owned()), ..Config::new("https://chat.example") };
        Asked::of(&target, &parameters, &config).map_err(|refusal| refusal.error)
    }

    #[test]
    fn what_makes_sense_is_read() {
        let plain = asked(client(), &[]).unwrap();
        assert_eq!(plain.scopes, Scopes::NONE.with(Scope::ChatRead));
        assert_eq!((plain.prompt, plain.max_age, plain.nonce, plain.login_hint), (Prompt::default(), None, None, None));
        let more = [
            ("nonce", "n"),
            ("prompt", "login  consent"),
            ("max_age", "0"),
            ("login_hint", &*"\u{e9}".repeat(80)),
            ("response_mode", "query"),
            ("resource", "https://chat.example/"),
            ("claims", "{}"),
            ("id_token_hint", "nonsense"),
        ];
        let more = asked(client(), &more).unwrap();
        assert_eq!(more.prompt, Prompt { none: false, login: true, consent: true });
        assert_eq!((more.max_age, more.nonce.as_deref()), (Some(0), Some("n")));
        assert_eq!(more.login_hint.map(|hint| hint.chars().count()), Some(64));
    }

    #[test]
    fn what_does_not_is_refused_by_the_standard_s_name() {
        for (name, value, error) in [
            ("response_type", "", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "code id_token", "unsupported_response_type"),
            ("response_mode", "fragment", "invalid_request"),
            ("response_mode", "form_post", "invalid_request"),
            ("request", "e30.e30.", "request_not_supported"),
            ("request_uri", "https://app.example/request", "request_uri_not_supported"),
            ("registration", "{}", "registration_not_supported"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-c", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "s256", "invalid_request"),
            ("scope", "", "invalid_scope"),
            ("scope", "email", "invalid_scope"),
            ("scope", "chat:read chat:write", "invalid_scope"),
            ("scope", "admin", "invalid_scope"),
            ("prompt", "none login", "invalid_request"),
            ("prompt", "create", "invalid_request"),
            ("max_age", "-1", "invalid_request"),
            ("max_age", "+1", "invalid_request"),
            ("max_age", "1e3", "invalid_request"),
            ("max_age", "99999999999999999999", "invalid_request"),
            ("nonce", &"n".repeat(513), "invalid_request"),
            ("resource", "https://other.example", "invalid_target"),
        ] {
            assert_eq!(asked(client(), &[(name, value)]).err(), Some(error), "{name}={value}");
        }
        let without = OAuthClient { grants: Grants::default().with(Grant::DeviceCode), ..client() };
        assert_eq!(asked(without, &[]).err(), Some("unauthorized_client"));
    }

    #[test]
    fn there_is_a_way_back_only_for_a_client_at_its_own_address() {
        let of = |client: Option<OAuthClient>, changes: &[(&str, &str)]| Target::of(client, &changed(changes)).err();
        assert_eq!(of(None, &[]), Some(NoWayBack::Client));
        assert_eq!(of(Some(OAuthClient { kind: ClientKind::Service, ..client() }), &[]), Some(NoWayBack::Client));
        let other = [("redirect_uri", "https://app.example/other")];
        assert_eq!(of(Some(client()), &other), Some(NoWayBack::RedirectUri));
        assert_eq!(of(Some(client()), &[("redirect_uri", "")]), None);
        let openid = [("redirect_uri", ""), ("scope", "openid")];
        assert_eq!(of(Some(client()), &openid), Some(NoWayBack::RedirectUri));
    }

    #[test]
    fn the_answer_says_where_it_comes_from_and_repeats_the_state() {
        let target = Target::of(Some(client()), &changed(&[("state", "a\r\nb&c")])).unwrap();
        let issuer = "https%3A%2F%2Fchat.example";
        assert_eq!(
            target.with_code("https://chat.example", "x"),
            format!("https://app.example/cb?code=x&state=a%0D%0Ab%26c&iss={issuer}"),
        );
        let target = Target::of(Some(client()), &changed(&[("state", "")])).unwrap();
        assert_eq!(
            target.with_error("https://chat.example", Refusal::new("access_denied", "no `no`")),
            format!("https://app.example/cb?error=access_denied&error_description=no+%60no%60&iss={issuer}"),
        );
    }

    #[test]
    fn a_request_has_one_spelling() {
        let text = "x=1&state=s&max_age=&client_id=a%62c&resource=1&prompt=none&resource=2";
        let parameters = Parameters::parse(text.as_bytes()).unwrap();
        let one = canonical(&parameters, None);
        assert_eq!(one, "client_id=abc&state=s&prompt=none&resource=1&resource=2");
        assert_eq!(canonical(&Parameters::parse(one.as_bytes()).unwrap(), None), one);
        assert_eq!(canonical(&parameters, Some("login")), one.replace("none", "login"));
    }
}
