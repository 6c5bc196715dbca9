// Paints a layout: `paint` the matrices, their labels and titles; `paintMarks` what hover and choice outline.

const scratch = document.createElement('canvas');

function sized(canvas, width, height, dpr) {
  const w = Math.round(width * dpr), h = Math.round(height * dpr);
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  const g = canvas.getContext('2d');
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

function shortened(g, text, room) {
  if (g.measureText(text).width <= room) return text;
  const letters = [...text];
  while (letters.length && g.measureText(letters.join('') + '…').width > room) letters.pop();
  return letters.join('') + '…';
}

function paintCells(g, m, t, ramp, dpr) {
  const n = m.rows * m.columns, picture = new ImageData(m.columns, m.rows);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let i = 0; i < n; i++) pixels[i] = ramp.pixels[m.shades[i]];
  if (scratch.width < m.columns) scratch.width = m.columns;
  if (scratch.height < m.rows) scratch.height = m.rows;
  scratch.getContext('2d').putImageData(picture, 0, 0);
  g.imageSmoothingEnabled = t.cell * dpr < 1; // shrunk: average; enlarged: keep the edges
  g.drawImage(scratch, 0, 0, m.columns, m.rows, t.x, t.y, t.width, t.height);
}

function hatchOf(g, theme, dpr) {
  const side = Math.round(5 * dpr), tile = new OffscreenCanvas(side, side), h = tile.getContext('2d');
  h.fillStyle = theme.mask;
  h.fillRect(0, 0, side, side);
  h.strokeStyle = theme.hatch;
  h.lineWidth = dpr * 0.8;
  for (const shift of [-side, 0, side]) {
    h.beginPath();
    h.moveTo(shift, side);
    h.lineTo(shift + side, 0);
    h.stroke();
  }
  const pattern = g.createPattern(tile, 'repeat');
  pattern.setTransform(new DOMMatrix([1 / dpr, 0, 0, 1 / dpr, 0, 0]));
  return pattern;
}

// Neighbouring masked cells are filled as one run: a causal mask is a run a row, not thousands of cells.
function paintMask(g, m, t, pattern) {
  const w = t.width / m.columns, h = t.height / m.rows;
  g.fillStyle = pattern;
  for (let row = 0; row < m.rows; row++) {
    for (let start = 0; start < m.columns; start++) {
      let end = start;
      while (end < m.columns && m.shades[row * m.columns + end] === MASKED) end++;
      if (end > start) g.fillRect(t.x + start * w, t.y + row * h, (end - start) * w, h);
      start = Math.max(start, end);
    }
  }
}

function paintFrame(g, m, t, theme, dpr) {
  if (t.cell >= 9) { // hairlines in the ground's colour part the cells
    g.fillStyle = theme.ground;
    const w = t.width / m.columns, h = t.height / m.rows, hair = 1 / dpr;
    for (let j = 1; j < m.columns; j++) g.fillRect(Math.round((t.x + j * w) * dpr) / dpr - hair, t.y, hair, t.height);
    for (let i = 1; i < m.rows; i++) g.fillRect(t.x, Math.round((t.y + i * h) * dpr) / dpr - hair, t.width, hair);
  }
  g.strokeStyle = theme.line;
  g.lineWidth = 1 / dpr;
  g.strokeRect(t.x - 0.5 / dpr, t.y - 0.5 / dpr, t.width + 1 / dpr, t.height + 1 / dpr);
}

function paintText(g, m, t, theme, ramp) {
  const two = m.text.some((text) => text.includes('\n'));
  const lines = m.text.flatMap((text) => text.split('\n'));
  const longestLine = lines.reduce((a, line) => (line.length > a.length ? line : a), '0');
  g.font = `10px ${theme.font}`;
  const size = Math.min(12.5, t.cell * (two ? 0.38 : 0.5), (t.cell - 3) / (g.measureText(longestLine).width / 10));
  m.textDrawn = size >= 7;
  if (!m.textDrawn) return;
  g.font = `${size}px ${theme.font}`;
  g.textAlign = 'center';
  g.textBaseline = 'middle';
  const w = t.width / m.columns, h = t.height / m.rows, lift = two ? h * 0.2 : 0;
  for (const [dark, ink] of [[1, '#15181d'], [0, '#ffffff']]) {
    g.fillStyle = ink;
    for (let i = 0; i < m.text.length; i++) {
      if (ramp.darkInk[m.shades[i]] !== dark) continue;
      const x = t.x + ((i % m.columns) + 0.5) * w, y = t.y + (Math.floor(i / m.columns) + 0.52) * h;
      const [first, second] = m.text[i].split('\n');
      g.fillText(first, x, second === undefined ? y : y - lift);
      if (second !== undefined) g.fillText(second, x, y + lift);
    }
  }
}

