// Brings a waiting page up to date without reloading it: the server says when there is news, and the page fetches itself.
// Where nobody says so, it looks from time to time. Without JavaScript the page reloads itself.
(() => {
  const POLLS_MAX = 240; // A forgotten tab stops polling.
  const SECONDS_WHILE_TOLD = 30;
  const SOON_POLLS = 60; // After the return from the checkout: so many looks, one a second.
  let seconds = Number(document.body.dataset.refreshSeconds);
  let polls = 0; // The newest look's number: an answer that is overtaken by another's says nothing.
  let source, timer;

  const replace = (news) => {
    const main = document.getElementById("main");
    const fresh = news.getElementById("main");
    document.title = news.title;
    document.body.dataset.news = news.body.dataset.news || "";
    seconds = Number(news.body.dataset.refreshSeconds || 0);
    if (fresh.innerHTML === main.innerHTML) return;
    const held = main.contains(document.activeElement);
    const before = document.getElementById("headline")?.textContent;
    main.innerHTML = fresh.innerHTML;
    const now = document.getElementById("headline")?.textContent;
    if (now !== before) document.getElementById("said").textContent = now; // A live region that stays is announced.
    if (held) main.focus();
  };

  const look = async () => {
    clearTimeout(timer);
    const mine = ++polls;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) {
        const news = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (news.body.dataset.leadsTo) return location.replace(news.body.dataset.leadsTo);
        if (mine !== polls) return;
        if (new URL(answer.url).pathname !== location.pathname) history.replaceState(null, "", answer.url);
        replace(news);
      } else if (answer.status < 500) return location.reload();
    } catch {
      // No connection just now: try again.
    }
    if (!seconds) return stop();
    wait();
  };

  const wait = () => {
    const told = source?.readyState === EventSource.OPEN && (seconds > 1 || polls > SOON_POLLS);
    if (polls < POLLS_MAX) timer = setTimeout(look, (told ? SECONDS_WHILE_TOLD : seconds) * 1000);
  };

  const stop = () => {
    clearTimeout(timer);
    source?.close();
  };

  const listen = () => {
    source = new EventSource(document.body.dataset.news);
    source.onmessage = look;
  };

  // A tab that nobody sees holds no connection, and looks when it is seen again.
  document.addEventListener("visibilitychange", async () => {
    stop();
    if (document.hidden || !seconds) return;
    await look();
    if (seconds) listen();
  });
  if (document.hidden) return;
  listen();
  wait();
})();
