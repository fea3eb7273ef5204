// Brings a waiting page up to date without reloading it. Without JavaScript the page reloads itself.
(() => {
  const POLLS_MAX = 240; // A forgotten tab stops polling.
  let seconds = Number(document.body.dataset.refreshSeconds);
  let polls = 0;

  const replace = (news) => {
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = news.getElementById(part.id);
      if (!fresh || fresh.outerHTML === part.outerHTML) continue;
      const held = part.contains(document.activeElement);
      part.className = fresh.className;
      part.innerHTML = fresh.innerHTML; // In place: a live region that stays is announced.
      if (held) document.getElementById("main").focus();
    }
    document.title = news.title;
    seconds = Number(news.body.dataset.refreshSeconds || 0);
  };

  const poll = async () => {
    if (!document.hidden) {
      polls += 1;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (new URL(answer.url).pathname !== location.pathname) return location.replace(answer.url);
        if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
        else if (answer.status < 500) return location.reload();
      } catch {
        // No connection just now: try again.
      }
    }
    if (seconds && polls < POLLS_MAX) setTimeout(poll, seconds * 1000);
  };
  setTimeout(poll, seconds * 1000);
})();
