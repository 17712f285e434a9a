"use strict";
const every = 1000 * document.currentScript.dataset.everyS;
const told = document.getElementById("told");
let read = new Date();
async function follow() {
  try {
    const reply = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(30000) });
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const fresh = page.querySelector("main"), shown = document.querySelector("main");
    if (!fresh) throw new Error(String(reply.status));
    if (fresh.innerHTML !== shown.innerHTML) shown.replaceWith(fresh);
    read = new Date();
    told.textContent = `read at ${read.toLocaleTimeString()}`;
    told.className = "";
  } catch {
    told.textContent = `no answer: as of ${read.toLocaleTimeString()}; is schema-guard report --serve still running?`;
    told.className = "lost";
  }
  setTimeout(follow, every);
}
setTimeout(follow, every);
