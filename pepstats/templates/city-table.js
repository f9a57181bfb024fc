(function () {
  "use strict";
  var table = document.getElementById("schools"), said = document.getElementById("said");
  var body = table.tBodies[0], choose = document.getElementById("choose");
  function key(row, place, number) {
    var cell = row.cells[place], text = cell.hasAttribute("data-sort") ? cell.getAttribute("data-sort") : cell.textContent.trim();
    return number ? (text === "" ? null : Number(text)) : text.toLowerCase();
  }
  Array.prototype.forEach.call(table.tHead.rows[0].cells, function (head, place) {
    var name = head.textContent.trim(), button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = name;
    head.textContent = "";
    head.appendChild(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending", number = head.dataset.kind === "number";
      Array.prototype.forEach.call(table.tHead.rows[0].cells, function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      Array.prototype.slice.call(body.rows)
        .map(function (row, at) { return { row: row, at: at, key: key(row, place, number) }; })
        .sort(function (a, b) {
          if (a.key === null || b.key === null) { return (a.key === null) - (b.key === null) || a.at - b.at; }
          var order = number ? a.key - b.key : a.key.localeCompare(b.key, "en-GB");
          return (down ? -order : order) || a.at - b.at;
        })
        .forEach(function (item) { body.appendChild(item.row); });
      said.textContent = "Sorted by " + name + (down ? ", descending" : ", ascending");
    });
  });
  choose.hidden = false;
  choose.addEventListener("change", function (event) {
    var wanted = event.target.value, shown = 0;
    Array.prototype.forEach.call(body.rows, function (row) {
      row.hidden = wanted !== "" && row.dataset.governance !== wanted;
      shown += row.hidden ? 0 : 1;
    });
    said.textContent = shown + " schools shown";
  });
})();
