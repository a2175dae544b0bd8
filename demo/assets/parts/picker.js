// The picker of layers: a chip a layer, by block from shallow to deep, once for content and once
// for style. A tap turns a layer on and chooses it, a tap on the chosen one turns it off.
parts.picker = (element, { trigger, props, watch }) => {
  const KINDS = [
    ["content", "Content layers", "keep the photograph: the result must give these layers the same features."],
    ["style", "Style layers", "bring the painting: the same Gram matrix, that is which features go together, wherever they are."],
  ];
  const BLOCKS = { 1: "colour", 2: "texture", 3: "patterns", 4: "parts", 5: "shapes" };
  let rows = [], chosen = null; // chosen: [layer, 1 for content or 2 for style]

  const short = (name) => name.replace(/^(relu|conv|pool)(?=\d)/, "");
  const shown = (weight) => String(Number(weight.toPrecision(3)));
  const give = () => {
    props.value = rows.map((row) => [...row]);
    trigger("input");
  };
  const tap = (row, column) => {
    const same = chosen && chosen[0] === row[0] && chosen[1] === column;
    if (!row[column]) {
      const others = rows.map((each) => each[column]).filter(Boolean);
      row[column] = others.length ? others.reduce((a, b) => a + b) / others.length : 1;
      chosen = [row[0], column];
    } else if (same) {
      row[column] = 0;
      chosen = null;
    } else {
      chosen = [row[0], column];
      draw();
      return;
    }
    draw();
    give();
  };
  const chip = (row, column, kind, most) => {
    const on = row[column] > 0;
    const is = chosen && chosen[0] === row[0] && chosen[1] === column;
    const button = parts.make("button", {
      type: "button", class: `chip ${kind}${is ? " chosen" : ""}`, "aria-pressed": String(on),
      "aria-label": `${row[0]} for ${kind}${on ? `, weight ${shown(row[column])}` : ""}`,
      "data-layer": row[0], click: () => tap(row, column),
    }, parts.make("span", {}, short(row[0])));
    if (on) button.append(parts.make("i", { style: `width:${Math.max(8, (100 * row[column]) / most)}%` }));
    return button;
  };
  const weigher = (kind, column) => {
    const row = chosen && chosen[1] === column && rows.find((each) => each[0] === chosen[0]);
    const box = parts.make("div", { class: "weight", "aria-live": "polite" });
    if (!row || !row[column]) {
      const some = rows.some((each) => each[column] > 0);
      box.append(some ? "Tap a layer to add it or to weigh it." : `No ${kind} layer: the picture is made of the other kind alone.`);
      return box;
    }
    const label = `Weight of ${row[0]} for ${kind}`;
    const place = Math.log10(row[column]);
    const field = parts.make("input", { type: "number", min: 0, step: "any", value: shown(row[column]), "aria-label": label });
    const slider = parts.make("input", {
      type: "range", min: Math.floor(place) - 2, max: Math.ceil(place) + 2, step: 0.02, value: place,
      "aria-label": `${label}, as a slider`, "aria-valuetext": shown(row[column]),
    });
    const set = (weight) => {
      row[column] = weight;
      const most = Math.max(...rows.map((each) => each[column]));
      for (const each of rows) {
        const bar = element.querySelector(`.${kind}[data-layer="${CSS.escape(each[0])}"] i`);
        if (bar) bar.style.width = `${Math.max(8, (100 * each[column]) / most)}%`;
      }
    };
    slider.addEventListener("input", () => {
      const weight = Number((10 ** Number(slider.value)).toPrecision(2));
      field.value = shown(weight);
      slider.setAttribute("aria-valuetext", shown(weight));
      set(weight);
    });
    slider.addEventListener("change", give);
    field.addEventListener("change", () => {
      const weight = Number(field.value);
      if (field.value === "" || !(weight >= 0)) field.value = shown(row[column]);
      else {
        row[column] = weight;
        if (weight) slider.value = Math.log10(weight);
        draw();
        give();
      }
    });
    box.append(parts.make("b", {}, `${row[0]} `), "weight ", slider, field,
      parts.make("button", { type: "button", class: "off", click: () => tap(row, column) }, "Remove"));
    return box;
  };
  function draw() {
    const focused = element.contains(document.activeElement) && document.activeElement.dataset;
    const held = focused && focused.layer && [focused.layer, document.activeElement.classList.contains("content") ? "content" : "style"];
    const blocks = new Map();
    for (const row of rows) {
      const block = /^(?:relu|conv|pool)(\d)/.exec(row[0])?.[1] ?? "";
      blocks.set(block, [...(blocks.get(block) ?? []), row]);
    }
    element.replaceChildren(...KINDS.map(([kind, title, meaning], i) => {
      const most = Math.max(...rows.map((row) => row[i + 1]));
      const columns = [...blocks].map(([block, members]) => parts.make("div", { class: "block" },
        parts.make("p", { "aria-hidden": "true" }, block ? `Block ${block}` : "Layers", parts.make("small", {}, BLOCKS[block] ?? "")),
        ...members.map((row) => chip(row, i + 1, kind, most))));
      return parts.make("div", { class: `layers-of ${kind}`, role: "group", "aria-label": title },
        parts.make("p", { class: "lead" }, parts.make("b", {}, title), ` ${meaning}`),
        parts.make("div", { class: "blocks" }, ...columns), weigher(kind, i + 1));
    }));
    if (held) element.querySelector(`.chip.${held[1]}[data-layer="${CSS.escape(held[0])}"]`)?.focus();
  }
  const take = () => {
    rows = (props.value ?? []).map((row) => [row[0], Number(row[1]) || 0, Number(row[2]) || 0]);
    if (chosen && !rows.some((row) => row[0] === chosen[0] && row[chosen[1]] > 0)) chosen = null;
    draw();
  };
  watch("value", take);
  take();
};
