// Headings of tables become buttons that sort by their column: numbers by value, what is no number after them.
"use strict";
for (const table of document.querySelectorAll("table:not(.matrix)")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) continue;
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent.trim();
      const number = (row) => parseFloat(text(row).replace("−", "-"));
      const rows = [...body.rows].sort((one, other) => {
        const [first, second] = [number(one), number(other)];
        if (isNaN(first) !== isNaN(second)) return isNaN(first) - isNaN(second);
        const order = isNaN(first) ? text(one).localeCompare(text(other)) : first - second;
        return down ? -order : order;
      });
      body.append(...rows);
    });
  });
}
