// A drawn picture, with a slider that uncovers what stands before it.
parts.viewer = (element, { props, watch }) => {
  const before = parts.make("img", { class: "before", alt: "" });
  const after = parts.make("img", { class: "after" });
  const empty = parts.make("p", { class: "empty" });
  const stage = parts.make("div", { class: "stage" }, before, after, empty);
  const slider = parts.make("input", { type: "range", min: 0, max: 100, value: 0 });
  const left = parts.make("span", {}), right = parts.make("span", {});
  const large = parts.make("button", {
    type: "button", class: "large", title: "Full screen",
    click: () => (document.fullscreenElement ? document.exitFullscreen() : element.requestFullscreen?.()),
  }, "⤢");
  const under = parts.make("div", { class: "under" }, right, slider, left, large);
  element.replaceChildren(stage, under);
  const uncover = () => {
    after.style.clipPath = `inset(0 ${slider.value}% 0 0)`;
    slider.setAttribute("aria-valuetext", `${slider.value} % of ${left.textContent}`);
  };
  slider.addEventListener("input", uncover);
  const take = () => {
    const value = props.value ?? {};
    after.hidden = !value.picture;
    empty.textContent = value.picture ? "" : value.words ?? "";
    if (value.picture) after.src = value.picture;
    else after.removeAttribute("src");
    after.alt = value.alt ?? "Drawn picture";
    const two = Boolean(value.before && value.picture);
    before.hidden = !two;
    if (two) before.src = value.before;
    left.textContent = value.left ?? "photograph";
    right.textContent = value.right ?? "result";
    slider.setAttribute("aria-label", `From ${right.textContent} to ${left.textContent}`);
    under.classList.toggle("off", !value.picture);
    slider.hidden = left.hidden = right.hidden = !two;
    if (!two || value.at !== undefined) slider.value = value.at ?? 0;
    uncover();
  };
  watch("value", take);
  take();
};
