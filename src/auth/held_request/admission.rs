//! Which forms are kept: what the app's settings say, and what a form must be.

/// What of an app's forms is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldTerms {
    /// The largest body, in bytes.
    pub max: u64,
    /// The types of bodies.
    pub types: Vec<FormType>,
}

impl HoldTerms {
    /// The largest body that can be asked for.
    pub const MOST: u64 = 1 << 20;
}

impl Default for HoldTerms {
    fn default() -> Self {
        Self { max: 256 << 10, types: FormType::ALL.to_vec() }
    }
}

/// The types of bodies that forms send (HTML §4.10.21.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormType {
    UrlEncoded,
    Multipart,
    Text,
}

impl FormType {
    pub const ALL: [Self; 3] = [Self::UrlEncoded, Self::Multipart, Self::Text];

    /// The media type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UrlEncoded => "application/x-www-form-urlencoded",
            Self::Multipart => "multipart/form-data",
            Self::Text => "text/plain",
        }
    }

    /// The type that a `Content-Type` names.
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|kind| essence.eq_ignore_ascii_case(kind.name()))
    }
}

/// What is looked at of a request that sends a form.
#[derive(Clone, Copy, Debug, Default)]
pub struct FormTraits<'a> {
    pub method: &'a str,
    /// `Content-Type`, where there is one.
    pub content_type: Option<&'a str>,
    /// Whether the body is coded, which no form's is.
    pub coded: bool,
    /// How long its body is said to be.
    pub length: Option<u64>,
    /// `Sec-Fetch-Site`.
    pub fetch_site: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// The origin that it was sent to.
    pub own_origin: &'a str,
}

/// Why a form is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHeld {
    /// The app's settings say so, or no form has such a method.
    Off,
    /// It was sent in a frame.
    Frame,
    /// Its address is too long to come back to.
    LongAddress,
    /// It came from another site: who sent it there may not be who is at the browser.
    CrossOrigin,
    /// No form sends such a body, or the app's are not to be kept.
    OtherType,
    TooLarge {
        /// How large it may be.
        limit: u64,
    },
    /// As many wait already as may.
    Full,
}

impl NotHeld {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Frame => "frame",
            Self::LongAddress => "long_address",
            Self::CrossOrigin => "cross_origin",
            Self::OtherType => "other_type",
            Self::TooLarge { .. } => "too_large",
            Self::Full => "full",
        }
    }
}

impl FormTraits<'_> {
    /// Whether the form is kept by these terms; how large it may be then.
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, terms: Option<&HoldTerms>) -> Result<u64, NotHeld> {
        let terms = terms.filter(|_| self.method == "POST").ok_or(NotHeld::Off)?;
        // A page of another site can make a browser send a form. Kept, it would be sent again as ours, with every cookie
        // that the browser left out the first time.
        let same = match (self.fetch_site, self.origin) {
            (Some(site), _) => site.trim() == "same-origin",
            (None, origin) => origin == Some(self.own_origin),
        };
        if !same {
            return Err(NotHeld::CrossOrigin);
        }
        let kind = self.content_type.filter(|_| !self.coded).and_then(FormType::of);
        if kind.is_none_or(|kind| !terms.types.contains(&kind)) {
            return Err(NotHeld::OtherType);
        }
        match self.length.is_some_and(|length| length > terms.max) {
            true => Err(NotHeld::TooLarge { limit: terms.max }),
            false => Ok(terms.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: FormTraits<'_> = FormTraits {
        method: "POST",
        content_type: Some("application/x-www-form-urlencoded"),
        coded: false,
        length: Some(10),
        fetch_site: Some("same-origin"),
        origin: None,
        own_origin: "https://erp.example.com",
    };

    #[test]
    fn a_form_of_the_app_s_own_pages_is_kept() {
        let terms = HoldTerms::default();
        for kept in [
            FORM,
            FormTraits { content_type: Some("Multipart/Form-Data; boundary=x"), ..FORM },
            FormTraits { content_type: Some("text/plain;charset=UTF-8"), length: None, ..FORM },
            FormTraits { length: Some(256 << 10), ..FORM },
            FormTraits { fetch_site: None, origin: Some("https://erp.example.com"), ..FORM },
            FormTraits { origin: Some("null"), ..FORM },
        ] {
            assert_eq!(kept.admit(Some(&terms)), Ok(256 << 10), "{kept:?}");
        }
    }

    #[test]
    fn what_is_not_kept_is_not_for_a_reason() {
        let terms = HoldTerms::default();
        let limit = terms.max;
        for (form, why) in [
            (FormTraits { method: "PUT", ..FORM }, NotHeld::Off),
            (FormTraits { method: "GET", ..FORM }, NotHeld::Off),
            (FormTraits { fetch_site: Some("cross-site"), ..FORM }, NotHeld::CrossOrigin),
            (FormTraits { fetch_site: Some("same-site"), ..FORM }, NotHeld::CrossOrigin),
            (FormTraits { fetch_site: Some("none"), ..FORM }, NotHeld::CrossOrigin),
            // What the browser says of the site goes before the origin.
            (
                FormTraits { fetch_site: Some("cross-site"), origin: Some(FORM.own_origin), ..FORM },
                NotHeld::CrossOrigin,
            ),
            (FormTraits { fetch_site: None, ..FORM }, NotHeld::CrossOrigin),
            (FormTraits { fetch_site: None, origin: Some("null"), ..FORM }, NotHeld::CrossOrigin),
            (FormTraits { fetch_site: None, origin: Some("http://erp.example.com"), ..FORM }, NotHeld::CrossOrigin),
            (
                FormTraits { fetch_site: None, origin: Some("https://erp.example.com:8443"), ..FORM },
                NotHeld::CrossOrigin,
            ),
            (FormTraits { content_type: Some("application/json"), ..FORM }, NotHeld::OtherType),
            (FormTraits { content_type: Some("text/plainer"), ..FORM }, NotHeld::OtherType),
            (FormTraits { content_type: None, ..FORM }, NotHeld::OtherType),
            (FormTraits { coded: true, ..FORM }, NotHeld::OtherType),
            (FormTraits { length: Some(limit + 1), ..FORM }, NotHeld::TooLarge { limit }),
        ] {
            assert_eq!(form.admit(Some(&terms)), Err(why), "{form:?}");
            assert_eq!(form.admit(None), Err(NotHeld::Off), "{form:?}");
        }
        let one = HoldTerms { types: vec![FormType::Text], ..terms };
        assert_eq!(FORM.admit(Some(&one)), Err(NotHeld::OtherType));
    }
}
