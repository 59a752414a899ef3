// Tables that sort: a click, or Enter, on the name of a column; a second one turns the order round.

function sortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      sortRows(table.tBodies[0], column, order === "ascending" ? 1 : -1);
    });
  });
}

// Cells without a value stay at the end whichever way the others go.
function sortRows(body, column, sign) {
  const valueOf = (row) => {
    const cell = row.cells[column];
    return "value" in cell.dataset ? (cell.dataset.value === "" ? null : Number(cell.dataset.value)) : cell.textContent;
  };
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row) }));
  rows.sort((one, other) => {
    if (one.value === null || other.value === null) return (one.value === null) - (other.value === null);
    return sign * (typeof one.value === "number" ? one.value - other.value : one.value.localeCompare(other.value));
  });
  body.append(...rows.map(({ row }) => row));
}

const startTables = () => document.querySelectorAll("table.sortable").forEach(sortable);
