// Where everything stands, in CSS pixels. Input: the matrices and a width; output: tiles and a size.

const LABEL = 11, TITLE = 12.5, NOTE = 14, GAP = 18, FEW = 8;

function longest(names, n, measure) {
  if (!names) return measure(String(n - 1));
  let width = 0;
  for (const name of names) width = Math.max(width, measure(visible(name)));
  return width;
}

const fold = (n, perRow) => Array.from({ length: Math.ceil(n / perRow) }, (_, k) =>
  Array.from({ length: Math.min(perRow, n - k * perRow) }, (_, j) => k * perRow + j));

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const sameLabels = (a, b) => a.rowLabels === b.rowLabels && a.rows === b.rows;

// The room left of a tile for its row labels; a tile whose left neighbour already shows them needs none.
function gutterOf(view, row, j, named, measure) {
  const m = view.matrices[row[j]];
  if (!named || (j > 0 && sameLabels(m, view.matrices[row[j - 1]]))) return 0;
  return Math.min(96, Math.ceil(longest(m.rowNames, m.rows, measure))) + 8;
}

function cellFor(view, grid, room, named, measure) {
  const { matrices, data } = view;
  const sides = grid.map((row) => {
    const fixed = sum(row.map((_, j) => gutterOf(view, row, j, named, measure))) + GAP * (row.length - 1) + 2;
    return (room - fixed) / sum(row.map((k) => matrices[k].columns));
  });
  const tallest = Math.max(...matrices.map((m) => m.rows));
  return Math.min(data.maxCell, Math.max(14, 900 / tallest), ...sides);
}

// How many matrices stand in a row: as many as leave each large enough to read.
function arrange(view, room, measure) {
  const { matrices, data } = view, n = matrices.length;
  const widest = Math.max(...matrices.map((m) => m.columns));
  const readable = matrices.some((m) => m.text) ? 24 : Math.max(2, 150 / widest);
  const wanted = Math.min(data.maxCell, Math.max(data.minCell, readable));
  for (let perRow = Math.min(n, data.perRow ?? n); ; perRow--) {
    const grid = fold(n, perRow);
    let named = true, cell = cellFor(view, grid, room, true, measure);
    // Labels need room: a wall of small maps goes without, a row of stages keeps every second or third.
    if (n > 1 && cell < (n <= FEW ? 5 : LABEL)) [named, cell] = [false, cellFor(view, grid, room, false, measure)];
    if (data.perRow || perRow === 1 || cell >= wanted) return { grid, named, cell };
  }
}

// Whole device pixels where a cell has several, so that all cells are equally wide.
function snapped(cell, view, dpr) {
  const widest = Math.max(...view.matrices.map((m) => m.columns));
  const smallest = (view.matrices.length > 1 ? 88 : 40) / widest; // a map narrower than this shows nothing
  const least = Math.max(view.data.minCell, Math.min(view.data.maxCell, smallest));
  const device = Math.max(cell, least) * dpr;
  return (device >= 4 ? Math.floor(device + 1e-6) : device) / dpr;
}

// Labels along one side: every `step`-th is drawn; column labels too long for their cell stand upright.
function thin(names, n, cell, measure, across) {
  const width = longest(names, n, measure);
  const upright = across && width > cell - 2 && (names !== null ? width > 22 : false);
  const need = across && !upright ? width + 6 : LABEL + 2;
  let step = Math.ceil(need / cell);
  if (!names && step > 1) step = [2, 5, 10, 20, 25, 50, 100, 200, 500].find((s) => s >= step) ?? step;
  return { step, upright, depth: upright ? Math.min(84, Math.ceil(width)) + 8 : across ? LABEL + 7 : 0 };
}

function sameScale(matrices) {
  const [first] = matrices;
  return matrices.every((m) => ['low', 'high', 'gamma', 'diverging'].every((name) => m[name] === first[name]));
}

function layout(view, room, dpr, measure) {
  const { matrices, data } = view, alone = matrices.length === 1;
  const sides = alone && data.rowAxis ? 20 : 0, above = alone && data.columnAxis ? 20 : 0;
  const { grid, named, cell: free } = arrange(view, room - sides, measure);
  const cell = snapped(free, view, dpr), own = !sameScale(matrices) && matrices.length <= 12;
  const tiles = [];
  let y = above, width = 0;
  for (const row of grid) {
    const columnsOf = (m) => thin(m.columnNames, m.columns, cell, measure, true);
    const columns = row.map((k) => (named ? columnsOf(matrices[k]) : null));
    const head = row.some((k) => matrices[k].title) ? TITLE + 9 : 0;
    const top = head + (named ? Math.max(...columns.map((c) => c.depth)) : 0);
    let x = sides, bottom = 0;
    row.forEach((k, j) => {
      const m = matrices[k];
      x += gutterOf(view, row, j, named, measure);
      const snap = (v) => Math.round(v * dpr) / dpr;
      const tile = { x: snap(x), y: snap(y + top), width: snap(m.columns * cell), height: snap(m.rows * cell), cell,
        labelTop: columns[j]?.depth ?? 0, columns: columns[j], ownScale: own,
        rows: named && gutterOf(view, row, j, named, measure) ? thin(m.rowNames, m.rows, cell, measure, false) : null };
      tiles[k] = tile;
      x += tile.width + GAP;
      bottom = Math.max(bottom, tile.height);
    });
    width = Math.max(width, x - GAP);
    y += top + bottom + (own ? 26 : 0) + (row.some((k) => matrices[k].note) ? NOTE : 0) + GAP;
  }
  return { tiles, cell, named, own, width: Math.ceil(width) + 2, height: Math.ceil(y - GAP) + 2, above, sides };
}

// The cell under a point of the picture, or null.
function cellAt(view, x, y) {
  for (let k = 0; k < view.layout.tiles.length; k++) {
    const t = view.layout.tiles[k], m = view.matrices[k];
    if (x < t.x || y < t.y || x >= t.x + t.width || y >= t.y + t.height) continue;
    return { matrix: k, row: Math.min(m.rows - 1, Math.floor(((y - t.y) / t.height) * m.rows)),
      column: Math.min(m.columns - 1, Math.floor(((x - t.x) / t.width) * m.columns)) };
  }
  return null;
}

// The square of one cell of a tile.
function squareOf(view, k, row, column) {
  const t = view.layout.tiles[k], m = view.matrices[k], w = t.width / m.columns, h = t.height / m.rows;
  return { x: t.x + column * w, y: t.y + row * h, w, h };
}
