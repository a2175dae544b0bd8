const form = document.querySelector("#claims form");
const body = document.querySelector("#claims tbody");
const rows = [...body.rows];
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
