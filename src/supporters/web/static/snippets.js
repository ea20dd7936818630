// At the desk: a button beside each text that is meant to be copied. Without this file the text can be marked by hand.
for (const box of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button"), text = box.querySelector("textarea");
  button.type = "button";
  button.className = "button";
  button.textContent = box.dataset.copy;
  const about = document.createElement("span");
  about.className = "sr";
  about.textContent = `: ${box.dataset.about}`;
  button.append(about);
  button.addEventListener("click", async () => {
    text.select();
    try { await navigator.clipboard.writeText(text.value); } catch { document.execCommand("copy"); }
    button.firstChild.data = box.dataset.copied;
  });
  box.querySelector(".row").append(button);
}
