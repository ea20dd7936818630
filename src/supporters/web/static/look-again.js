// At the desk: a page whose work goes on elsewhere is loaded again every few seconds, but never while something on it has
// focus or while nobody sees it. Without this file the page says itself when it is to be loaded again.
const shown = document.querySelector("[data-look-again]");
const isUsed = () => document.hidden || ![null, document.body, document.documentElement].includes(document.activeElement);
if (shown) setInterval(() => { if (!isUsed()) location.reload(); }, Number(shown.dataset.lookAgain) * 1000);
