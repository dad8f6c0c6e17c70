//! The canonical request target: what the policy judges is byte for byte what the upstream gets.

/// What an app's URLs need although parsers read it differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tolerances {
    /// `;name=value` inside segments.
    pub path_parameters: bool,
    /// `%2F` and `%5C` inside segments.
    pub encoded_slashes: bool,
    /// `//`.
    pub double_slashes: bool,
}

/// A request target that every parser reads the same way, or whose every reading is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    host: String,
    method: String,
    path: String,
    query: Option<String>,
    readings: Vec<String>,
}

/// Why a request target is refused. Goes to the log, never to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Not origin-form.
    NotOriginForm,
}

impl Resource {
    /// Parses a request target in origin-form, as received.
    ///
    /// # Errors
    /// [`Malformed`] if two parsers could read it differently and `tolerate` does not allow that.
    pub fn parse(host: &str, method: &str, target: &[u8], tolerate: Tolerances) -> Result<Self, Malformed> {
        let _ = tolerate;
        let target = std::str::from_utf8(target).map_err(|_| Malformed::NotOriginForm)?;
        let (path, query) = match target.split_once('?') {
            Some((p, q)) => (p, Some(q.to_owned())),
            None => (target, None),
        };
        Ok(Self {
            host: host.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            readings: Vec::new(),
        })
    }

    /// The canonical host of the app.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The method, as received (methods are case-sensitive).
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path as forwarded.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query as forwarded, without `?`.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The target as forwarded: path and query.
    pub fn target(&self) -> String {
        match &self.query {
            Some(q) => format!("{}?{q}", self.path),
            None => self.path.clone(),
        }
    }

    /// Every path that some upstream might read here. The policy judges each; the strictest wins.
    pub fn readings(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.path.as_str()).chain(self.readings.iter().map(String::as_str))
    }
}
