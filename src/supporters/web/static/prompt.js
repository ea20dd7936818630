//# allFunctionsCalledOnLoad
// That line lets a browser read all of it beside the page's own work, not twice over when the reader comes near.
// <supporter-prompt>: the form that is already in the page, in a quiet coat of its own. Optional: all works without it.
// It makes no global name, needs no other file, and keeps on the reader's device only what the reader asked for.
// While a page loads it does next to nothing: all else waits until the reader comes near.
// The address says that somebody has just given (1), and wishes not to be asked for a while (2). It is said once, then taken off.
const given = ["#supporters-thanks", "#supporters-thanks-quiet"].indexOf(location.hash) + 1;
given && history.replaceState(history.state, "", location.href.replace(location.hash, ""));
// Writing may fail: then the wish holds for this page. (Reading may fail too: then the plain form stays as it is.)
const keep = wish => { try { localStorage.supporters = JSON.stringify(wish); } catch {} };
// Watches until `act` says nothing more: layout is ready then, and where the block stands is told for nothing.
const see = (host, act, rootMargin) => new IntersectionObserver(([entry], eye) => { try { act(entry) || eye.disconnect(); } catch {} }, {rootMargin}).observe(host);
const start = async host => {
  try {
    // Somebody is in the plain form already, or the page has put the block elsewhere: it stays as it is.
    if (host.shadowRoot || !host.matches("html :not(:focus-within)")) return;
    // Out of the window nobody sees it change, and nothing is measured.
    const kept = JSON.parse(localStorage.supporters || "{}"), before = host.getBoundingClientRect(), data = host.dataset, tall = () => before.top < innerHeight && before.bottom > 0 && document.body.getBoundingClientRect().height, body = tall(), box = document.createElement("div"), coat = new CSSStyleSheet();
    let words = JSON.parse(data.words);
    // The height that the page gave it is kept until nobody can see it change.
    const reserve = (least, down) => coat.replaceSync(`:host{display:flow-root}
@media screen{:host{min-block-size:${least}px!important;position:relative;top:${down}px}}
.box{--c:var(--prompt-brand,${data.brand});--l:1px solid var(--prompt-rule,#77736a);--g:var(--prompt-gap,.5em);line-height:1.45;overflow-wrap:anywhere;background:var(--prompt-surface,color-mix(in srgb,currentColor 5%,transparent));border-block-start:3px solid var(--c);padding:1em}
*{box-sizing:border-box;margin:0;min-inline-size:0}
[hidden],[data-state=none]{display:none!important}
h2{font-size:1.5em;line-height:1.2;margin:0 0 .4em}
form,details{margin:.75em 0 0}
[data-news]{border-block-start:var(--l);padding:.75em 0 0}
[data-small]{font-size:.85em;margin:.4em 0 0}
fieldset{border:0;padding:0 0 .75em;font-weight:700}
fieldset p{flex:4em;overflow-wrap:normal;min-inline-size:min-content}
[type=radio]{position:absolute;opacity:0}
label span{display:block}
fieldset span{display:grid;place-items:center;min-block-size:2.75em;border:var(--l);border-radius:var(--prompt-radius,3px)}
:checked+span{border:3px solid}
input{margin:.4em 0 0}
:focus-visible,:focus-visible+span{outline:3px solid;outline-offset:2px}
input,button{font:inherit;color:inherit;border:var(--l);border-radius:var(--prompt-radius,3px);background:none;padding:.4em .8em;min-block-size:2.75em}
summary,a{padding:.6em 0;text-decoration:underline;color:inherit;display:block}
[data-go] button{background:var(--c);color:var(--prompt-on-brand,${data.onBrand});inline-size:100%;font-weight:700}
fieldset div,[data-acts],[data-line]{display:flex;flex-wrap:wrap;gap:var(--g);align-items:end}
[data-line]>:is(h2,[data-small]){flex:1 0 100%;font-size:1em}
[data-error]:not(:empty){border-inline-start:3px solid;margin:.6em 0;padding:0 1em;font-weight:700}
@media print{.box>*{display:none!important}.box>[data-print]{display:block!important}}`);
    const one = what => box.querySelector(what), all = what => box.querySelectorAll(what), show = state => {
      box.dataset.state = state;
      for (const each of all("[data-in]")) each.hidden = each.dataset.in != state;
    };
    box.className = box.part = "box";
    box.tabIndex = -1;
    for (const each of host.childNodes) box.append(each.cloneNode(true));
    for (const each of all("template")) each.replaceWith(each.content);
    const form = one("form"), go = one("[data-go] span"), error = one("[data-error]");
    const add = (name, value) => value && !form[name] && form.append(Object.assign(document.createElement("input"), {type: "hidden", name, value}));
    const often = () => one("[name=frequency]:checked")?.value || "once", picked = (what = ":checked") => one(`[data-ladder=${often()}] ${what}`);
    const say = told => {
      const rung = picked();
      for (const each of all("[data-ladder]")) each.hidden = each.dataset.ladder != often();
      one("[data-other]").hidden = rung?.value != "other";
      // A field that nobody has touched is left alone: the first touch of one is dear.
      if (told || error.textContent) form.other.setAttribute("aria-describedby", error.id = "error"), form.other.ariaInvalid = !!told;
      error.textContent = words[told] || "";
      go.textContent = rung && rung.value != "other" ? words["give_" + often()].replace("{amount}", rung.nextElementSibling.textContent) : words.continue;
    };
    // The error stays while its field is being left: if it went, the button would move from under the finger.
    addEventListener("pageshow", form.onchange = ({target}) => target.name == "other" || say());
    form.onsubmit = event => {
      // What is no plain number is left to the page that follows: it knows "1,000" and "£5" in every country.
      const rung = picked(), {value} = form.other, typed = +value.replace(/,(\d\d?)$/, ".$1"), free = rung ? rung.value == "other" : value;
      const wrong = free ? (!/\d/.test(value) || typed < data.least || typed > data.most) && "error_amount" : !rung && "error_none";
      say(wrong);
      if (!wrong) {
        add("article", location.origin + location.pathname);
        // Which page led here: its host (the paper's own is dropped over there), and the marks in this page's own address.
        add("via", document.referrer.split("/")[2]);
        for (const [name, value] of new URL(location).searchParams) /^utm_/.test(name) && add(name, value);
        return go.textContent = words.going;
      }
      event.preventDefault();
      (free ? form.other : picked("input")).focus();
    };
    box.onclick = ({target}) => {
      // -~ counts one more, also after none.
      const wish = target.dataset.do, times = -~kept.times;
      if (!wish) return;
      keep({later: {later: Date.now() + ([, 14, 30][times] || 90) * 864e5, times}, gives: {gives: 1}}[wish] || {});
      reserve(0);
      show(wish);
      box.focus();
    };
    say();
    show(given ? "given" : kept.gives ? "gives" : kept.later > Date.now() ? "later" : "ask");
    given > 1 && keep({...kept, later: Date.now() + 180 * 864e5});
    const root = host.attachShadow({mode: "open"}), put = least => (reserve(least), root.replaceChildren(box));
    const unseen = act => see(host, at => at.isIntersecting || at.boundingClientRect.top < 0 || act());
    root.adoptedStyleSheets = [coat];
    // In sight it is measured with room to spare: a page that got shorter, for a moment only, would take its end up with it.
    put(body ? 9e3 : 0);
    if (body) {
      reserve(9e3 + body - tall(), before.top - host.getBoundingClientRect().top);
      // Taller than its place: the plain form stays until it can change unseen.
      if (tall() - body > 1 && !given) { reserve(before.height); root.replaceChildren(document.createElement("slot")); }
      unseen(() => put(0));
    }
    given && box.scrollIntoView();
    // What was published since. It is shown only while the block is out of sight: nothing moves under a reader's eyes.
    const file = await (await fetch(data.file)).json();
    const quiet = !file.is_on || file.quiet.paths.includes(data.path || location.pathname) || JSON.parse(data.tags).some(tag => file.quiet.tags.includes(tag));
    // A ticker's figures change while the words stay.
    if (quiet || file.version != data.version || one("[data-word=ticker]")) unseen(() => {
      if (quiet) return show("none");
      if (picked() || form.other.value) return;
      words = {...file, ...file.words};
      for (const each of all("[data-word]")) each.textContent = words[each.dataset.word] || "";
      for (const set of all("[data-ladder]")) {
        const [first, ...more] = set.querySelectorAll("[data-rung]"), rungs = file.amounts[set.dataset.ladder];
        // A rhythm that is not offered any more goes, with its choice.
        for (const each of rungs ? more : [set, one(`p:has([value=${set.dataset.ladder}])`)]) each.remove();
        rungs && first.replaceWith(...rungs.map(([value, face]) => {
          const rung = first.cloneNode(true);
          rung.querySelector("input").value = value;
          rung.querySelector("span").textContent = face;
          return rung;
        }));
      }
      form.appeal.value = file.appeal;
      for (const each of all("[data-news]")) file.newsletter ? each.list.value = file.newsletter.list : each.remove();
      [data.least, data.most] = file.limits;
      // The rhythm that was chosen may be gone.
      say();
    });
  } catch {}
};
// Another version of this file may have been here first: then it does the work.
try {
  customElements.define("supporter-prompt", class extends HTMLElement {
    connectedCallback() {
      // Half a window away. Whoever has just given is taken there at once.
      see(this, at => !at.isIntersecting && !given || void start(this), "50%");
      // A key may jump to it, move the focus into it or search the page; on paper it looks different.
      addEventListener("keydown", () => start(this));
      addEventListener("beforeprint", () => start(this));
    }
  });
} catch {}
