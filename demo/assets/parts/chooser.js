// A picture to choose: the bundled ones, one's own, or the camera's. Own pictures appear in every
// chooser of the page and are still there after it has been loaded anew.
parts.chooser = (element, { trigger, props, watch }) => {
  const OWN = "own-pictures", KEPT = props.kept_minutes * 60000;
  const own = () => {
    try {
      return JSON.parse(localStorage.getItem(OWN) ?? "[]").filter((each) => Date.now() - each.time < KEPT);
    } catch {
      return [];
    }
  };
  const keep = (picture) => {
    const all = [picture, ...own().filter((each) => each.path !== picture.path)].slice(0, 4);
    try {
      localStorage.setItem(OWN, JSON.stringify(all));
    } catch {} // a browser that keeps nothing
    window.dispatchEvent(new Event(OWN));
  };
  const file = parts.make("input", {
    type: "file", accept: "image/*", class: "sr", tabindex: -1, "aria-label": `${props.title}: a file`,
    change: () => file.files[0] && send(file.files[0]),
  });
  const wrong = parts.make("p", { class: "wrong", role: "alert" });
  const preview = parts.make("button", {
    type: "button", class: "preview", click: () => file.click(),
    dragover: (event) => event.preventDefault(),
    drop: (event) => {
      event.preventDefault();
      const dropped = event.dataTransfer.files[0];
      if (dropped) send(dropped);
    },
  });
  const thumbs = parts.make("div", { class: "thumbs", role: "group", "aria-label": `${props.title}: examples` });
  const remove = parts.make("button", {
    type: "button", class: "remove", "aria-label": `Remove the ${props.role} picture`, click: () => choose(null),
  }, "×");
  const actions = parts.make("div", { class: "actions" },
    parts.make("button", { type: "button", click: () => file.click() }, "Your own"));
  if (navigator.mediaDevices?.getUserMedia)
    actions.append(parts.make("button", { type: "button", click: () => camera() }, "Camera"));
  element.replaceChildren(parts.make("p", { class: "title" }, props.title), parts.make("div", { class: "frame" }, preview, remove),
    file, wrong, thumbs, actions);

  const address = (value) => value.url ?? (value.path ? `gradio_api/file=${value.path}` : `examples/${value.name}.webp`);
  const choose = (value) => {
    wrong.textContent = "";
    props.value = value;
    draw();
    trigger("input");
  };
  async function send(picture) {
    wrong.textContent = "";
    element.classList.add("busy");
    try {
      const body = new FormData();
      body.append("files", picture, picture.name || "picture.png");
      const answer = await fetch("gradio_api/upload?picture=1", { method: "POST", body });
      if (!answer.ok) throw new Error(await answer.text());
      const [path] = await answer.json();
      keep({ path, name: picture.name || "picture.png", time: Date.now(), thumb: await small(picture) });
      choose({ path, name: picture.name || "picture.png" });
    } catch (error) {
      wrong.textContent = error instanceof TypeError ? "The server cannot be reached: try again." : error.message;
    } finally {
      element.classList.remove("busy");
      file.value = "";
    }
  }
  async function small(picture) {
    try {
      const bitmap = await createImageBitmap(picture);
      const side = Math.min(bitmap.width, bitmap.height), canvas = parts.make("canvas", { width: 120, height: 120 });
      canvas.getContext("2d").drawImage(bitmap, (bitmap.width - side) / 2, (bitmap.height - side) / 2, side, side, 0, 0, 120, 120);
      return canvas.toDataURL("image/webp", 0.8);
    } catch {
      return null;
    }
  }
  async function camera() {
    wrong.textContent = "";
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: true });
    } catch {
      wrong.textContent = "The browser gives no camera to this page.";
      return;
    }
    const video = parts.make("video", { autoplay: true, playsinline: true, muted: true });
    video.srcObject = stream;
    const dialog = parts.make("dialog", { class: "camera", close: () => {
      stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
    } }, video,
      parts.make("button", { type: "button", click: () => {
        const canvas = parts.make("canvas", { width: video.videoWidth, height: video.videoHeight });
        canvas.getContext("2d").drawImage(video, 0, 0);
        canvas.toBlob((blob) => send(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
        dialog.close();
      } }, "Take the picture"),
      parts.make("button", { type: "button", click: () => dialog.close() }, "Cancel"));
    document.body.append(dialog);
    dialog.showModal();
  }
  function thumb(value, label, picture) {
    const is = props.value && (props.value.path ?? props.value.name) === (value.path ?? value.name);
    return parts.make("button", {
      type: "button", "aria-pressed": String(Boolean(is)), "aria-label": label, title: label, click: () => choose(value),
    }, parts.make("img", { alt: "", src: picture, loading: "lazy", width: 60, height: 60 }));
  }
  function draw() {
    const value = props.value;
    preview.replaceChildren(value
      ? parts.make("img", { src: address(value), alt: `The ${props.role} picture: ${value.name}` })
      : parts.make("span", {}, "Drop a picture here, or tap to choose one"));
    preview.setAttribute("aria-label", value ? `Replace the ${props.role} picture, ${value.name}` : `Choose a ${props.role} picture`);
    remove.hidden = !value;
    const at = [...thumbs.children].indexOf(document.activeElement);
    thumbs.replaceChildren(
      ...own().map((each) => thumb({ path: each.path, name: each.name }, `yours: ${each.name}`, each.thumb ?? `gradio_api/file=${each.path}`)),
      ...props.examples.map((name) => thumb({ name }, name, `examples/${name}-small.webp`)));
    if (at >= 0) thumbs.children[Math.min(at, thumbs.children.length - 1)].focus();
  }
  element.addEventListener("paste", (event) => {
    const pasted = event.clipboardData.files[0];
    if (pasted) send(pasted);
  });
  window.addEventListener(OWN, draw);
  watch("value", draw);
  draw();
};
