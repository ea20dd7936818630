// At the desk: keys for the list of open bank lines, and the difference while payments are ticked. Without this file every
// line has its link and its button, and the difference comes with the next page.
const list = document.querySelector("[data-rows]"), OFF = "supporters.match.keys-off", PLACE = "supporters.match.place";
const kept = (store, key, value) => {
  try { return value === undefined ? store.getItem(key) : value === null ? store.removeItem(key) : store.setItem(key, value); } catch { return null; }
};

if (list) {
  const rows = [...list.querySelectorAll("[data-row]")], template = document.querySelector("#keys");
  let here = 0, isOff = kept(localStorage, OFF) == "yes";
  const mark = at => {
    here = Math.max(0, Math.min(rows.length - 1, at));
    rows.forEach((row, number) => {
      row.tabIndex = number == here ? 0 : -1;
      if (number == here) row.setAttribute("aria-current", "true"); else row.removeAttribute("aria-current");
    });
  };
  const go = at => { mark(at); rows[here].focus(); };
  const leave = () => kept(sessionStorage, PLACE, String(here));
  const accept = row => {
    const form = row.querySelector("[data-accept]");
    leave();
    if (form) form.requestSubmit(); else location.assign(row.dataset.href);
  };
  // The keys and the way to switch them off stand under the list, drawn from the page's own words.
  const help = template.content.firstElementChild.cloneNode(true), turn = document.createElement("button");
  turn.type = "button";
  turn.className = "button";
  const say = () => { turn.textContent = isOff ? template.dataset.on : template.dataset.off; };
  turn.addEventListener("click", () => { isOff = !isOff; kept(localStorage, OFF, isOff ? "yes" : null); arm(); });
  help.append(turn);
  template.after(help);
  const arm = () => {
    say();
    if (isOff) rows.forEach(row => { row.removeAttribute("tabindex"); row.removeAttribute("aria-current"); });
    else mark(here);
  };
  const KEYS = {
    j: () => go(here + 1), ArrowDown: () => go(here + 1),
    k: () => go(here - 1), ArrowUp: () => go(here - 1),
    Enter: row => accept(row),
    f: row => location.assign(`${row.dataset.href}#find`),
    n: row => location.assign(`${row.dataset.href}#ask`),
    e: row => location.assign(`${row.dataset.href}#except`),
    x: row => row.querySelector("input[type=checkbox]").click(),
    u: () => { const undo = document.querySelector("[data-undo]"); if (undo) { leave(); undo.requestSubmit(); } },
    "?": () => { turn.focus(); help.scrollIntoView({block: "nearest"}); },
  };
  // Only while a line of the list itself has focus: inside it, links, boxes and buttons keep their own keys.
  list.addEventListener("keydown", event => {
    const key = KEYS[event.key];
    if (isOff || !key || event.ctrlKey || event.metaKey || event.altKey || !rows.includes(event.target)) return;
    event.preventDefault();
    key(event.target);
  });
  list.addEventListener("focusin", event => {
    const at = rows.indexOf(event.target.closest("[data-row]"));
    if (!isOff && at >= 0) mark(at);
  });
  list.addEventListener("submit", leave);
  arm();
  const place = kept(sessionStorage, PLACE);
  kept(sessionStorage, PLACE, null);
  if (!isOff && place !== null && new URLSearchParams(location.search).has("done")) go(Number(place) || 0);
}

// Ctrl+Z, anywhere on the list's page but in a box with words of its own: the button that undoes, or else the history.
const undo = document.querySelector("[data-undo]");
if (list || undo) document.addEventListener("keydown", event => {
  const isUndo = event.key.toLowerCase() == "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (!isUndo || isTyping || event.repeat || kept(localStorage, OFF) == "yes") return;
  event.preventDefault();
  if (undo) undo.requestSubmit(); else location.assign("/desk/match/history");
});

const form = document.querySelector("[data-find]");
if (form && form.querySelector("[data-left]")) {
  const chosen = form.querySelector("[data-chosen]"), left = form.querySelector("[data-left]");
  const shape = form.querySelector("[data-minor]").closest("tr").querySelector(".num").textContent.trim();
  // The page's own way to write money: what stands before the figures, the marks between them, what stands after.
  const [, before, figures, after] = /^[−-]?(\D*)([\d.,\s]*\d)(.*)$/u.exec(shape) ?? [, "", "0", ""];
  const digits = (/[.,](\d{1,3})$/.exec(figures)?.[1] ?? "").length, comma = figures.at(-1 - digits);
  const group = comma == "," ? "." : ",";
  const write = minor => {
    const text = String(Math.abs(minor)).padStart(digits + 1, "0"), whole = text.slice(0, text.length - digits);
    const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
    return `${minor < 0 ? "−" : ""}${before}${grouped}${digits ? comma + text.slice(-digits) : ""}${after}`;
  };
  const reckon = () => {
    let sum = 0;
    for (const box of form.querySelectorAll("[data-minor]:checked")) sum += Number(box.dataset.minor);
    chosen.textContent = write(sum);
    left.textContent = write(Number(form.dataset.bank) - sum);
  };
  form.addEventListener("change", reckon);
  reckon();
}
