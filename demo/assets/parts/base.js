// What the page's own parts share. Each part is a function of its element and its Gradio props.
window.parts = {
  // A new element: attributes by name (a function listens), children as elements or text.
  make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  },

  copied(button, text) {
    const said = (words) => {
      button.textContent = words;
      setTimeout(() => (button.textContent = "Copy"), 1500);
    };
    const byHand = () => {
      const area = parts.make("textarea", { class: "sr" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      button.focus();
      said(done ? "Copied" : "Select it and copy");
    };
    if (!navigator.clipboard) byHand();
    else navigator.clipboard.writeText(text).then(() => said("Copied"), byHand);
  },
};
