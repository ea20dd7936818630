// <supporter-prompt>: the form that is already in the page, in a quiet coat of its own. Optional: all works without it.
// It makes no global name, needs no other file, and keeps on the reader's device only what the reader asked for.
const doc = document;
// The address says that somebody has just given. It is said once, then taken off.
const [given, quietly] = location.hash.match(/^#supporters-thanks(-quiet)?$/) || [];
if (given) history.replaceState(history.state, "", location.href.split("#")[0]);
// Writing may fail: then the wish holds for this page. (Reading may fail too: then the plain form stays as it is.)
const keep = wish => { try { localStorage.supporters = JSON.stringify(wish); } catch {} };
const coat = new CSSStyleSheet();
coat.replaceSync(`:host{display:flow-root}
.box{--c:var(--prompt-brand,var(--b));--l:1px solid var(--prompt-rule,#77736a);--g:var(--prompt-gap,.5em);line-height:1.45;overflow-wrap:anywhere;background:var(--prompt-surface,color-mix(in srgb,currentColor 5%,transparent));border-block-start:3px solid var(--c);padding:1em}
*{box-sizing:border-box;margin:0;min-inline-size:0}
[data-error]:empty,[data-state=none],[hidden]{display:none!important}
h2{font-size:1.5em;line-height:1.2;margin:0 0 .4em}
form,details{margin:.75em 0 0}
[data-news]{border-block-start:var(--l);padding:.75em 0 0}
[data-small]{font-size:.85em;margin:.4em 0 0}
fieldset{border:0;padding:0 0 .75em}
legend{font-weight:700}
fieldset div{display:grid;grid-template-columns:repeat(auto-fit,minmax(4em,1fr));gap:var(--g)}
[type=radio]{position:absolute;opacity:0}
fieldset span{display:grid;place-items:center;min-block-size:3em;border:var(--l);border-radius:var(--prompt-radius,3px);font-weight:700}
:checked+span{border:3px solid var(--c)}
:focus-visible,:focus-visible+span{outline:3px solid;outline-offset:2px}
input,button{font:inherit;color:inherit;border:var(--l);border-radius:var(--prompt-radius,3px);background:none;padding:.4em .8em;min-block-size:2.75em}
summary,a{padding:.6em 0;text-decoration:underline;color:inherit;display:block}
[data-go] button{background:var(--c);color:var(--prompt-on-brand,var(--o));inline-size:100%;font-weight:700}
[data-acts],[data-line]{display:flex;flex-wrap:wrap;gap:var(--g) 1em;align-items:end}
[data-line]>:is(h2,[data-small]){flex:1 0 100%;font-size:1em}
[data-line] label span{display:block}
[data-error]{border-inline-start:4px solid;padding:0 .6em;font-weight:700}
@media print{.box>:not([data-print]){display:none!important}[data-print]{display:block!important}}`);
// Watches until `act` says nothing more: layout is ready then, and where the block stands is told for nothing.
const see = (host, act) => new IntersectionObserver(([entry], eye) => { try { act(entry) || eye.disconnect(); } catch {} }).observe(host);
// `before`: where the block stands, told by the observer when the layout is ready anyway.
const start = (host, kept, before) => {
  // Somebody is in the plain form already: it stays.
  if (host.matches(":focus-within")) return;
  // Below the window nobody sees it change, and nothing is measured.
  const data = host.dataset, tall = () => before.top < innerHeight && doc.body.getBoundingClientRect().height, body = tall(), box = doc.createElement("div"), size = new CSSStyleSheet();
  let words = JSON.parse(data.words);
  // The height that the page gave it is kept until nobody can see it change.
  const reserve = (least, down) => size.replaceSync(`@media screen{:host{min-block-size:${least}!important;position:relative;top:${down}px}}.box{--b:${data.brand};--o:${data.onBrand}}`);
  const one = what => form.querySelector(what), all = what => [...box.querySelectorAll(what)], show = state => {
    box.dataset.state = state;
    for (const each of all("[data-in]")) each.hidden = each.dataset.in != state;
  };
  box.className = box.part = "box";
  box.tabIndex = -1;
  box.append(...host.cloneNode(true).childNodes);
  for (const each of all("template")) each.replaceWith(each.content);
  const [form] = all("[data-ask]"), other = form.other, go = one("[data-go] span"), error = one("[data-error]");
  const add = (name, value) => value && !form[name] && form.append(Object.assign(doc.createElement("input"), {type: "hidden", name, value}));
  const often = () => form.frequency?.value || "once", picked = () => one(`[data-ladder=${often()}] :checked`);
  const say = told => {
    const rung = picked();
    for (const each of all("[data-ladder]")) each.hidden = each.dataset.ladder != often();
    one("[data-other]").hidden = rung?.value != "other";
    error.textContent = words[told] || "";
    other.ariaInvalid = !!told;
    go.textContent = rung && rung.value != "other" ? words["give_" + often()].replace("{amount}", rung.nextElementSibling.textContent) : words.continue;
  };
  // The error stays while its field is being left: if it went, the button would move from under the finger.
  const chosen = ({target}) => target == other || say();
  form.onchange = chosen;
  addEventListener("pageshow", chosen);
  form.onsubmit = event => {
    // What is no plain number is left to the page that follows: it knows "1,000" and "£5" in every country.
    const rung = picked(), {value} = other, typed = +value.replace(/,(\d\d?)$/, ".$1"), free = rung ? rung.value == "other" : value;
    const wrong = free ? (!/\d/.test(value) || typed < data.least || typed > data.most) && "error_amount" : !rung && "error_none";
    say(wrong);
    if (!wrong) {
      add("article", location.origin + location.pathname);
      // Which outside page led here: its host, and the marks in this page's own address.
      const from = doc.referrer.split("/")[2];
      if (from != location.host) add("via", from);
      for (const [name, value] of new URL(location).searchParams) /^utm_/.test(name) && add(name, value);
      return go.textContent = words.going;
    }
    event.preventDefault();
    (free ? other : one("[data-ladder] input")).focus();
  };
  box.onclick = ({target}) => {
    // -~ counts one more, also after none.
    const wish = target.dataset.do, times = -~kept.times;
    if (!wish) return;
    keep({later: {later: Date.now() + ([14, 30][times - 1] || 90) * 864e5, times}, gives: {gives: true}}[wish] || {});
    reserve(0);
    show(wish);
    box.focus();
  };
  // What was published since. It is shown only while the block is out of sight: nothing moves under a reader's eyes.
  const apply = file => {
    const {quiet: {paths, tags}, newsletter} = file;
    if (!file.is_on || paths.includes(data.path || location.pathname) || JSON.parse(data.tags).some(tag => tags.includes(tag))) return show("none");
    // A ticker's figures change while the words stay.
    if (file.version == data.version && !all("[data-word=ticker]")[0] || picked() || other.value) return;
    words = {...file, ...file.words};
    for (const each of all("[data-word]")) each.textContent = words[each.dataset.word] || "";
    for (const set of all("[data-ladder]")) {
      const [first, ...more] = set.querySelectorAll("[data-rung]");
      for (const each of more) each.remove();
      first.replaceWith(...file.amounts[set.dataset.ladder].map(([value, face]) => {
        const rung = first.cloneNode(true);
        rung.querySelector("input").value = value;
        rung.querySelector("span").textContent = face;
        return rung;
      }));
    }
    form.appeal.value = file.appeal;
    for (const each of all("[data-news]")) newsletter ? each.list.value = newsletter.list : each.remove();
    [data.least, data.most] = file.limits;
  };
  say();
  show(given ? "given" : kept.gives ? "gives" : kept.later > Date.now() ? "later" : "ask");
  if (quietly) keep({...kept, later: Date.now() + 180 * 864e5});
  const root = host.attachShadow({mode: "open"}), put = () => { reserve(0); root.replaceChildren(box); };
  const unseen = act => see(host, at => at.isIntersecting || at.boundingClientRect.top < 0 || act());
  root.adoptedStyleSheets = [coat, size];
  put();
  if (body) {
    const {top, height} = host.getBoundingClientRect(), more = body - tall();
    // Taller than its place, and in sight: the plain form stays until it can change unseen.
    if (more < 0 && !given && top > -height) { reserve(before.height + "px"); root.replaceChildren(doc.createElement("slot")); }
    else reserve(height + more + "px", before.top - top);
    unseen(put);
  }
  given && box.scrollIntoView();
  fetch(data.file).then(answer => answer.json()).then(file => unseen(() => apply(file))).catch(() => {});
};
// Another version of this file may have been here first: then it does the work.
try {
  // The first reading waits for the browser's store: it is a task of its own.
  const kept = JSON.parse(localStorage.supporters || "{}");
  customElements.define("supporter-prompt", class extends HTMLElement {
    connectedCallback() { see(this, at => start(this, kept, at.boundingClientRect)); }
  });
} catch {}
