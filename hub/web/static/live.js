// @ts-check
// Keeps a page current: the feed names what changed, and the page fetches its own fragment again.

const { watch, after, fragment } = document.body.dataset;
const live = document.getElementById("live");

/** @param {string} word @param {string} state */
function say(word, state) {
  if (live) {
    live.hidden = false;
    live.textContent = word;
    live.className = state;
  }
}

/** Fetch the fragment and put it in place; what was open stays open, what had the focus keeps it. */
async function refresh() {
  const old = fragment && document.getElementById(fragment);
  if (!old || !fragment) return;
  const answer = await fetch(location.href, { headers: { "X-Fragment": fragment } });
  if (!answer.ok) return;
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = parsed.getElementById(fragment);
  if (!fresh) return;
  for (const open of old.querySelectorAll("details[open][id]")) {
    fresh.querySelector(`#${CSS.escape(open.id)}`)?.setAttribute("open", "");
  }
  const focused = document.activeElement;
  const path = focused && old.contains(focused) ? [...old.querySelectorAll("a, summary, pre")].indexOf(focused) : -1;
  const adopted = document.adoptNode(fresh);
  old.replaceWith(adopted);
  const again = path < 0 ? null : [...adopted.querySelectorAll("a, summary, pre")][path];
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}

if (watch && fragment) {
  const source = new EventSource(`/events?watch=${encodeURIComponent(watch)}&after=${after}`);
  source.addEventListener("open", () => say("Live", "online"));
  source.addEventListener("error", () => say("Not live, trying again", "silent"));
  let running = false;
  let again = false;
  source.addEventListener("change", async () => {
    again = true;
    if (running) return;
    running = true;
    while (again) {
      again = false;
      await refresh().catch(() => say("Not live, trying again", "silent"));
    }
    running = false;
  });
  addEventListener("pagehide", () => source.close());
}
