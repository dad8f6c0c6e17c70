//! Who asks: the states of a caller, and every kind of token where another belongs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::auth::factor::authenticator::{AddressKind, AddressRecord};
use crate::auth::factor::passkey::PasskeyRecord;
use crate::auth::factor::passkey::testing::SoftKey;
use crate::auth::proof::{Method, MethodSet};
use crate::auth::reserved_names::{DEVICE, FLOW, SESSION, TURNS};
use crate::auth::session::SessionToken;
use crate::auth::user::UserId;
use crate::flow::testing::{PASSWORD, State};
use crate::portal::tests::*;

/// As browsers write it.
const ORIGIN: &str = "https://erp.example.com:8443";

/// Somebody who asks.
pub(super) struct Level {
    pub(super) name: String,
    pub(super) headers: Vec<(&'static str, String)>,
    /// What stands for a ceremony in a body or an address, where anything does.
    pub(super) ceremony: Option<String>,
    /// Whose name and which code are the right ones.
    pub(super) username: &'static str,
    pub(super) code: String,
    /// The code that confirms an address, and what a browser made of a challenge to register a passkey, if it has any.
    pub(super) sent_code: String,
    pub(super) credential: Option<String>,
    /// The tokens of links that wait: a script's, a browser's, and that of a deletion.
    pub(super) links: [String; 3],
    /// Names the backup codes that new ones take the place of.
    pub(super) backup_set: String,
    /// What a session or ceremony of theirs proved, where the token counts.
    pub(super) holds: MethodSet,
    /// Whose session ends when it asks to.
    pub(super) session: Option<String>,
    /// Whether it has proved enough to set a password anew.
    pub(super) recovers: bool,
}

/// A token, and the one place where it counts.
struct Token {
    name: &'static str,
    text: String,
    carrier: &'static str,
}

/// The portal, who asks, and all that is stored.
pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) kept: State,
    /// Those who present what they have where it belongs.
    pub(super) levels: Vec<Level>,
    /// Those who present it elsewhere.
    pub(super) strays: Vec<Level>,
}

/// Where a token can be presented.
pub(super) const CARRIERS: [&str; 8] = [SESSION, FLOW, DEVICE, TURNS, "Bearer", "Ceremony", "Stepgate-Device", "body"];

async fn post(stage: &Stage, path: &str, body: Value) -> Value {
    let asked = info("POST", &format!("/.stepgate/api/v1/{path}"), &[("content-type", "application/json")]);
    serde_json::from_slice(send(&stage.portal, &asked, body.to_string()).await.body()).unwrap()
}

