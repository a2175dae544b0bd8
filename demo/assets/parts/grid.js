// The grid of layers: two sliders choose among pictures that were drawn beforehand.
parts.grid = (element, { props }) => {
  const { content, style } = props.value;
  const image = element.querySelector(".cell"), words = element.querySelector(".words");
  const sliders = element.querySelectorAll("input");
  const address = (c, s) => `own/grid/${content[c][0]}-${style[s][0]}.webp`;
  const show = () => {
    const [c, s] = [...sliders].map((slider) => Number(slider.value));
    const depth = s ? `relu1_1 to ${style[s][0]}` : "relu1_1 alone";
    image.src = address(c, s);
    image.alt = `The cat as a mosaic: content layer ${content[c][0]}, style layers ${depth}`;
    const named = [content[c][0], depth], said = [content[c][1], style[s][1]];
    element.querySelectorAll("output").forEach((output, i) => (output.textContent = named[i]));
    sliders.forEach((slider, i) => slider.setAttribute("aria-valuetext", `${named[i]}: ${said[i]}`));
    words.replaceChildren(
      parts.make("b", {}, content[c][0]), `: ${said[0]}. `,
      parts.make("b", {}, depth), `: ${said[1]}.`);
  };
  let fetched = false;
  const fetchAll = () => {
    if (fetched) return;
    fetched = true;
    content.forEach((_, c) => style.forEach((_, s) => (new Image().src = address(c, s))));
  };
  for (const slider of sliders) {
    slider.addEventListener("input", show);
    for (const event of ["pointerenter", "focus", "touchstart"])
      slider.addEventListener(event, fetchAll, { passive: true });
  }
};
