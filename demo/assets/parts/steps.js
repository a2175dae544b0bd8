// One of some named steps, as a slider.
parts.steps = (element, { trigger, props, watch }) => {
  const output = parts.make("output");
  const slider = parts.make("input", { type: "range", min: 0, max: props.names.length - 1, step: 1, "aria-label": props.title });
  const show = () => {
    output.textContent = props.names[slider.value];
    slider.setAttribute("aria-valuetext", props.names[slider.value]);
  };
  element.replaceChildren(parts.make("label", { class: "slide" },
    parts.make("span", {}, parts.make("b", {}, props.title), " ", output), slider,
    parts.make("small", {}, parts.make("span", {}, props.low), parts.make("span", {}, props.high))));
  const take = () => {
    slider.value = Math.max(0, props.names.indexOf(props.value));
    show();
  };
  slider.addEventListener("input", () => {
    show();
    props.value = props.names[slider.value];
    trigger("input");
  });
  watch("value", take);
  take();
};
