"use strict";
// Sorting, filtering and turning the pages of tables. Without it every table shows all its rows.

const AT_ONCE = 200;

function makeTable(table) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const labels = headings.map((heading) => heading.textContent.trim());
  const controls = document.querySelector(`[data-for="${table.id}"]`);
  const pager = document.querySelector(`[data-pager="${table.id}"]`);
  const part = (root, role) => (root ? root.querySelector(`[data-role="${role}"]`) : null);
  const [search, mark, size, count] = ["search", "mark", "size", "count"].map((role) => part(controls, role));
  const region = table.parentElement;
  const rows = [...body.rows];
  const keys = new Map(); // by column, made when it is first sorted
  let texts = null; // made when somebody first searches
  let order = rows.map((_, at) => at);
  let page = 0;
  let shows = 0;

  function keysOf(column) {
    if (keys.has(column)) return keys.get(column);
    const numeric = headings[column].dataset.kind === "number";
    const found = rows.map((row) => {
      const cell = row.cells[column];
      const text = cell.dataset.v ?? (numeric ? cell.firstChild?.textContent ?? "" : cell.textContent.trim());
      if (text === "") return null; // what does not exist comes last, whichever way
      if (!numeric) return text;
      const value = Number.parseFloat(text);
      return Number.isNaN(value) ? null : value;
    });
    if (!numeric) {
      // names are compared once: comparing them anew at every sort is what takes long
      const compare = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" }).compare;
      const ranked = [...new Set(found)].filter((key) => key !== null).sort(compare);
      const place = new Map(ranked.map((key, at) => [key, at]));
      found.forEach((key, at) => (found[at] = key === null ? null : place.get(key)));
    }
    keys.set(column, found);
    return found;
  }

  function sortBy(heading) {
    const column = heading.cellIndex;
    const ascending = heading.getAttribute("aria-sort") !== "ascending";
    const found = keysOf(column);
    order = rows.map((_, at) => at);
    order.sort((one, other) => {
      const [a, b] = [found[one], found[other]];
      if (a === null || b === null) return (a === null) - (b === null) || one - other;
      return (ascending ? a - b : b - a) || one - other;
    });
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    page = 0;
    show();
  }

  function wanted() {
    const text = (search?.value ?? "").trim().toLocaleLowerCase();
    const chosen = mark?.value ?? "";
    if (!text && !chosen) return order;
    texts ??= rows.map((row) => row.textContent.toLocaleLowerCase());
    const marked = (row) => [...row.querySelectorAll(".flag")].some((flag) => flag.textContent === chosen);
    return order.filter((at) => texts[at].includes(text) && (!chosen || marked(rows[at])));
  }

  // On a phone every row is a card, so each cell needs its heading beside it.
  function label(row) {
    if (row.cells[0].dataset.label !== undefined) return;
    for (const cell of row.cells) cell.dataset.label = labels[cell.cellIndex];
  }

  // A table that fits needs no scroll box of its own, and its headings then stay at the top of the window.
  function fit() {
    region.classList.toggle("fits", table.offsetWidth <= region.clientWidth);
  }

  // Thousands of rows on one page are added a part at a time, so that the first ones are seen at once.
  function add(shown, turn) {
    if (turn !== shows) return; // something else is shown by now
    const part = shown.slice(0, AT_ONCE);
    part.forEach(label);
    body.append(...part);
    if (shown.length > AT_ONCE) setTimeout(() => add(shown.slice(AT_ONCE), turn));
  }

  function show() {
    const found = wanted();
    const most = Number(size?.value ?? 0) || found.length || 1;
    const pages = Math.max(1, Math.ceil(found.length / most));
    page = Math.min(page, pages - 1);
    const shown = found.slice(page * most, (page + 1) * most).map((at) => rows[at]);
    body.replaceChildren();
    add(shown, ++shows);
    fit();
    if (count) count.textContent = `${found.length} of ${rows.length} ${controls.dataset.noun}`;
    if (!pager) return;
    pager.hidden = pages === 1;
    part(pager, "page").textContent = `Page ${page + 1} of ${pages}`;
    part(pager, "previous").disabled = page === 0;
    part(pager, "next").disabled = page === pages - 1;
  }

  function turn(by) {
    page += by;
    show();
    table.scrollIntoView({ block: "start" });
  }

  for (const heading of headings) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(heading));
    heading.append(button);
  }
  table.classList.add("cards");
  addEventListener("resize", fit);
  if (controls) {
    controls.hidden = rows.length < 10;
    for (const control of [search, mark, size]) {
      control?.addEventListener("input", () => {
        page = 0;
        show();
      });
    }
  }
  if (pager) {
    part(pager, "previous").addEventListener("click", () => turn(-1));
    part(pager, "next").addEventListener("click", () => turn(1));
  }
  show();
}

for (const table of document.querySelectorAll("table[data-sort]")) makeTable(table);
document.body.dataset.ready = "yes";
