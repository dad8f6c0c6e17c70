// stepUpFetch(input, init) is fetch(input, init) for apps behind Stepgate: where an answer says that a sign-in or another proof
// is needed, a window asks the person for it, and the request is sent once more. Whatever that answers is the answer.
'use strict';
(() => {
  const { fetch } = window;
  // One window at a time, how many requests wait for it, and how many windows came to a good end.
  let [opened, waiting, done] = [null, 0, 0];

  const problemOf = async (response) => {
    if (response.status !== 401 || response.headers.get('X-Stepgate-Response') !== 'challenge') return null;
    try {
      const problem = await response.clone().json();
      // Only pages of this origin can tell that they are done; and what is proved in a window is not bound to what a script sends.
      return new URL(problem.login_url).origin === location.origin && problem.reason !== 'transaction' ? problem : null;
    } catch {
      return null;
    }
  };

  const open = (problem) => {
    const popup = crypto.randomUUID();
    const channel = new BroadcastChannel('stepgate');
    let end;
    const over = new Promise((resolve) => { end = resolve; }).then((good) => {
      clearTimeout(timer);
      channel.postMessage({ popup, state: 'end' });
      channel.close();
      opened = null;
      done += good;
      return good;
    });
    const timer = setTimeout(() => end(false), 9e5);
    channel.onmessage = ({ data }) => { if (data?.popup === popup && data.state !== 'end') end(data.state === 'done'); };
    if (!window.open(`${problem.login_url}&popup=${popup}`, '', 'popup,width=480,height=720')) {
      end(false);
      dispatchEvent(new CustomEvent('stepgate:blocked', { detail: problem }));
    }
    return { over, end };
  };

  const proved = async (problem, signal) => {
    const { over, end } = opened ??= open(problem);
    waiting++;
    try {
      return await Promise.race([over, new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      })]);
    } finally {
      if (!--waiting) end(false);
    }
  };

  window.stepUpFetch = async (input, init) => {
    const request = new Request(input, init);
    const again = request.clone();
    const before = done;
    const answer = await fetch(request);
    const problem = await problemOf(answer);
    if (!problem || (before === done && !await proved(problem, request.signal))) return answer;
    return fetch(again);
  };
})();
