// Sugar for pages that work without it: a password can be looked at before it is sent, backup codes are copied or printed
// by a button, a form that was kept for a moment is sent, and one that was sent is not sent again by a second click.
'use strict';
for (const field of document.querySelectorAll('input[type=password]')) {
  const button = document.createElement('button');
  const turn = (type) => {
    field.type = type;
    button.textContent = type === 'password' ? 'Show password' : 'Hide password';
  };
  button.type = 'button';
  button.className = 'quiet show';
  button.setAttribute('aria-controls', field.id);
  button.addEventListener('click', () => turn(field.type === 'password' ? 'text' : 'password'));
  // Browsers remember what is typed into fields of text.
  field.form.addEventListener('submit', () => turn('password'));
  turn('password');
  field.after(button);
}
for (const codes of document.querySelectorAll('.codes')) {
  const add = (label, act) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet side';
    button.textContent = label;
    button.addEventListener('click', () => act(button));
    codes.after(button);
  };
  add('Print the codes', () => print());
  if (navigator.clipboard) {
    add('Copy the codes', async (button) => {
      await navigator.clipboard.writeText(codes.textContent.trim());
      button.textContent = 'Copied';
    });
  }
}
let [form, sent] = [null, 0];
// Whether a form of this page leads on.
let leaving;
document.addEventListener('submit', (event) => {
  // A download leaves the page where it is, and its other form may be sent at once.
  if (event.target === form && event.timeStamp - sent < 2000) event.preventDefault();
  else [form, sent] = [event.target, event.timeStamp];
  leaving = !event.defaultPrevented;
});
document.querySelector('[data-send]')?.click();
