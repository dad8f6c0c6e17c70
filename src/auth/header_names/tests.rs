use proptest::prelude::*;

use super::*;

#[test]
fn names_fold_to_one_spelling() {
    assert_eq!(fold("X_Forwarded.User"), "x-forwarded-user");
    assert_eq!(fold("Remote~User"), "remote-user");
}

#[test]
fn ours_are_reserved_and_others_are_not() {
    let reserved = Reserved::new(["Remote-User", "X-Auth.Groups"]);
    for name in [
        "Remote-User",
        "remote_user",
        "REMOTE.USER",
        "x-auth-groups",
        "X_Auth_Groups",
        "Forwarded",
        "X-Forwarded-For",
        "x_forwarded_proto",
        "X-Forwarded-Anything",
        "X-Stepgate-Assertion",
        "x.stepgate.x",
        "Stepgate-Device",
        "stepgate_device",
        "Stepgate-Slip",
        "stepgate_slip",
        "X-Real-IP",
        "X_Original_URL",
        "X-Forwarded",
        "X-Stepgate",
    ] {
        assert!(reserved.is_reserved(name), "{name}");
    }
    for name in [
        "accept",
        "host",
        "cookie",
        "authorization",
        "x-requested-with",
        "remote-users",
        "xforwardedfor",
        "x-stepgates",
        "x-auth-token",
        "x-api-key",
        "x-csrf-token",
        "x-remotely",
        "te",
        "",
    ] {
        assert!(!reserved.is_reserved(name), "{name}");
    }
}

/// What apps believe about who is asking is ours, whichever of it the operator configured, or nothing.
#[test]
fn identity_headers_of_any_gate_are_reserved_without_being_configured() {
    for reserved in [Reserved::new([""; 0]), Reserved::new(["Remote-User"]), Reserved::new(["X-My-User"])] {
        for name in [
            "Remote-User",
            "Remote_User",
            "REMOTE.GROUPS",
            "Remote-Email",
            "remote~name",
            "Auth-User",
            "X-Remote-User",
            "X_Remote_Groups",
            "X-Forwarded-User",
            "X_Forwarded_Preferred_Username",
            "X-Forwarded-Access-Token",
            "X-Auth-Request-User",
            "X_Auth_Request_Email",
            "X-Authenticated-User",
            "X-Authenticated.Groups",
            "X-WEBAUTH-USER",
            "x-authentik-username",
            "X-Vouch-User",
            "X-Pomerium-Jwt-Assertion",
            "X-Goog-Authenticated-User-Email",
            "Tailscale-User-Login",
            "SM_USER",
            "SM_UNIVERSALID",
            "iv-user",
            "iv_groups",
            "IV-Creds",
            "OIDC_CLAIM_sub",
            "OIDC_access_token",
            "MELLON_NAME_ID",
            "Shib-Session-ID",
            "eppn",
            "LOGON_USER",
            "X-Email-Address",
            "memberOf",
            "X-SSL-Client-S-DN",
            "SSL_CLIENT_VERIFY",
            "ssl-client-subject-dn",
            "X-MS-CLIENT-PRINCIPAL",
            "X-MS-Client-Principal-Name",
            "X-Amzn-Oidc-Data",
            "X-Goog-Iap-Jwt-Assertion",
            "Cf-Access-Jwt-Assertion",
            "Cf_Access_Authenticated_User_Email",
            "X-User",
            "X-User-Id",
            "X_Username",
            "X-Email",
            "X-Groups",
            "X.Roles",
            "WL-Proxy-Client-IP",
            "Proxy-Client-IP",
            "X-Azure-ClientIP",
            "X-Consumer-Username",
            "X-Authelia-Session",
            "CAS_user",
            "OAM_REMOTE_USER",
            "X-ARR-ClientCert",
            "Client-Cert",
            "X-Appengine-User-Is-Admin",
            "X-Auth-Username",
        ] {
            assert!(reserved.is_reserved(name), "{name}");
        }
    }
}

