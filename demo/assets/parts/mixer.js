// The mixer's desk: a style, a slider for each layer, the content layer, the ratio.
parts.mixer = (element, { trigger, props, watch }) => {
  let value = {};
  const give = () => {
    props.value = JSON.parse(JSON.stringify(value));
    trigger("input");
  };
  const pressed = (group, name) => {
    for (const each of group.children) each.setAttribute("aria-pressed", String(each.dataset.name === name));
  };
  const choice = (title, key, names, inside) => {
    const group = parts.make("div", { class: `choice ${key}`, role: "group", "aria-label": title },
      ...names.map(([name, words]) => parts.make("button", {
        type: "button", "data-name": name, "aria-label": words ? `${name}: ${words}` : name, title: words ?? name,
        click: () => {
          value[key] = name;
          pressed(group, name);
          give();
        },
      }, ...inside(name, words))));
    return group;
  };
  const slide = (title, words, low, high, most, read, write) => {
    const output = parts.make("output");
    const slider = parts.make("input", { type: "range", min: 0, max: most, step: 1, "aria-label": title });
    const say = () => {
      output.textContent = read(Number(slider.value));
      slider.setAttribute("aria-valuetext", output.textContent);
    };
    slider.addEventListener("input", () => {
      write(Number(slider.value));
      say();
      give();
    });
    const row = parts.make("label", { class: "slide" },
      parts.make("span", {}, parts.make("b", {}, title), " ", words, output), slider,
      ...(low ? [parts.make("small", {}, parts.make("span", {}, low), parts.make("span", {}, high))] : []));
    return [row, (at) => {
      slider.value = at;
      say();
    }];
  };
  const styles = choice("Style", "style", props.styles.map((name) => [name]), (name) => [
    props.pictures.includes(name)
      ? parts.make("img", { src: `examples/${name}-small.webp`, alt: "", width: 60, height: 60 })
      : parts.make("b", {}, name)]);
  const contents = choice("Content layer", "content", props.contents, (name, words) => [
    parts.make("b", {}, name), parts.make("small", {}, words)]);
  const layers = props.layers.map(([name, words]) => slide(name, words, "", "", 100,
    (at) => `${at} %`, (at) => (value.layers[name] = at / 100)));
  const [lowest, highest] = props.ratios.map(Math.log10);
  const [ratio, setRatio] = slide("Painting or photograph?", "", "more painting", "more photograph", 100,
    () => `α/β = ${Number(value.ratio.toPrecision(2))}`,
    (at) => (value.ratio = Number((10 ** (lowest + (at / 100) * (highest - lowest))).toPrecision(4))));
  element.replaceChildren(
    parts.make("p", { class: "lead" }, parts.make("b", {}, "Painting")), styles,
    parts.make("p", { class: "lead" }, parts.make("b", {}, "Style layers"), " how much of the painting each one brings"),
    ...layers.map(([row]) => row),
    parts.make("p", { class: "lead" }, parts.make("b", {}, "Content layer"), " where the photograph is held; this small network answers to it faintly, “Draw it properly” in full"), contents,
    ratio);
  const take = () => {
    value = JSON.parse(JSON.stringify(props.value));
    pressed(styles, value.style);
    pressed(contents, value.content);
    props.layers.forEach(([name], i) => layers[i][1](Math.round(100 * (value.layers[name] ?? 0))));
    setRatio(Math.round((100 * (Math.log10(value.ratio) - lowest)) / (highest - lowest)));
  };
  watch("value", take);
  take();
};