function label(g, text, x, y, upright, room) {
  g.save();
  g.translate(x, y);
  if (upright) g.rotate(-Math.PI / 2);
  g.fillText(shortened(g, text, room), 0, 0);
  g.restore();
}

function rowLabel(g, view, k, i) {
  const t = view.layout.tiles[k], m = view.matrices[k];
  g.textAlign = 'right';
  label(g, nameOf(m.rowNames, i), t.x - 6, t.y + ((i + 0.52) * t.height) / m.rows, false, 98);
}

function columnLabel(g, view, k, j) {
  const t = view.layout.tiles[k], m = view.matrices[k], { upright } = t.columns;
  const x = t.x + ((j + 0.5) * t.width) / m.columns;
  g.textAlign = upright ? 'left' : 'center';
  label(g, nameOf(m.columnNames, j), x, t.y - (upright ? 6 : 8), upright, upright ? 80 : 400);
}

// What a matrix is called for, beneath it: it may reach into the gap before the next one.
function paintNote(g, view, k, theme) {
  const t = view.layout.tiles[k];
  g.fillStyle = theme.text;
  g.font = `${LABEL}px ${theme.font}`;
  g.textAlign = 'left';
  g.textBaseline = 'middle';
  g.fillText(shortened(g, view.matrices[k].note, t.width + GAP - 4), t.x, t.y + t.height + (view.layout.own ? 33 : 9));
}

function paintLabels(g, view, k, theme) {
  const t = view.layout.tiles[k], m = view.matrices[k];
  g.fillStyle = theme.quiet;
  g.font = `${LABEL}px ${theme.font}`;
  g.textBaseline = 'middle';
  if (t.rows) for (let i = 0; i < m.rows; i += t.rows.step) rowLabel(g, view, k, i);
  if (t.columns) for (let j = 0; j < m.columns; j += t.columns.step) columnLabel(g, view, k, j);
  if (!m.title) return;
  g.fillStyle = theme.text;
  g.font = `600 ${TITLE}px ${theme.font}`;
  g.textAlign = 'left';
  g.textBaseline = 'alphabetic';
  g.fillText(shortened(g, m.title, Math.max(t.width, 40)), t.x, t.y - t.labelTop - 7);
}

function paintAxes(g, view, theme) {
  const [t] = view.layout.tiles, { data, layout: place } = view;
  g.fillStyle = theme.quiet;
  g.font = `600 ${LABEL + 0.5}px ${theme.font}`;
  g.textBaseline = 'middle';
  g.textAlign = 'center';
  if (place.sides) label(g, data.rowAxis, 8, t.y + t.height / 2, true, Math.max(t.height, 90));
  if (place.above) label(g, data.columnAxis, t.x + t.width / 2, 8, false, Math.max(t.width, 90));
}

// The ramp of a tile with a scale of its own, beneath it.
function paintOwnScale(g, view, k, theme) {
  const t = view.layout.tiles[k], m = view.matrices[k], y = t.y + t.height + 8, format = view.data.format;
  const ramp = (m.diverging ? theme.diverging : theme.sequential).css.split(',');
  g.font = `${LABEL}px ${theme.font}`;
  const low = formatNumber(m.low, format), high = formatNumber(m.high, format);
  const a = g.measureText(low).width + 6, b = g.measureText(high).width + 6, width = Math.min(90, t.width - a - b);
  g.fillStyle = theme.quiet;
  g.textAlign = 'left';
  g.textBaseline = 'middle';
  if (width < 16) { // too narrow for a ramp: the limits in words
    g.fillText(shortened(g, m.diverging ? `± ${high}` : `${low}–${high}`, t.width + GAP - 4), t.x, y + 4);
    return;
  }
  g.fillText(low, t.x, y + 4);
  g.fillText(high, t.x + a + width + 6, y + 4);
  const fade = g.createLinearGradient(t.x + a, 0, t.x + a + width, 0);
  ramp.forEach((colour, i) => fade.addColorStop(i / (ramp.length - 1), colour.trim()));
  g.fillStyle = fade;
  g.fillRect(t.x + a, y, width, 7);
  g.strokeStyle = theme.line;
  g.lineWidth = 1;
  g.strokeRect(t.x + a, y, width, 7);
}

