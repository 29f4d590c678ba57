"use strict";
// Sorting, filtering and charts of one page. Without it the page still shows every table and every chart's text.

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

// Charts ----------------------------------------------------------------------------------------------------------

const views = new Map();

async function draw(place, spec) {
  // "ast" makes Vega interpret its expressions instead of compiling them, which the page's policy forbids.
  const config = { axisY: { labelLimit: place.clientWidth < 480 ? 118 : 240 } };
  const options = { actions: false, ast: true, renderer: "svg", config, tooltip: { disableDefaultStyle: true } };
  const { view } = await vegaEmbed(place, spec, options);
  views.set(place.dataset.chart, view);
  place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself carries the description
  view.addEventListener("click", (_event, item) => focusOn(place.dataset.chart, item?.datum?.m));
}

function focusOn(chart, model) {
  const select = document.querySelector(`select[data-chart="${chart}"][data-signal="focus_a"]`);
  if (!select || model === undefined || select.value === model) return;
  select.value = model;
  select.dispatchEvent(new Event("change"));
}

async function drawAll() {
  const specs = JSON.parse(document.getElementById("chart-specs").textContent);
  for (const place of all(".plot")) {
    try {
      await draw(place, specs[place.dataset.chart]);
    } catch (error) {
      place.textContent = "This chart could not be drawn; its numbers stand in the tables.";
      console.error(error);
    }
  }
  document.body.dataset.charts = "drawn";
}

for (const control of all(".js-only")) control.hidden = false;
for (const table of all("table")) {
  makeSortable(table);
  makeFilterable(table);
}
for (const select of all("select[data-signal]")) {
  select.addEventListener("change", () => views.get(select.dataset.chart)?.signal(select.dataset.signal, select.value).runAsync());
}
drawAll();
