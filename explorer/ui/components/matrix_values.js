// From the message of Python to numbers, words and colours. Knows nothing of the page.

const MASKED = 255; // the shade of a cell without a value; 0..254 lie along the ramp

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const raw = atob(base64), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

function shadeOf(value, m) {
  if (Number.isNaN(value)) return MASKED;
  if (!(m.high > m.low)) return m.diverging ? 127 : 0;
  let position;
  if (m.diverging) {
    const share = Math.max(-1, Math.min(1, value / m.high));
    position = 0.5 + 0.5 * Math.sign(share) * Math.abs(share) ** (1 / m.gamma);
  } else {
    position = Math.max(0, Math.min(1, (value - m.low) / (m.high - m.low))) ** (1 / m.gamma);
  }
  return Math.round(position * (MASKED - 1));
}

function valueOf(position, m) {
  if (!m.diverging) return m.low + (m.high - m.low) * position ** m.gamma;
  const share = 2 * position - 1;
  return Math.sign(share) * Math.abs(share) ** m.gamma * m.high;
}

// The matrices of a message, each with `shades` (one byte a cell), `value(i)`, `masked` and its labels.
function decode(data) {
  const bytes = bytesOf(data.values);
  let start = 0;
  return data.matrices.map((described) => {
    const m = { ...described }, n = m.rows * m.columns;
    m.rowNames = m.rowLabels === null ? null : data.labels[m.rowLabels];
    m.columnNames = m.columnLabels === null ? null : data.labels[m.columnLabels];
    if (data.exact) {
      const values = new Float32Array(bytes.buffer, bytes.byteOffset + start * 4, n);
      m.shades = Uint8Array.from(values, (value) => shadeOf(value, m));
      m.value = (i) => values[i];
    } else {
      m.shades = bytes.subarray(start, start + n);
      m.value = (i) => (m.shades[i] === MASKED ? NaN : valueOf(m.shades[i] / (MASKED - 1), m));
    }
    m.masked = m.shades.includes(MASKED);
    start += n;
    return m;
  });
}

function formatNumber(value, [decimals, kind]) {
  const text = kind === 'e' ? value.toExponential(decimals)
    : kind === '%' ? (value * 100).toFixed(decimals) + ' %' : value.toFixed(decimals);
  return /^-[0.\s%]*$/.test(text) ? text.slice(1) : text.replace(/-/g, '−');
}

// Blanks that carry meaning are made visible: a token may be a space or a line break.
function visible(label) {
  const shown = String(label).replace(/\n/g, '↵').replace(/\t/g, '⇥');
  return shown.replace(/^ +| +$/g, (blanks) => '␣'.repeat(blanks.length));
}

const nameOf = (names, i) => (names ? visible(names[i]) : String(i));

function describe(view, at) {
  const m = view.matrices[at.matrix], data = view.data, i = at.row * m.columns + at.column, value = m.value(i);
  // A label that occurs twice does not say which one is meant: its number does.
  const twice = (names, k) => names.indexOf(names[k]) !== names.lastIndexOf(names[k]);
  const named = (names, k) => `“${nameOf(names, k)}”${twice(names, k) ? ` (${k})` : ''}`;
  const part = (axis, names, k, word) => `${axis || word} ${names ? named(names, k) : k}`;
  return {
    title: m.note ? `${m.title}, ${m.note}` : m.title,
    row: part(data.rowAxis, m.rowNames, at.row, 'row'),
    column: part(data.columnAxis, m.columnNames, at.column, 'column'),
    value: Number.isNaN(value) ? data.maskedLabel : (data.exact ? '' : '≈ ') + formatNumber(value, data.format),
    text: m.text ? m.text[i].replace('\n', ' · ') : '',
  };
}

function rgbOf(colour) {
  const s = colour.trim();
  if (s[0] !== '#') return (s.match(/[\d.]+/g) ?? [128, 128, 128]).slice(0, 3).map(Number);
  const long = s.length < 6 ? [...s.slice(1)].map((c) => c + c).join('') : s.slice(1);
  return [0, 2, 4].map((k) => parseInt(long.slice(k, k + 2), 16));
}

function luminance([r, g, b]) {
  const linear = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
}

const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
const mixed = (a, b, share) => a.map((x, k) => Math.round(x + (b[k] - x) * share));

// A list of theme colours as 256 packed pixels, and for each whether dark ink reads better on it.
function rampOf(list, mask) {
  const stops = list.split(',').map(rgbOf), last = stops.length - 1;
  const pixels = new Uint32Array(256), darkInk = new Uint8Array(256);
  for (let i = 0; i < 256; i++) {
    const t = Math.min(1, i / (MASKED - 1)) * last, k = Math.min(last - 1, Math.floor(t));
    const colour = i === MASKED ? mask : mixed(stops[k], stops[k + 1], t - k), light = luminance(colour);
    pixels[i] = packed(colour);
    darkInk[i] = (light + 0.05) / 0.058 > 1.05 / (light + 0.05) ? 1 : 0;
  }
  return { pixels, darkInk, css: list };
}

function themeOf(host) {
  const css = getComputedStyle(host), get = (name) => css.getPropertyValue('--st-' + name).trim();
  const ground = rgbOf(get('background-color')), text = rgbOf(get('text-color'));
  const mask = mixed(ground, text, 0.07);
  const sequential = get('chart-sequential-colors'), diverging = get('chart-diverging-colors');
  return {
    key: [sequential, diverging, get('background-color'), get('text-color'), get('font')].join('|'),
    font: get('font') || 'sans-serif', text: get('text-color'), ground: get('background-color'),
    quiet: `rgb(${mixed(ground, text, 0.66)})`, line: `rgb(${mixed(ground, text, 0.2)})`,
    hatch: `rgb(${mixed(ground, text, 0.3)})`, mask: `rgb(${mask})`,
    accent: get('chart-categorical-colors').split(',')[1] || get('primary-color'),
    primary: get('primary-color'),
    sequential: rampOf(sequential, mask), diverging: rampOf(diverging, mask),
  };
}
