
"use strict";
(() => {
  const box = document.getElementById("q");
  if (!box) return;
  const status = document.getElementById("n");
  const groups = [...document.querySelectorAll(".group")].map((element) => {
    const hosts = element.dataset.hosts.split(" ");
    const entries = [...element.querySelectorAll(".entry")].map((entry) => ({
      element: entry,
      text: `${element.querySelector("h3").textContent} ${entry.dataset.words} ${entry.textContent}`.toLowerCase(),
    }));
    return { element, hosts: new Set(hosts), entries };
  });
  const known = new Set(groups.flatMap((group) => [...group.hosts]));
  const total = groups.reduce((sum, group) => sum + group.entries.length, 0);
  const show = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let seen = 0;
    for (const group of groups) {
      // A word that is a host's name means that host and not what merely begins like it.
      const rest = words.filter((word) => !known.has(word));
      const here = words.every((word) => !known.has(word) || group.hosts.has(word));
      let shown = 0;
      for (const entry of group.entries) {
        entry.element.hidden = !(here && rest.every((word) => entry.text.includes(word)));
        shown += entry.element.hidden ? 0 : 1;
      }
      group.element.hidden = shown === 0;
      seen += shown;
    }
    status.textContent = words.length ? `${seen} of ${total} shown` : "";
  };
  const fromAddress = () => {
    const query = /^#q=(.*)$/.exec(location.hash);
    if (!query) return;
    try { box.value = decodeURIComponent(query[1].replaceAll("+", " ")); } catch { box.value = query[1]; }
    show();
  };
  box.closest("[hidden]").hidden = false;
  box.addEventListener("input", show);
  addEventListener("hashchange", fromAddress);
  addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) { event.preventDefault(); box.focus(); }
    if (event.key === "Escape" && document.activeElement === box) { box.value = ""; show(); }
  });
  fromAddress();
})();
