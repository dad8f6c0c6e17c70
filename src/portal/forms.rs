//! What browsers post: one urlencoded form, every field once.

use axum::extract::{Form, FromRequest};
use bytes::Bytes;
use http::{HeaderMap, Request, header::CONTENT_TYPE};

use crate::auth::secret::SecretText;

/// The largest form or JSON body that our pages and the API read, in bytes.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// The fields of a form; names are unique.
#[derive(Default)]
pub(crate) struct FormFields(Vec<(String, String)>);

/// Why a form is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormError {
    /// Not `application/x-www-form-urlencoded`.
    WrongType,
    /// Cannot be read, or holds a field twice.
    Broken,
}

impl FormFields {
    pub(crate) async fn read(headers: &HeaderMap, body: Bytes) -> Result<Self, FormError> {
        let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if headers.get_all(CONTENT_TYPE).iter().count() != 1
            || !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        {
            return Err(FormError::WrongType);
        }
        let mut request = Request::post("/").body(axum::body::Body::from(body)).map_err(|_| FormError::Broken)?;
        request.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/x-www-form-urlencoded"));
        let Form(pairs) =
            Form::<Vec<(String, String)>>::from_request(request, &()).await.map_err(|_| FormError::Broken)?;
        let unique =
            pairs.iter().enumerate().all(|(i, (name, _))| pairs.iter().take(i).all(|(other, _)| other != name));
        if pairs.len() > 32 || !unique {
            return Err(FormError::Broken);
        }
        Ok(Self(pairs))
    }

    /// A field; empty if it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str())
    }

    /// A field that holds a secret.
    pub(crate) fn secret(&self, name: &str) -> SecretText {
        SecretText::new(self.get(name).to_owned())
    }
}
