//! People who come by a one-time link: to make the first account, or to choose a new password.

use axum::response::Response;
use http::StatusCode;

use crate::browser::page::{self, Link, MessagePage, NewPasswordPage};
use crate::browser::sign_in::STALE;
use crate::browser::visit::Visit;
use crate::error::AuthError;
use crate::parameters::Parameters;

const DIFFERENT: &str = "The two passwords are not the same.";

/// What a link is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The tenant's first owner.
    Setup,
    /// Another password.
    Reset,
}

/// What the fields begin with.
#[derive(Default)]
struct Fields<'a> {
    username: &'a str,
    display_name: &'a str,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Reset => "reset",
        }
    }

    /// The page for who comes by the link with `token`; the link stays good.
    pub(crate) async fn show(self, visit: &Visit, token: &str) -> Result<Response, AuthError> {
        match self {
            Self::Setup => {
                visit.auth.check_setup(token).await?;
                Ok(self.page(visit, token, &Fields::default(), None, StatusCode::OK))
            }
            Self::Reset => {
                let account = visit.auth.check_reset(token).await?;
                let fields = Fields { username: &account.username, ..Fields::default() };
                Ok(self.page(visit, token, &fields, None, StatusCode::OK))
            }
        }
    }

    /// Does what the link is for; after a mistake the page comes again, and the link is still good.
    pub(crate) async fn act(self, visit: &mut Visit, token: &str, form: &Parameters) -> Result<Response, AuthError> {
        let password = form.get("password").unwrap_or_default();
        let display_name = form.get("display_name").map(str::trim).filter(|name| !name.is_empty());
        let reset = match self {
            Self::Setup => None,
            Self::Reset => Some(visit.auth.check_reset(token).await?.username),
        };
        let fields = Fields {
            username: reset.as_deref().unwrap_or(form.get("username").unwrap_or_default().trim()),
            display_name: display_name.unwrap_or_default(),
        };
        if !visit.accepts(form, &[self.name(), token]) {
            return Ok(self.page(visit, token, &fields, Some(STALE), StatusCode::FORBIDDEN));
        }
        if form.get("again") != Some(password) {
            return Ok(self.page(visit, token, &fields, Some(DIFFERENT), StatusCode::BAD_REQUEST));
        }
        let done = match self {
            Self::Setup => visit.auth.make_owner(token, fields.username, password, display_name).await,
            Self::Reset => visit.auth.use_reset(token, password).await,
        };
        match done {
            Ok(_) => Ok(self.done(visit)),
            Err(error @ (AuthError::Invalid(_) | AuthError::UsernameTaken | AuthError::Busy)) => {
                let (status, alert) = page::told(&error);
                Ok(page::with_retry(self.page(visit, token, &fields, Some(&alert), status), &error))
            }
            Err(error) => Err(error),
        }
    }

    fn page(
        self,
        visit: &Visit,
        token: &str,
        fields: &Fields<'_>,
        alert: Option<&str>,
        status: StatusCode,
    ) -> Response {
        let path = format!("{}?", self.name());
        let end = path.len();
        let mut query = form_urlencoded::Serializer::for_suffix(path, end);
        let (heading, about, display_name) = match self {
            Self::Setup => {
                let about = "Nobody runs this place yet. Whoever fills this in owns it.";
                ("Make the first account", about, Some(fields.display_name))
            }
            Self::Reset => {
                ("Choose a new password", "Wherever you are signed in still, you are signed out by this.", None)
            }
        };
        let page = NewPasswordPage {
            site: visit.site(),
            action: &query.append_pair("token", token).finish(),
            token: &visit.token(&[self.name(), token]),
            alert,
            heading,
            about,
            username: fields.username,
            display_name,
        };
        page::html(status, &page, "")
    }

    fn done(self, visit: &Visit) -> Response {
        let (heading, text) = match self {
            Self::Setup => ("You own this place now", "Sign in with your new username and password."),
            Self::Reset => ("Your password is saved", "Sign in with it from now on."),
        };
        // From `…/v1/auth/` up to what people open.
        let link = Link { name: "Go on".to_owned(), href: "../../".to_owned() };
        let page = MessagePage { site: visit.site(), heading, text, is_error: false, link: Some(link) };
        page::html(StatusCode::OK, &page, "")
    }
}
