// Brings a waiting page up to date without reloading it. Without JavaScript the page reloads itself.
(() => {
  const LOOKS_MAX = 240; // A tab that is forgotten stops asking.
  let seconds = Number(document.body.dataset.refreshSeconds);
  let looks = 0;

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

  const look = async () => {
    if (!document.hidden) {
      looks += 1;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (new URL(answer.url).pathname !== location.pathname) return location.replace(answer.url);
        if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
        else if (answer.status < 500) return location.reload();
      } catch {
        // No connection just now: look again.
      }
    }
    if (seconds && looks < LOOKS_MAX) setTimeout(look, seconds * 1000);
  };
  setTimeout(look, seconds * 1000);
})();
