// Where everything stands, and how a node's channels are painted. Knows nothing of choice and hover.

const SVG = 'http://www.w3.org/2000/svg';
const SLOT = { least: 42, most: 120 }, STRIP = 34, LETTER = 24, CAPTION = 20, LINES = 58, WIDEST = 230, FRAME = 6;
const CELL = { width: 38, height: 20 };

// Two bytes a value, 32767 standing for the level's scale.
function valuesOf(level) {
  const bytes = bytesOf(level.values), whole = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Float32Array.from(whole, (v) => (v / 32767) * level.scale);
}

// One box a node, by level and place; the root on top. Level 0 are the letters.
function placesOf(levels, room) {
  const n = levels[0].nodes, slot = Math.max(SLOT.least, Math.min(SLOT.most, room / n)), rows = [];
  let y = 0;
  for (let k = levels.length - 1; k >= 0; k--) {
    const { nodes } = levels[k], sees = n / nodes, width = Math.min(WIDEST, sees * slot - 6);
    const height = STRIP + FRAME + (k === 0 ? LETTER : 0), top = y + CAPTION;
    rows[k] = Array.from({ length: nodes }, (_, i) => ({ x: (i + 0.5) * sees * slot - width / 2, y: top, width, height }));
    rows[k].captionAt = y;
    y = top + height + (k ? LINES - CAPTION : 4);
  }
  return { rows, width: n * slot, height: y };
}

// From the top of a node to the bottom of the one that joins it.
function curveBetween(below, above) {
  const x0 = below.x + below.width / 2, y0 = below.y, x1 = above.x + above.width / 2, y1 = above.y + above.height;
  const middle = (y0 + y1) / 2 + 6;
  return `M${x0},${y0} C${x0},${middle} ${x1},${middle} ${x1},${y1}`;
}

function svgPart(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function sizedCanvas(canvas, width, height) {
  const dpr = Math.min(4, Math.max(1, window.devicePixelRatio || 1));
  canvas.width = Math.round(width * dpr);
  canvas.height = Math.round(height * dpr);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const g = canvas.getContext('2d');
  g.setTransform(dpr, 0, 0, dpr, 0, 0);
  g.clearRect(0, 0, width, height);
  return g;
}

const shadeAt = (value, scale) => Math.round((0.5 + 0.5 * Math.max(-1, Math.min(1, value / scale))) * (MASKED - 1));
const cssOf = (pixel) => `rgb(${pixel & 255},${(pixel >> 8) & 255},${(pixel >> 16) & 255})`;

// All channels in a small box, row by row from the left; the cells as large as the box allows.
function paintStrip(canvas, values, scale, ramp, width) {
  const g = sizedCanvas(canvas, width, STRIP), n = values.length;
  let columns = Math.ceil(Math.sqrt((n * width) / STRIP));
  columns = Math.min(n, Math.max(1, columns));
  const rows = Math.ceil(n / columns), w = width / columns, h = STRIP / rows;
  for (let i = 0; i < n; i++) {
    g.fillStyle = cssOf(ramp.pixels[shadeAt(values[i], scale)]);
    const x = (i % columns) * w, y = Math.floor(i / columns) * h;
    g.fillRect(x, y, w + 0.4, h + 0.4);
  }
}

const shortNumber = (value, decimals) => {
  const text = value.toFixed(decimals);
  return (/^-[0.]*$/.test(text) ? text.slice(1) : text).replace('-', '−');
};

const columnsFor = (width) => Math.max(1, Math.floor(width / CELL.width));

// Every channel with its number. `at` is outlined thinly, `chosen` strongly.
function paintChannels(canvas, values, scale, theme, width, at, chosen) {
  const columns = columnsFor(width), rows = Math.ceil(values.length / columns), { width: w, height: h } = CELL;
  const g = sizedCanvas(canvas, Math.min(columns, values.length) * w, rows * h);
  g.font = `10.5px ${theme.font}`;
  g.textAlign = 'center';
  g.textBaseline = 'middle';
  for (let i = 0; i < values.length; i++) {
    const x = (i % columns) * w, y = Math.floor(i / columns) * h, shade = shadeAt(values[i], scale);
    g.fillStyle = cssOf(theme.diverging.pixels[shade]);
    g.fillRect(x + 0.5, y + 0.5, w - 1, h - 1);
    g.fillStyle = theme.diverging.darkInk[shade] ? '#15181d' : '#ffffff';
    g.fillText(shortNumber(values[i], 2), x + w / 2, y + h / 2 + 0.5);
  }
  for (const [i, colour, thick] of [[at, theme.text, 1.5], [chosen, theme.accent, 2.75]]) {
    if (i === null || i >= values.length) continue;
    const x = (i % columns) * w, y = Math.floor(i / columns) * h;
    for (const [style, line] of [[theme.ground, thick + 2], [colour, thick]]) {
      g.strokeStyle = style;
      g.lineWidth = line;
      g.strokeRect(x + 1.5, y + 1.5, w - 3, h - 3);
    }
  }
}
