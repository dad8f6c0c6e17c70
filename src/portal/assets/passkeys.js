// Passkeys and security keys (WebAuthn L3): the browser's own dialog stands between a form and the server, which gets its
// outcome by that form and says what comes next. Without this script the form says so by itself.
const able = window.PublicKeyCredential;
const abilities = Promise.resolve(able?.getClientCapabilities?.() ?? {}).catch(() => ({}));
// The request that nobody asked for; there can be one at a time.
let waiting;
const begin = async ({ webauthn, options }, how) => {
  if (!able?.parseRequestOptionsFromJSON) throw new DOMException('', 'NotSupportedError');
  const create = webauthn === 'create';
  const given = JSON.parse(options);
  const publicKey = create ? able.parseCreationOptionsFromJSON(given) : able.parseRequestOptionsFromJSON(given);
  const credential = await navigator.credentials[create ? 'create' : 'get']({ publicKey, ...how });
  return JSON.stringify(credential.toJSON());
};
const beginUnasked = (data) => begin(data, { mediation: 'conditional', signal: (waiting = new AbortController()).signal });
for (const { dataset, firstElementChild: form } of document.querySelectorAll('[data-webauthn]')) {
  const send = (outcome, error = '') => {
    (form.elements.assertion ?? form.elements.credential).value = outcome;
    form.elements.webauthn_error.value = error;
    leaving = true;
    form.submit();
  };
  let open = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (open) return;
    open = true;
    waiting?.abort();
    const status = form.querySelector('[role=status]');
    status.textContent = status.dataset.open;
    try {
      let outcome;
      if ('autofill' in dataset && (await abilities).immediateGet) {
        // At once where a passkey is at hand. Where none is, that is known before anybody could close a dialog: then the
        // whole one, with other devices and keys.
        const began = performance.now();
        outcome = await begin(dataset, { uiMode: 'immediate' }).catch((error) => {
          if (error.name !== 'NotAllowedError' || performance.now() - began > 1000) throw error;
        });
      }
      send(outcome ?? await begin(dataset));
    } catch (error) {
      send('', error.name);
    }
    open = false;
  });
  if ('autofill' in dataset) {
    abilities.then(({ conditionalGet }) => conditionalGet && !open && beginUnasked(dataset)).then((outcome) => outcome && send(outcome), () => {});
  }
  if ('silent' in dataset) {
    setTimeout(() => waiting?.abort(), 5000);
    abilities.then(({ conditionalCreate }) => (conditionalCreate ? beginUnasked(dataset) : '')).then(send, (error) => send('', error.name));
  }
}
// What the password manager of the browser should know: which passkeys there are, and what the account is called.
for (const { dataset } of document.querySelectorAll('[data-signal]')) {
  able?.[`signal${dataset.signal}`]?.(JSON.parse(dataset.about)).catch(() => {});
}
