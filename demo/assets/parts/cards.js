// Pictures as buttons: a click tells Gradio which.
parts.cards = (element, { trigger }) => {
  element.addEventListener("click", (event) => {
    const card = event.target.closest("button[data-index]");
    if (!card) return;
    for (const each of element.querySelectorAll("button[data-index]"))
      each.setAttribute("aria-pressed", String(each === card));
    trigger("select", { index: Number(card.dataset.index) });
    const { shows } = card.parentElement.dataset;
    if (shows) parts.bring(shows);
    if (card.dataset.key) {
      history.replaceState(null, "", `#figures/${card.dataset.key}`);
      document.getElementById("tabs").scrollIntoView({ block: "start" });
    }
  });
  const wanted = location.hash.match(/^#figures\/(.+)/)?.[1];
  (wanted && element.querySelector(`[data-key="${CSS.escape(wanted)}"]`))?.click();
};
