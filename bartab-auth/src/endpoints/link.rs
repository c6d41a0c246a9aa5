//! What the pages behind one-time links have in common: the secret stands in the query.

use axum::response::Response;
use http::Uri;

use crate::answer::OAuthError;
use crate::browser::links::Purpose;
use crate::browser::visit::Visit;
use crate::extract::Form;
use crate::parameters::Parameters;

/// The page, or that the link is good no more.
pub(super) async fn show(purpose: Purpose, visit: Visit, uri: &Uri) -> Response {
    let answer = purpose.show(&visit, query(uri).get("token").unwrap_or_default()).await;
    visit.answer(answer)
}

/// What comes of the form; one that cannot be read is an empty one.
pub(super) async fn act(purpose: Purpose, mut visit: Visit, uri: &Uri, form: Result<Form, OAuthError>) -> Response {
    let form = form.map(|Form(form)| form).unwrap_or_default();
    let answer = purpose.act(&mut visit, query(uri).get("token").unwrap_or_default(), &form).await;
    visit.answer(answer)
}

fn query(uri: &Uri) -> Parameters {
    Parameters::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default()
}
