// A page that saves by script: where saving asks for more, stepUpFetch lets the person prove it, and nothing typed is lost.
'use strict';
const send = window.stepUpFetch ?? fetch;
const told = document.querySelector('output');
const save = async (init) => {
  told.textContent = 'Saving…';
  const answer = await send('/orders/save', { method: 'POST', ...init });
  const body = await answer.json();
  if (!answer.ok) {
    told.textContent = `Not saved. ${body.title}.`;
    return;
  }
  const [, type] = body.headers.find(([name]) => name.toLowerCase() === 'content-type');
  told.textContent = `Saved ${body.body.length} characters of ${type.split(';')[0]}.`;
};
for (const form of document.forms) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(Object.fromEntries(fields)) };
    save(form.id === 'json' ? json : { body: fields });
  });
}
addEventListener('stepgate:blocked', () => {
  document.querySelector('#blocked').hidden = false;
});
