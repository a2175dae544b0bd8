const form = document.querySelector("#claims form");
const body = document.querySelector("#claims tbody");
const rows = [...body.rows];
for (const select of form.querySelectorAll("select"))
  for (const value of new Set(rows.map(row => row.dataset[select.name])))
    select.add(new Option(value));
const compare = new Intl.Collator("en", { numeric: true }).compare;
function filter() {
  const words = form.text.value.toLowerCase().split(/\s+/);
  const chosen = [...form.querySelectorAll("select")].filter(select => select.value);
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every(word => text.includes(word))
      || chosen.some(select => row.dataset[select.name] !== select.value);
  }
  const count = rows.filter(row => !row.hidden).length;
  form.querySelector("output").value = count + " of " + rows.length;
}
function sort(heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = row => row.cells[heading.cellIndex].textContent;
  rows.sort((a, b) => (down ? -1 : 1) * compare(key(a), key(b)));
  body.append(...rows);
}
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
for (const button of document.querySelectorAll("#claims th button"))
  button.addEventListener("click", () => sort(button.parentNode));
filter();

const dialog = document.querySelector("dialog");
const stage = dialog.querySelector(".stage");
const large = dialog.querySelector("img");
const links = [...document.querySelectorAll("a.picture")];
const control = name => dialog.querySelector(`[name=${name}]`);
let shown = 0;
function open(place) {
  shown = (place + links.length) % links.length;
  const link = links[shown], image = link.querySelector("img");
  large.src = image.src;
  large.alt = image.alt;
  large.style.setProperty("--own", image.getAttribute("width") + "px");
  dialog.querySelector("span").textContent = image.alt;
  dialog.querySelector(".bar a").href = link.href;
  if (!dialog.open) dialog.showModal();
  whole(false);
  stage.scrollTo(0, 0);
}
function whole(fits) {
  stage.classList.toggle("whole", fits);
  control("size").textContent = fits ? "Large" : "Whole";
}
function toggle() {
  whole(!stage.classList.contains("whole"));
}
links.forEach((link, place) => link.addEventListener("click", event => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(place);
}));
large.addEventListener("click", event => {
  const box = large.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.x) / box.width, (event.clientY - box.y) / box.height];
  toggle();
  stage.scrollTo(x * large.width - stage.clientWidth / 2, y * large.height - stage.clientHeight / 2);
});
control("size").addEventListener("click", toggle);
control("before").addEventListener("click", () => open(shown - 1));
control("next").addEventListener("click", () => open(shown + 1));
control("close").addEventListener("click", () => dialog.close());
