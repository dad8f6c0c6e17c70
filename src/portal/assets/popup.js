// In the window of a script (step-up.js) every page says when it is closed, and the last one when all is done. Our pages have
// no opener, so they tell it to the pages of their own origin; the name tells whom it is meant for, and nothing more.
const popup = new URLSearchParams(location.search).get('popup');
if (popup && window.BroadcastChannel) {
  const channel = new BroadcastChannel('stepgate');
  channel.onmessage = ({ data }) => { if (data?.popup === popup && data.state === 'end') close(); };
  const tell = (state) => channel.postMessage({ popup, state });
  addEventListener('pagehide', () => leaving || tell('closed'));
  if (document.querySelector('[data-done]')) tell('done');
}
