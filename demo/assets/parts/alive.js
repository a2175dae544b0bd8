// A layer at work: the field of a position, maps laid over the photograph, the Gram matrix's pairs.
parts.alive = (element, { props, watch }) => {
  const image = parts.make("img", { alt: "The photograph" });
  const over = parts.make("div", { class: "over" });
  const seen = parts.make("div", { class: "field" });
  const photo = parts.make("div", { class: "photo" }, image, over, seen);
  const about = parts.make("p", { class: "words", role: "status" });
  const maps = parts.make("div", { class: "maps", role: "group", "aria-label": "The strongest maps; arrow keys move among them" });
  const gram = parts.make("canvas", { tabindex: 0, role: "img" });
  const couple = parts.make("div", { class: "couple", "aria-hidden": "true" });
  const pair = parts.make("p", { class: "quiet", role: "status" });
  const sentence = parts.make("p", { class: "quiet" });
  element.replaceChildren(
    parts.make("div", { class: "column" }, parts.make("h2", {}, "What it sees"), photo, about),
    parts.make("div", { class: "column" }, parts.make("h2", {}, "Maps"), maps),
    parts.make("div", { class: "column" }, parts.make("h2", {}, "Gram matrix"), gram, couple, pair),
    sentence);
  let value = {}, pinned = null, cell = [0, 1];

  const tile = (target, place) => {
    const rows = Math.ceil(value.channels.length / value.columns);
    target.style.backgroundImage = `url("${value.maps}")`;
    target.style.backgroundSize = `${100 * value.columns}% ${100 * rows}%`;
    const along = (at, count) => (count > 1 ? (100 * at) / (count - 1) : 0);
    target.style.backgroundPosition = `${along(place % value.columns, value.columns)}% ${along(Math.floor(place / value.columns), rows)}%`;
  };
  const reach = (place) => [...maps.children].forEach((each, i) => (each.tabIndex = i === place ? 0 : -1));
  const lay = (place) => {
    photo.classList.toggle("covered", place !== null);
    if (place === null) return say();
    tile(over, place);
    about.textContent = `Map ${value.channels[place]}: bright where this filter of ${value.layer} answers.`;
  };
  const say = () => {
    about.textContent = `One position of ${value.layer} sees the ${value.field} px square: point at the photograph.`;
  };
  const field = (x, y) => {
    const [width, height] = value.size, box = image.getBoundingClientRect(), scale = box.width / width;
    const snap = (at) => (Math.floor(at / value.step) + 0.5) * value.step;
    const half = value.field / 2, cx = snap(x / scale), cy = snap(y / scale);
    const left = Math.max(0, cx - half), top = Math.max(0, cy - half);
    const right = Math.min(width, cx + half), bottom = Math.min(height, cy + half);
    Object.assign(seen.style, { left: `${left * scale}px`, top: `${top * scale}px`,
      width: `${Math.max(2, (right - left) * scale)}px`, height: `${Math.max(2, (bottom - top) * scale)}px` });
  };
  const centre = () => value.size && field(image.clientWidth / 2, image.clientHeight / 2);
  photo.addEventListener("pointermove", (event) => {
    const box = image.getBoundingClientRect();
    field(event.clientX - box.left, event.clientY - box.top);
  });
  image.addEventListener("load", centre);
  const paint = () => {
    const count = value.gram.length, style = getComputedStyle(element);
    const [low, high] = ["--gram-low", "--gram-high"].map((name) => style.getPropertyValue(name).trim());
    gram.width = gram.height = 10 * count;
    const context = gram.getContext("2d");
    context.fillStyle = low;
    context.fillRect(0, 0, gram.width, gram.height);
    context.fillStyle = high;
    value.gram.forEach((row, i) => row.forEach((share, j) => {
      context.globalAlpha = share / 100;
      context.fillRect(10 * j, 10 * i, 10, 10);
    }));
    context.globalAlpha = 1;
    context.strokeStyle = style.getPropertyValue("--color-accent");
    context.lineWidth = 3;
    context.strokeRect(10 * cell[1], 10 * cell[0], 10, 10);
    gram.setAttribute("aria-label", `Gram matrix of the ${count} strongest maps; arrow keys choose a pair`);
  };
  const choose = (i, j) => {
    const last = value.gram.length - 1;
    cell = [Math.min(Math.max(i, 0), last), Math.min(Math.max(j, 0), last)];
    paint();
    couple.replaceChildren(...cell.map((place) => {
      const shown = parts.make("div", { class: "tile" });
      shown.style.aspectRatio = `${value.size[0]} / ${value.size[1]}`;
      tile(shown, place);
      return shown;
    }));
    const share = value.gram[cell[0]][cell[1]];
    const often = share > 85 ? "answer at the same places" : share > 50 ? "share some places" : "hardly meet";
    pair.textContent = cell[0] === cell[1]
      ? `Map ${value.channels[cell[0]]} with itself: how strongly it answers in all.`
      : `Maps ${value.channels[cell[0]]} and ${value.channels[cell[1]]} ${often}.`;
  };
  const at = (event) => {
    const box = gram.getBoundingClientRect(), count = value.gram.length;
    choose(Math.floor(((event.clientY - box.top) / box.height) * count), Math.floor(((event.clientX - box.left) / box.width) * count));
  };
  gram.addEventListener("pointermove", at);
  gram.addEventListener("pointerdown", at);
  const arrows = (target, move) => target.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(...step);
  });
  arrows(gram, (down, right) => choose(cell[0] + down, cell[1] + right));
  arrows(maps, (down, right) => {
    const place = [...maps.children].indexOf(document.activeElement);
    maps.children[place + down * value.columns + right]?.focus();
  });
  const take = () => {
    value = props.value ?? {};
    element.classList.toggle("off", !value.maps);
    if (!value.maps) return;
    image.src = value.photograph;
    sentence.textContent = value.sentence;
    pinned = null;
    maps.replaceChildren(...value.channels.map((channel, place) => {
      const button = parts.make("button", {
        type: "button", "aria-pressed": "false", "aria-label": `Map ${channel} over the photograph`,
        pointerenter: () => lay(place), pointerleave: () => lay(pinned), focus: () => (reach(place), lay(place)),
        click: () => {
          pinned = pinned === place ? null : place;
          [...maps.children].forEach((each, i) => each.setAttribute("aria-pressed", String(i === pinned)));
          lay(pinned);
        },
      });
      button.style.aspectRatio = `${value.size[0]} / ${value.size[1]}`;
      tile(button, place);
      return button;
    }));
    reach(0);
    lay(null);
    choose(0, Math.min(1, value.gram.length - 1));
    centre();
  };
  watch("value", take);
  take();
};
