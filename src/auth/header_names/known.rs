//! The names, folded: what we remove from every request, whatever was configured.

/// What proxies tell about a request, and by which apps take another target, another method or another resource than
/// the one that was judged. What an app gets of these is written by us.
pub(super) const OURS: &[&str] = &[
    "forwarded",
    "x-forwarded",
    "x-stepgate",
    // The mark of a known script: a secret between it and us.
    "stepgate-device",
    // A proof for one request, which is used up here.
    "stepgate-slip",
    "x-request-id",
    // Other resources of the request (RFC 4918): judged, and written anew.
    "destination",
    "if",
    // mod_dav takes it for the destination where there is none.
    "new-uri",
    // Another host.
    "x-host",
    "x-host-override",
    "x-http-host-override",
    "proxy-host",
    // Another target.
    "x-override-url",
    "x-request-uri",
    "x-request-url",
    "x-request-path",
    "request-uri",
    "http-url",
    "base-url",
    "proxy-url",
    "x-proxy-url",
    "x-proxy-path",
    "x-proxy-prefix",
    "x-http-destinationurl",
    "x-http-path-override",
    "x-replaced-path",
    "x-matched-path",
    "x-now-route-matches",
    "x-path-info",
    "path-info",
    // Where the app is said to live: it is part of the target to some, and of every link.
    "script-name",
    "x-script-name",
    "x-ingress-path",
    // Another way to answer: by files (Rack, lighttpd, nginx).
    "x-sendfile",
    "x-sendfile-type",
    // The scheme.
    "front-end-https",
    "x-front-end-https",
    "x-url-scheme",
    "x-scheme",
    // CGI apps take it for the proxy of their own requests.
    "proxy",
];

/// Families of such names.
pub(super) const OUR_FAMILIES: &[&str] = &[
    "x-forwarded-",
    "x-stepgate-",
    "x-original-",
    "x-rewrite-",
    "x-accel-",
    // Envoy takes routes, retries and the path from these.
    "x-envoy-",
    // Next.js takes them for its own, and leaves its checks out.
    "x-middleware-",
    "x-invoke-",
];

/// Who asks, and from where, as other gates and proxies tell apps. An app may believe any of these, whichever the
/// operator chose.
pub(super) const OTHERS: &[&str] = &[
    "remote-user",
    "remote-user-id",
    "remote-username",
    "remote-group",
    "remote-groups",
    "remote-email",
    "remote-name",
    "remote-roles",
    "remote-realm",
    "remote-addr",
    "remote-host",
    "remote-port",
    "remote-ident",
    "auth-user",
    "auth-type",
    "x-remote",
    "x-authenticated",
    "x-auth-group",
    "x-auth-groups",
    "x-auth-name",
    "x-auth-email",
    "x-auth-role",
    "x-auth-roles",
    "x-auth-subject",
    "logon-user",
    "x-logon-user",
    "smuser",
    "ajp-remote-user",
    "x-principal",
    "x-email",
    "x-email-address",
    "x-mail",
    "x-group",
    "x-groups",
    "x-role",
    "x-roles",
    "x-anonymous-consumer",
    "x-jwt-assertion",
    "x-endpoint-api-userinfo",
    "x-apigateway-api-userinfo",
    // Attributes as Shibboleth names them.
    "eppn",
    "persistent-id",
    "targeted-id",
    "affiliation",
    "unscoped-affiliation",
    "entitlement",
    "ismemberof",
    "memberof",
    // Certificates of clients (RFC 9440).
    "client-cert",
    "client-cert-chain",
    "x-client-cn",
    "x-client-s-dn",
    // Addresses of clients.
    "x-client-ip",
    "x-cluster-client-ip",
    "x-originating-ip",
    "x-coming-from",
    "x-custom-ip-authorization",
    "x-proxyuser-ip",
    "x-sucuri-clientip",
    "x-nf-client-connection-ip",
    "true-client-ip",
    "client-ip",
    "real-ip",
    "cdn-src-ip",
    "ali-cdn-real-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "incap-client-ip",
    "proxy-client-ip",
];

/// Families of such names.
pub(super) const OTHER_FAMILIES: &[&str] = &[
    "x-real-",
    "x-remote-",
    "x-user",
    "x-auth-user",
    "x-auth-request-",
    "x-authenticated-",
    "x-webauth-",
    "x-sso-",
    "x-saml-",
    "saml-",
    "x-proxy-remote-",
    // Authelia, authentik, Vouch, Pomerium, Kong, Tailscale, Teleport.
    "x-authelia-",
    "x-authentik-",
    "x-vouch-",
    "x-pomerium-",
    "x-consumer-",
    "x-credential-",
    "tailscale-",
    "teleport-jwt-",
    // SiteMinder, WebSEAL, Oracle Access Manager, CAS, and the modules of Apache.
    "sm-",
    "iv-",
    "oam-",
    "osso-",
    "cas-",
    "oidc-",
    "mellon-",
    "shib-",
    "shibboleth-",
    "eduperson",
    // Certificates of clients.
    "x-ssl-",
    "ssl-",
    "x-tls-client-",
    "x-client-cert",
    "x-client-verify",
    "x-client-dn",
    "x-amzn-mtls-",
    // Clouds.
    "x-ms-client-principal",
    "x-ms-token-",
    "x-arr-",
    "x-azure-",
    "x-amzn-oidc-",
    "x-goog-",
    "x-appengine-",
    "x-vercel-",
    "cf-access-",
    "cf-connecting-",
    "wl-proxy-",
];

/// Of these families, what tells nobody's identity.
pub(super) const FREE: &[&str] = &[
    // gRPC-Web cannot set `User-Agent`.
    "x-user-agent",
];
