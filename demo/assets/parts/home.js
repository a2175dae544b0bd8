// What to take home: lines to copy, and the link with this page's own address before it.
parts.home = (element, { props, watch }) => {
  const place = () => location.origin + location.pathname;
  const inside = parts.make("div", { class: "lines" });
  element.replaceChildren(parts.make("details", {},
    parts.make("summary", {}, "Take it home: link, command line, Python"), inside));
  const take = () => {
    const value = props.value ?? {};
    const block = (id, title, text, note) => parts.make("section", { id },
      parts.make("strong", {}, title),
      parts.make("button", { type: "button", "aria-label": `Copy ${title.toLowerCase()}`, click: (event) => parts.copied(event.currentTarget, text) }, "Copy"),
      parts.make("pre", { tabindex: 0 }, text),
      ...(note ? [parts.make("p", { class: "quiet" }, note)] : []));
    inside.replaceChildren(
      ...(value.link ? [block("link", "Link", place() + value.link, value.note)] : []),
      ...(value.command ? [block("command", "Command line", value.command)] : []),
      ...(value.python ? [block("python", "Python", value.python)] : []));
  };
  watch("value", take);
  take();
};