/// Signs ann in as a script; the token.
async fn script(stage: &Stage, strength: &str) -> String {
    stage.world.pass(Duration::from_secs(30));
    let mut body = json!({"username": "ann", "password": PASSWORD, "strength": strength});
    if strength == "two_factor" {
        body["otp"] = json!(stage.code(0));
    }
    let told = post(stage, "login", body).await;
    told["access_token"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
}

/// Signs ann in as a browser; its cookies.
async fn browser(stage: &Stage, to: &str) -> BTreeMap<String, String> {
    stage.world.pass(Duration::from_secs(30));
    let mut browser = Browser::new(stage);
    let page = format!("/.stepgate/login?to={to}");
    let answer = browser.post(&page, &[("username", "ann"), ("password", PASSWORD)]).await;
    if location(&answer).starts_with("/.stepgate/second-factor") {
        let next = location(&answer);
        browser.post(&next, &[("method", "totp"), ("code", &stage.code(0))]).await;
    }
    assert!(browser.jar.contains_key(SESSION), "{}", location(&answer));
    browser.jar
}

/// A browser in the middle of a sign-in; the token of its ceremony.
async fn ceremony(stage: &Stage, who: &str) -> String {
    let mut browser = Browser::new(stage);
    browser.post("/.stepgate/login?to=%2Flist", &[("username", who), ("password", PASSWORD)]).await;
    browser.jar[FLOW].clone()
}

/// Begins the enrolment of an authenticator app; the code that it shows.
fn shown(stage: &Stage, pending: &str) -> String {
    let key = data_encoding::BASE32_NOPAD.decode(pending.as_bytes()).unwrap();
    stage.world.code(&SecretBytes::new(key), 0).expose().to_owned()
}

/// Gives ann a passkey and an address, each with the id that the addresses of the router name.
fn own_all(stage: &Stage) {
    let key = SoftKey::new(HOST, ORIGIN, b"the key of ann");
    let confirmed_at = crate::auth::time::Timestamp::from_secs(1);
    let passkey = PasskeyRecord {
        id: "id".to_owned(),
        name: "Key".to_owned(),
        rp_id: HOST.to_owned(),
        credential_id: key.id.clone(),
        public_key: key.public_key(),
        aaguid: Default::default(),
        attested: false,
        sign_count: 0,
        user_verified: true,
        backup_eligible: true,
        backup_state: false,
        transports: Vec::new(),
        created_at: confirmed_at,
        used_at: None,
    };
    let value = "ann@example.com".to_owned();
    let address = AddressRecord { id: "id".to_owned(), kind: AddressKind::Email, value, confirmed_at };
    let ann = UserId("01ANN".to_owned());
    // A further one, so that a rule leaves the first to be removed.
    let further = PasskeyRecord { id: "further".to_owned(), credential_id: b"further".to_vec(), ..passkey.clone() };
    stage.world.look(|s| {
        s.passkeys.extend([passkey, further].map(|one| (ann.clone(), one)));
        s.addresses.push((ann, address));
    });
}

/// Adds what nobody but the owner of the passkey has: without it, what ann owns is not hers to change.
fn prove_by_passkey(stage: &Stage, token: &str) {
    let (key, now) = (SessionToken::parse(token).unwrap().key(), crate::flow::ports::Clock::now(stage.world.as_ref()));
    stage.world.look(|s| {
        let (session, _) = s.sessions.get_mut(&key).unwrap();
        let proofs = session.proofs.clone().with(Method::Passkey, now);
        *session = Arc::new(crate::auth::session::Session { proofs, ..session.as_ref().clone() });
    });
    stage.world.forget_checks();
}

/// A session asks to confirm an address, and for a passkey: the code that was sent, and what a browser made, and
/// the name of the backup codes on their page.
async fn about_to_own(stage: &Stage, headers: &[(&str, String)], number: u8) -> [String; 3] {
    let asked = async |call: &str, body: Value| {
        let mut all = vec![("content-type", "application/json")];
        all.extend(headers.iter().map(|(name, value)| (*name, value.as_str())));
        let asked = info("POST", &format!("/.stepgate/api/v1/{call}"), &all);
        let answer = send(&stage.portal, &asked, body.to_string()).await;
        serde_json::from_slice::<Value>(answer.body()).unwrap()
    };
    let told = asked("addresses", json!({"channel": "sms", "address": format!("+1202555011{number}")})).await;
    assert!(told["expires_in"].is_number(), "{told}");
    let options = asked("passkeys/options", json!({})).await;
    let challenge = options["publicKey"]["challenge"].as_str().unwrap_or_else(|| panic!("{options}"));
    let challenge = data_encoding::BASE64URL_NOPAD.decode(challenge.as_bytes()).unwrap();
    let key = SoftKey::new(HOST, ORIGIN, &[number; 16]);
    let all: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = text(&send(&stage.portal, &info("GET", "/.stepgate/backup-codes", &all), "").await);
    let set = page.split("name=\"set\" value=\"").nth(1).unwrap_or_else(|| panic!("{page}"));
    [stage.last_code(), key.register(&challenge).to_string(), set.split('"').next().unwrap().to_owned()]
}

impl Level {
    pub(super) fn new(name: &str, carrier: &'static str, token: &str, code: &str) -> Self {
        let mut level = Self {
            name: name.to_owned(),
            headers: Vec::new(),
            ceremony: None,
            username: "ann",
            code: code.to_owned(),
            sent_code: "123456".to_owned(),
            credential: None,
            links: Default::default(),
            backup_set: String::new(),
            holds: MethodSet::default(),
            session: None,
            recovers: false,
        };
        match carrier {
            "" => {}
            "body" => level.ceremony = Some(token.to_owned()),
            "Bearer" | "Ceremony" => level.headers.push(("authorization", format!("{carrier} {token}"))),
            "Stepgate-Device" => level.headers.push(("stepgate-device", token.to_owned())),
            cookie => level.headers.push(("cookie", format!("{cookie}={token}"))),
        }
        if carrier.starts_with("__Host-") || carrier.is_empty() {
            level.headers.push(("sec-fetch-site", "same-origin".to_owned()));
        }
        level
    }

    fn holding(mut self, stage: &Stage, token: &str) -> Self {
        let key = SessionToken::parse(token).unwrap().key();
        self.holds = stage.world.look(|s| s.sessions[&key].0.proofs.methods());
        self.session = Some(key.encoded());
        self
    }

    /// It grants nothing, and whoever looks at it ends it.
    fn ending(mut self, token: &str) -> Self {
        self.session = Some(SessionToken::parse(token).unwrap().key().encoded());
        self
    }

    /// By the header too, which is another way to name a ceremony.
    fn of_script(mut self, ceremony: &str) -> Self {
        self.ceremony = Some(ceremony.to_owned());
        self
    }

    fn owning(mut self, [sent_code, credential, backup_set]: &[String; 3]) -> Self {
        (self.sent_code, self.credential) = (sent_code.clone(), Some(credential.clone()));
        self.backup_set = backup_set.clone();
        self
    }

    fn of_bob(mut self, code: &str) -> Self {
        (self.username, self.code) = ("bob", code.to_owned());
        self
    }
}

impl Scene {
    pub(super) async fn new() -> Self {
        let stage = Stage::with_all();
        own_all(&stage);
        let (old_cookie, old_token) =
            (browser(&stage, "%2Fx").await[SESSION].clone(), script(&stage, "two_factor").await);
        for token in [&old_cookie, &old_token] {
            prove_by_passkey(&stage, token);
        }
        let gone = script(&stage, "two_factor").await;
        let out = info("POST", "/.stepgate/api/v1/logout", &[("authorization", &format!("Bearer {gone}"))]);
        assert_eq!(send(&stage.portal, &out, "").await.status(), StatusCode::NO_CONTENT);
        // Older than any rule or change of what one owns allows, and still alive.
        stage.world.pass(Duration::from_secs(900));
        let expired = stage.world.look(|s| {
            let key = SessionToken::parse(&old_token).unwrap().key();
            let (session, ends) = s.sessions[&key].clone();
            let token = SessionToken::mint(&[77; 32]);
            let long_ago = crate::auth::time::Timestamp::from_secs(1);
            let session = crate::auth::session::Session {
                created_at: long_ago,
                seen_at: long_ago,
                checked: Default::default(),
                pinned: None,
                ..session.as_ref().clone()
            };
            s.sessions.insert(token.key(), (Arc::new(session), ends));
            token.expose().to_owned()
        });
        let (one_cookie, one_token) =
            (browser(&stage, "%2Flight%2Fx").await[SESSION].clone(), script(&stage, "one_factor").await);
        let jar = browser(&stage, "%2Fx").await;
        let (cookie, device) = (jar[SESSION].clone(), jar[DEVICE].clone());
        let token = script(&stage, "two_factor").await;
        for token in [&cookie, &token] {
            prove_by_passkey(&stage, token);
        }
        let by_cookie = [("cookie", format!("{SESSION}={cookie}")), ("sec-fetch-site", "same-origin".to_owned())];
        let owned_by_cookie = about_to_own(&stage, &by_cookie, 1).await;
        let owned_by_token = about_to_own(&stage, &[("authorization", format!("Bearer {token}"))], 2).await;
        let under_way = ceremony(&stage, "ann").await;
        let by_script = post(&stage, "login", json!({"username": "ann", "password": PASSWORD})).await;
        let by_script = by_script["ceremony"].as_str().unwrap().to_owned();
        let enrolling = ceremony(&stage, "bob").await;
        let mut page = Browser::new(&stage);
        page.jar.insert(FLOW.to_owned(), enrolling.clone());
        let page = page.get("/.stepgate/enroll?to=%2Flist").await;
        let page_key = text(&page)
            .split("secret=")
            .nth(1)
            .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
        let page_code = shown(&stage, &page_key.unwrap_or_else(|| panic!("{}", text(&page))));
        let wish = json!({"username": "bob", "password": PASSWORD, "strength": "two_factor"});
        let enrolling_script = post(&stage, "login", wish).await["ceremony"].as_str().unwrap().to_owned();
        let pending = post(&stage, "totp", json!({"ceremony": enrolling_script})).await;
        let script_code = shown(&stage, pending["secret"].as_str().unwrap());
        let mut mailed = Browser::new(&stage);
        mailed.post("/.stepgate/login-link?to=%2Fx", &[("op", "send"), ("email", "ann@example.com")]).await;
        let (waiting, by_browser) = (mailed.jar[FLOW].clone(), stage.last_link().1);
        post(&stage, "login/link", json!({"email": "ann@example.com"})).await;
        let by_program = stage.last_link().1;
        let leave = [("authorization", format!("Bearer {token}")), ("content-type", "application/json".to_owned())];
        let leave: Vec<_> = leave.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let told = send(&stage.portal, &info("POST", "/.stepgate/api/v1/account/delete", &leave), "{}").await;
        assert_eq!(told.status(), StatusCode::ACCEPTED, "{}", text(&told));
        let links = [by_program, by_browser, stage.last_link().1];
        // One who was disabled by a shell on the database.
        let carl = stage.world.person("carl");
        let one = json!({"username": "carl", "password": PASSWORD, "strength": "one_factor"});
        let disabled = post(&stage, "login", one).await["access_token"].as_str().unwrap().to_owned();
        stage.world.disable(&carl, true);
        stage.world.forget_checks();
        // The code of the step that is next, so that none was used before.
        stage.world.pass(Duration::from_secs(30));
        let code = stage.code(0);

        let level = |name: &str, carrier, token: &str| Level::new(name, carrier, token, &code);
        let mut levels = vec![
            level("anonymous", "", ""),
            level("ceremony by cookie", FLOW, &under_way),
            level("link by cookie", FLOW, &waiting),
            level("ceremony by token", "body", &by_script),
            level("ceremony by header", "Ceremony", &by_script),
            level("enrolment by cookie", FLOW, &enrolling).of_bob(&page_code),
            level("enrolment by token", "Ceremony", &enrolling_script)
                .of_script(&enrolling_script)
                .of_bob(&script_code),
            level("one factor by cookie", SESSION, &one_cookie).holding(&stage, &one_cookie).owning(&owned_by_cookie),
            level("one factor by token", "Bearer", &one_token).holding(&stage, &one_token).owning(&owned_by_token),
            level("stale by cookie", SESSION, &old_cookie).holding(&stage, &old_cookie).owning(&owned_by_cookie),
            level("stale by token", "Bearer", &old_token).holding(&stage, &old_token).owning(&owned_by_token),
            level("fresh by cookie", SESSION, &cookie).holding(&stage, &cookie).owning(&owned_by_cookie),
            level("fresh by token", "Bearer", &token).holding(&stage, &token).owning(&owned_by_token),
            level("disabled", "Bearer", &disabled).ending(&disabled),
            level("expired", "Bearer", &expired).ending(&expired),
            level("signed out", "Bearer", &gone),
        ];
        let tokens = [
            Token { name: "session cookie", text: cookie, carrier: SESSION },
            Token { name: "bearer token", text: token, carrier: "Bearer" },
            Token { name: "ceremony of a browser", text: under_way, carrier: FLOW },
            Token { name: "ceremony of a script", text: by_script, carrier: "body" },
            Token { name: "enrolment of a browser", text: enrolling, carrier: FLOW },
            Token { name: "enrolment of a script", text: enrolling_script, carrier: "body" },
            Token { name: "mark of a browser", text: device, carrier: DEVICE },
        ];
        let mut strays = Vec::new();
        for token in &tokens {
            for carrier in CARRIERS {
                let headed = carrier == "Ceremony" && token.carrier == "body";
                if carrier != token.carrier && !headed {
                    strays.push(level(&format!("{} in {carrier}", token.name), carrier, &token.text));
                }
            }
            for (how, bent) in bent(&token.text) {
                strays.push(level(&format!("{}, {how}", token.name), token.carrier, &bent));
            }
        }
        levels.iter_mut().chain(&mut strays).for_each(|level| level.links = links.clone());
        let kept = stage.world.look(|state| state.clone());
        Self { stage, kept, levels, strays }
    }
}

/// A token that is nearly right.
pub(super) fn bent(token: &str) -> [(&'static str, String); 4] {
    let flipped: String = token
        .char_indices()
        .map(|(at, c)| if at == token.len() / 2 { if c == 'A' { 'B' } else { 'A' } } else { c })
        .collect();
    let cut = token.get(..token.len() - 1).unwrap().to_owned();
    [
        ("cut", cut),
        ("longer", format!("{token}A")),
        ("changed", flipped),
        ("without its kind", token.replacen("sg", "xx", 1)),
    ]
}