function paint(view, canvas, theme, dpr) {
  const g = sized(canvas, view.layout.width, view.layout.height, dpr);
  let pattern;
  view.matrices.forEach((m, k) => {
    const t = view.layout.tiles[k], ramp = m.diverging ? theme.diverging : theme.sequential;
    paintCells(g, m, t, ramp, dpr);
    if (m.masked && t.cell >= 6) paintMask(g, m, t, (pattern ??= hatchOf(g, theme, dpr)));
    paintFrame(g, m, t, theme, dpr);
    m.textDrawn = false;
    if (m.text) paintText(g, m, t, theme, ramp);
    paintLabels(g, view, k, theme);
    if (view.layout.own) paintOwnScale(g, view, k, theme);
    if (m.note) paintNote(g, view, k, theme);
  });
  if (view.matrices.length === 1) paintAxes(g, view, theme);
}

function ring(g, square, colour, ground, thick, round) {
  const grow = Math.max(0, (9 - square.w) / 2), x = square.x - grow, y = square.y - grow;
  const w = square.w + 2 * grow, h = square.h + 2 * grow;
  for (const [style, width] of [[ground, thick + 2.5], [colour, thick]]) {
    g.strokeStyle = style;
    g.lineWidth = width;
    g.beginPath();
    g.roundRect(x, y, w, h, round);
    g.stroke();
  }
}

function strongLabel(g, view, theme, draw, box) {
  g.fillStyle = theme.ground;
  g.fillRect(...box);
  g.fillStyle = theme.text;
  g.font = `700 ${LABEL}px ${theme.font}`;
  g.textBaseline = 'middle';
  draw();
}

// The labels of the hovered row and column, also where thinning left them out.
function paintStrongLabels(g, view, k, at, theme) {
  const t = view.layout.tiles[k], m = view.matrices[k];
  if (t.rows && at.row < m.rows) {
    const y = t.y + ((at.row + 0.5) * t.height) / m.rows;
    const width = Math.min(104, longest(m.rowNames, m.rows, view.measure) + 8);
    strongLabel(g, view, theme, () => rowLabel(g, view, k, at.row), [t.x - width - 2, y - 8, width, 16]);
  }
  if (!t.columns || at.column >= m.columns) return;
  const x = t.x + ((at.column + 0.5) * t.width) / m.columns, depth = t.labelTop - 2;
  g.font = `700 ${LABEL}px ${theme.font}`;
  const width = t.columns.upright ? 16 : g.measureText(nameOf(m.columnNames, at.column)).width + 8;
  strongLabel(g, view, theme, () => columnLabel(g, view, k, at.column), [x - width / 2, t.y - depth - 1, width, depth]);
}

// `at` is the hovered place (its `matrix` is null when another component is hovered), `chosen` the ring.
function paintMarks(view, canvas, theme, dpr, at, chosen) {
  const g = sized(canvas, view.layout.width, view.layout.height, dpr);
  if (at) {
    view.matrices.forEach((m, k) => {
      if (at.row >= m.rows) return;
      const t = view.layout.tiles[k], first = squareOf(view, k, at.row, 0);
      g.strokeStyle = theme.quiet;
      g.lineWidth = 1;
      g.strokeRect(t.x - 0.5, first.y - 0.5, t.width + 1, first.h + 1);
      paintStrongLabels(g, view, k, at, theme);
      if (at.column >= m.columns) return;
      ring(g, squareOf(view, k, at.row, at.column), theme.text, theme.ground, k === at.matrix ? 2 : 1.5, 2);
    });
  }
  if (chosen) ring(g, squareOf(view, chosen.matrix, chosen.row, chosen.column), theme.accent, theme.ground, 2.75, 4);
}
