"use strict";
// Search, filters and sorting of the table of predictions; buttons that copy. Pages work without it.
(() => {
  const at = (id) => document.getElementById(id);

  for (const box of document.querySelectorAll(".command")) {
    if (!navigator.clipboard) break;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      navigator.clipboard.writeText(box.querySelector("code").textContent).then(
        () => { button.textContent = "Copied"; },
        () => { button.textContent = "Not copied"; },
      );
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
    });
    box.append(button);
  }

  const table = at("table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const texts = new Map(rows.map((row) => [
    row, `${row.textContent} ${row.dataset.theories}`.toLowerCase().replace(/\s+/g, " "),
  ]));
  const heads = [...table.tHead.rows[0].cells];
  const filters = ["strand", "theory", "verdict", "tier"];
  const has = {
    strand: (row, wanted) => row.dataset.strand === wanted,
    theory: (row, wanted) => row.dataset.theories.split(" ").includes(wanted),
    verdict: (row, wanted) => row.dataset.verdict === wanted,
    tier: (row, wanted) => row.dataset.tier === wanted,
  };
  let sorted = { column: "", down: false };

  const remember = () => {
    const query = new URLSearchParams();
    for (const id of ["search", ...filters]) if (at(id).value) query.set(id, at(id).value);
    if (sorted.column !== "") query.set("sort", sorted.column + (sorted.down ? "-" : ""));
    const text = query.toString();
    try {
      history.replaceState(null, "", (text ? `?${text}` : location.pathname) + location.hash);
    } catch { /* a page from a file may not change its address */ }
  };

  const filter = () => {
    const words = at("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = words.every((word) => texts.get(row).includes(word))
        && filters.every((id) => !at(id).value || has[id](row, at(id).value));
      row.hidden = !fits;
      shown += fits;
    }
    at("found").textContent = shown === rows.length
      ? `${rows.length} results` : `${shown} of ${rows.length} results`;
    at("nothing").hidden = shown > 0;
    remember();
  };

  const key = (row, column) => row.cells[column].dataset.sort;
  const compare = (a, b) => {
    if (a === "" || b === "") return null;
    const numbers = Number(a) - Number(b);
    return Number.isNaN(numbers) ? a.localeCompare(b) : numbers;
  };
  const sort = (column, down) => {
    sorted = { column, down };
    const order = [...rows];
    if (column !== "") {
      order.sort((one, two) => {
        const a = key(one, column), b = key(two, column);
        const found = compare(a, b);
        if (found === null) return (a === "") - (b === "");
        return down ? -found : found;
      });
    }
    body.append(...order);
    heads.forEach((head, index) => {
      if (String(index) === column) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    at("sort").value = column;
    remember();
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => {
      const column = head.dataset.column;
      sort(column, sorted.column === column && !sorted.down);
    });
    head.replaceChildren(button);
  }

  const clear = () => {
    at("search").value = "";
    for (const id of filters) at(id).value = "";
    sort("", false);
    filter();
  };
  at("search").addEventListener("input", filter);
  for (const id of filters) at(id).addEventListener("change", filter);
  at("sort").addEventListener("change", () => sort(at("sort").value, false));
  at("controls").addEventListener("submit", (event) => event.preventDefault());
  at("controls").addEventListener("reset", (event) => { event.preventDefault(); clear(); });
  at("clear").addEventListener("click", clear);

  const query = new URLSearchParams(location.search);
  for (const id of ["search", ...filters]) {
    at(id).value = query.get(id) ?? "";
    if (at(id).selectedIndex === -1) at(id).value = "";
  }
  at("controls").hidden = false;
  const wanted = query.get("sort") ?? "";
  sort(wanted.replace("-", ""), wanted.endsWith("-"));
  filter();
})();
