// @ts-check
// Keeps a page current: the feed names what changed, and the page fetches its own fragment again. Once a minute it does
// so anyway, for ages move although nothing has changed.

const RETRY_MS = 10_000;
const REFRESH_MS = 60_000;

const { watch, after, fragment } = document.body.dataset;
const live = document.getElementById("live");

/** @param {string} word @param {string} state */
function say(word, state) {
  if (live && live.textContent !== word) {
    live.hidden = false;
    live.textContent = word;
    live.className = state;
  }
}

const sayLive = () => say("Live", "online");
const sayNotLive = () => say("Not live, trying again", "silent");

/** Fetch the fragment and put it in place; what was open stays open, what had the focus keeps it. */
async function refresh() {
  const old = fragment && document.getElementById(fragment);
  if (!old || !fragment) return;
  const answer = await fetch(location.href, { headers: { "X-Fragment": fragment } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = parsed.getElementById(fragment);
  if (!fresh) throw new Error("not the page");
  for (const open of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  // What is the same stays, and with it a text somebody is marking to copy.
  if (fresh.isEqualNode(old)) return;
  const focused = document.activeElement;
  const path = focused && old.contains(focused) ? [...old.querySelectorAll("a, g[tabindex], summary, pre")].indexOf(focused) : -1;
  const adopted = document.adoptNode(fresh);
  old.replaceWith(adopted);
  const again = path < 0 ? null : [...adopted.querySelectorAll("a, g[tabindex], summary, pre")][path];
  if (again instanceof HTMLElement || again instanceof SVGElement) again.focus({ preventScroll: true });
}

if (watch && fragment) {
  /** @type {EventSource} */
  let source;
  let seen = after;
  let running = false;
  let again = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let retry;

  const update = async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      try {
        await refresh();
        if (source.readyState === EventSource.OPEN) sayLive();
      } catch {
        sayNotLive();
        clearTimeout(retry);
        retry = setTimeout(update, RETRY_MS);
      }
    }
    running = false;
  };

  const listen = () => {
    source = new EventSource(`/events?watch=${encodeURIComponent(watch)}&after=${seen}`);
    source.addEventListener("open", sayLive);
    source.addEventListener("error", () => {
      sayNotLive();
      // An answer that is no stream ends a source for good; only a lost connection is opened again by the browser.
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
    });
    source.addEventListener("change", (event) => {
      seen = event.lastEventId || seen;
      update();
    });
  };

  listen();
  setInterval(update, REFRESH_MS);
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (event.persisted) listen();
  });
}
