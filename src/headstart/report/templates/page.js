"use strict";
// Sorting and filtering of tables, tables as cards on a phone, and lines of charts brought into focus. Without it the
// page still shows every table and every chart.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Tables ----------------------------------------------------------------------------------------------------------

function sortValue(row, column, numeric) {
  const cell = row.cells[column];
  const text = cell.dataset.value ?? cell.textContent.trim();
  if (text === "") return null; // a value that does not exist sorts last, whichever way
  return numeric ? Number.parseFloat(text) : text.toLocaleLowerCase();
}

function sortBy(table, heading) {
  const ascending = heading.getAttribute("aria-sort") !== "ascending";
  const numeric = heading.dataset.kind === "number";
  const rows = [...table.tBodies[0].rows].map((row) => [sortValue(row, heading.cellIndex, numeric), row]);
  const order = (a, b) => (numeric ? a - b : a.localeCompare(b, undefined, { numeric: true }));
  rows.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return ascending ? order(a, b) : order(b, a);
  });
  table.tBodies[0].append(...rows.map(([, row]) => row));
  for (const other of heading.parentElement.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
}

function makeSortable(table) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(table, heading));
    heading.append(button);
  }
}

function makeFilterable(table) {
  const find = (what) => document.querySelector(`[data-${what}-for="${table.id}"]`);
  const [text, group, count] = [find("filter"), find("group"), find("count")];
  if (!text && !group) return;
  const show = () => {
    const wanted = (text?.value ?? "").trim().toLocaleLowerCase();
    const within = [...table.tBodies[0].rows].filter((row) => {
      row.hidden = group !== null && row.dataset.group !== group.value;
      return !row.hidden;
    });
    for (const row of within) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
    const shown = within.filter((row) => !row.hidden).length;
    if (count) count.textContent = `${shown} of ${within.length} ${count.dataset.noun}`;
  };
  text?.addEventListener("input", show);
  group?.addEventListener("change", show);
  show();
}

// On a phone every row of a table becomes a card, so each cell needs its heading beside it.
function labelCells(table) {
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  for (const row of table.tBodies[0].rows) for (const cell of row.cells) cell.dataset.label = labels[cell.cellIndex];
  table.classList.add("cards");
}

// Charts ----------------------------------------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";

function focusOn(select) {
  for (const line of all(`#chart-${select.dataset.lines} [data-m]`)) {
    const chosen = select.value !== "" && line.dataset.m === select.value;
    line.classList.toggle("focus", chosen);
    if (chosen) line.parentNode.append(line); // drawn last, above the others
  }
}

function nameLines(plot) {
  for (const line of all("[data-m]", plot)) {
    const title = document.createElementNS(SVG, "title");
    title.textContent = line.dataset.m;
    line.append(title);
  }
}

// Folded sections --------------------------------------------------------------------------------------------------

function unfold() {
  const section = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const details = section && section.querySelector(":scope > details");
  if (details) details.open = true;
}

for (const control of all(".js-only")) control.hidden = false;
for (const table of all("table")) {
  labelCells(table);
  makeSortable(table);
  makeFilterable(table);
}
for (const plot of all(".plot")) nameLines(plot);
for (const select of all("select[data-lines]")) select.addEventListener("change", () => focusOn(select));
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => all("section > details").forEach((details) => (details.open = true)));
unfold();
document.body.dataset.ready = "yes";
