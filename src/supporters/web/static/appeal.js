// At the desk: the preview of an appeal follows what is typed. Without this file it shows the words saved last.
// The server draws it by the readers' own templates. Only the body is exchanged: the frame keeps its policy, its styles,
// how far it was scrolled, and no step of the browser's history is made.
const form = document.querySelector("#appeal"), frame = document.querySelector("iframe[name=preview]");
const told = document.querySelector("#follows"), WAIT = 300;
let timer = 0, asking = new AbortController();
const say = words => { if (told.textContent != words) told.textContent = words; };
const draw = async () => {
  asking.abort();
  asking = new AbortController();
  const {signal} = asking, inside = frame.contentWindow;
  try {
    // Not loaded yet: it says so when it is.
    if (inside.document.readyState != "complete" || inside.location.protocol == "about:") return;
    const where = inside.location.pathname + inside.location.search;
    const answer = await fetch(where, {method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "error", signal});
    const words = await answer.text();
    // Another view was chosen meanwhile, or more was typed: what is drawn for it is on its way.
    if (signal.aborted) return;
    if (answer.status == 422) return say(words);
    if (!answer.ok) throw answer.status;
    // Read by the frame's own reader, so that its policy holds for what is read.
    const {body} = new inside.DOMParser().parseFromString(words, "text/html");
    inside.document.body.replaceWith(inside.document.adoptNode(body));
    say(told.dataset.follows);
  } catch {
    if (!signal.aborted) say(told.dataset.lost);
  }
};
if (frame) {
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(draw, WAIT); });
  // Another view was chosen; or a browser has put back what was typed before this page was left.
  frame.addEventListener("load", draw);
  draw();
}