proptest! {
    /// Every way of writing a managed name with other separators and case is caught.
    #[test]
    fn no_alias_slips_through(
        name in prop::sample::select(vec!["Remote-User", "Remote-Groups", "X-Remote-Email", "X-Auth-Request-User", "X-Authenticated-User", "X-Webauth-User", "Auth-User", "X-Forwarded-User", "X-Real-IP", "X-Very-Long-Name-That-Is-Longer-Than-Sixty-Three-Bytes-And-Then-Some-More"]),
        separators in prop::collection::vec(prop::sample::select(b"-_.~+!#$%&'*^`|".to_vec()), 20),
        upper in prop::collection::vec(any::<bool>(), 100),
    ) {
        let reserved = Reserved::new(["Remote-User", "X-Very-Long-Name-That-Is-Longer-Than-Sixty-Three-Bytes-And-Then-Some-More"]);
        let mut separators = separators.into_iter().cycle();
        let alias: String = name.chars().zip(upper).map(|(c, up)| match c {
            '-' => char::from(separators.next().unwrap()),
            _ if up => c.to_ascii_uppercase(),
            _ => c.to_ascii_lowercase(),
        }).collect();
        prop_assert!(reserved.is_reserved(&alias), "{}", alias);
    }

    #[test]
    fn reserved_is_exactly_what_folds_to_a_name(
        name in "[a-zA-Z_.-]{0,14}|([xX][-_.])?([rR]emote|auth|[wW]ebauth)[-_.]([uU]ser|x|request-)?|[a-zA-Z_.-]{0,2}".prop_flat_map(|text| {
            let known = [known::OURS, known::OTHERS, known::OUR_FAMILIES, known::OTHER_FAMILIES].concat();
            // Beside any text: what is known, cut somewhere, with that behind it.
            (prop::sample::select(known), 0_usize..40, any::<bool>()).prop_map(move |(name, cut, plain)| {
                if plain { text.clone() } else { format!("{}{text}", &name[..cut.min(name.len())]) }
            })
        }),
    ) {
        let reserved = Reserved::new(["X-My-User"]);
        let folded = fold(&name);
        let families = [known::OUR_FAMILIES, known::OTHER_FAMILIES].concat();
        let exact = [known::OURS, known::OTHERS].concat();
        let in_family = families.iter().any(|f| folded.starts_with(f)) && !known::FREE.contains(&folded.as_str());
        let expected = folded == "x-my-user" || exact.contains(&folded.as_str()) || in_family;
        prop_assert_eq!(reserved.is_reserved(&name), expected, "{}", name);
        prop_assert_eq!(classify(&name) != NameClass::Free, expected && folded != "x-my-user", "{}", name);
    }
}

/// Whatever names another target, method or resource than the one that was judged is never the client's.
#[test]
fn names_by_which_apps_take_another_target_are_ours() {
    let reserved = Reserved::new([""; 0]);
    for name in [
        "X-Original-URL",
        "X_Original_Uri",
        "X-Original-Method",
        "X-Original-Host",
        "X-Rewrite-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Path",
        "X-Forwarded-Method",
        "X-Forwarded-Prefix",
        "X-Forwarded-Server",
        "X-Forwarded-Port",
        "X-Request-Uri",
        "X-Envoy-Original-Path",
        "X-Script-Name",
        "SCRIPT_NAME",
        "X-Accel-Mapping",
        "X-Sendfile-Type",
        "X-Middleware-Subrequest",
        "x-invoke-path",
        "X-Override-URL",
        "New-URI",
        "Destination",
        "If",
        "Stepgate-Device",
        "Stepgate-Slip",
    ] {
        for spelled in [name.to_owned(), name.to_uppercase(), name.replace('-', "_"), name.replace('-', ".")] {
            assert!(reserved.is_reserved(&spelled), "{spelled}");
            assert_eq!(classify(&spelled), NameClass::Ours, "{spelled}");
        }
    }
    for free in ["If-Match", "if-none-match", "Lock-Token", "Depth", "Overwrite", "X-User-Agent", "x-request"] {
        assert!(!reserved.is_reserved(free), "{free}");
    }
}

#[test]
fn what_an_app_needs_passes_in_its_spelling_alone() {
    let reserved = Reserved::new(["Remote-User"]).passing(["X-User-Id", "SM_USER"]);
    for name in ["X-User-Id", "x-user-id", "sm_user"] {
        assert!(!reserved.is_reserved(name), "{name}");
    }
    for name in ["X_User_Id", "X-User-Ids", "X-User", "SM-USER", "Remote-User"] {
        assert!(reserved.is_reserved(name), "{name}");
    }
}

/// The search by order finds a family only if none begins with another.
#[test]
fn families_are_apart_and_no_name_repeats_one() {
    let families = [known::OUR_FAMILIES, known::OTHER_FAMILIES].concat();
    for (i, family) in families.iter().enumerate() {
        assert_eq!(fold(family), *family);
        let others = families.iter().enumerate().filter(|(j, _)| i != *j);
        assert!(others.clone().all(|(_, other)| !other.starts_with(family)), "{family}");
    }
    for name in [known::OURS, known::OTHERS].concat() {
        assert_eq!(fold(name), name);
        assert!(!families.iter().any(|family| name.starts_with(family)), "{name}");
    }
}
