// The component: one view a mounted element, made once, shown anew with every message and theme.

const HINT = 'Hover or tap a cell for its value, or focus the picture and use the arrow keys.';

const listOf = (cell) => (cell ? [cell.matrix, cell.row, cell.column] : null);
const cellOf = (list) => (list ? { matrix: list[0], row: list[1], column: list[2] } : null);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function exists(view, cell) {
  const m = cell && view.matrices[cell.matrix];
  return Boolean(m) && cell.row < m.rows && cell.column < m.columns;
}

// The visitor's choice counts until the page passes another `selected` than it did then.
function chosenOf(view) {
  if (view.choice && same(view.choice.of, view.data.selected) && exists(view, view.choice)) return view.choice;
  return cellOf(view.data.selected);
}

function mount(root) {
  const find = (name) => root.querySelector(name), scroll = find('.scroll'), ink = find('.ink'), marks = find('.marks');
  const host = root.host ?? root, pen = document.createElement('canvas').getContext('2d');
  const view = { data: null, matrices: [], layout: null, choice: undefined, hover: null, cursor: null, send: () => {} };
  let theme, room = 0, dpr = 1, linked = null;

  view.measure = (text) => {
    pen.font = `700 ${LABEL}px ${theme.font}`; // the width of a label when it is emphasised
    return pen.measureText(text).width;
  };

  function outline() {
    if (!view.layout) return;
    const at = view.hover ?? view.cursor ?? (linked && { ...linked, matrix: null });
    paintMarks(view, marks, theme, dpr, at, chosenOf(view));
    tell(view.hover ?? view.cursor);
  }

  function tell(at) {
    const tip = find('.tip');
    if (!at) {
      tip.style.visibility = 'hidden';
      return;
    }
    const said = describe(view, at), m = view.matrices[at.matrix];
    const lines = [['where', said.title], ['where', `${said.row} → ${said.column}`],
      ['where', m.textDrawn || said.text === said.value ? '' : said.text], ['value', said.value]];
    tip.replaceChildren(...lines.filter(([, text]) => text).map(([name, text]) =>
      Object.assign(document.createElement('div'), { className: name, textContent: text })));
    const s = squareOf(view, at.matrix, at.row, at.column), x = s.x - scroll.scrollLeft + 3, y = s.y + 3, gap = 10;
    const outer = find('.matrix'), left = x + s.w + gap, above = y - tip.offsetHeight - gap;
    const fits = left + tip.offsetWidth <= outer.clientWidth;
    tip.style.left = Math.max(0, fits ? left : Math.min(x - tip.offsetWidth - gap, outer.clientWidth - tip.offsetWidth)) + 'px';
    tip.style.top = (fits || x - tip.offsetWidth - gap >= 0 ? y + s.h / 2 - tip.offsetHeight / 2
      : above >= -tip.offsetHeight ? above : y + s.h + gap) + 'px';
    tip.style.visibility = 'visible';
  }

  function read(at, verb) {
    const line = find('.readout'), said = at && describe(view, at);
    const words = !said ? HINT : `${verb}${said.title ? said.title + ', ' : ''}${said.row}, ${said.column}: ${said.value}`
      + (said.text && said.text !== said.value ? ` (${said.text})` : '');
    if (line.textContent !== words) line.textContent = line.title = words;
    line.classList.toggle('cell', Boolean(said));
  }
  const readChosen = () => read(chosenOf(view), 'Chosen: ');

  function share() {
    const { link } = view.data, at = view.hover ?? view.cursor;
    if (link) window.dispatchEvent(new CustomEvent('explorer-matrix-hover', { detail: { link, source: view, at } }));
  }

  function point(at) {
    if (same(at, view.hover)) return;
    view.hover = at;
    outline();
    share();
  }

  function choose(at) {
    const known = chosenOf(view);
    if (known && same(listOf(known), listOf(at))) return;
    view.choice = { ...at, of: view.data.selected };
    outline();
    readChosen();
    view.send(view.choice);
  }

  function legend() {
    const span = (...parts) => {
      const s = document.createElement('span');
      s.append(...parts);
      return s;
    };
    const swatch = (name, background) => {
      const s = Object.assign(document.createElement('i'), { className: name });
      if (background) s.style.background = background;
      return s;
    };
    const { data, matrices, layout: place } = view, [m] = matrices, parts = [];
    if (matrices.length > 1 && (data.rowAxis || data.columnAxis)) {
      parts.push(span([data.rowAxis && `rows ↓ ${data.rowAxis}`, data.columnAxis && `columns → ${data.columnAxis}`].filter(Boolean).join(' · ')));
    }
    if (!place.own && sameScale(matrices)) {
      const colours = (m.diverging ? theme.diverging : theme.sequential).css;
      parts.push(span(formatNumber(m.low, data.format), swatch('ramp', `linear-gradient(90deg, ${colours})`), formatNumber(m.high, data.format)));
      // A bent ramp says so: the value in its middle is not half way between its ends.
      if (m.gamma !== 1) parts.push(span(`middle shade ${formatNumber(valueOf(m.diverging ? 0.75 : 0.5, m), data.format)}`));
    } else if (!place.own) parts.push(span('each matrix from its lowest to its highest value'));
    if (matrices.some((one) => one.masked)) parts.push(span(swatch('hatch'), data.maskedLabel));
    find('.legend').replaceChildren(...parts);
  }

  function draw() {
    room = scroll.clientWidth - 6;
    if (room <= 0 || !view.data) return;
    dpr = Math.min(4, Math.max(1, window.devicePixelRatio || 1));
    view.layout = layout(view, room, dpr, view.measure);
    paint(view, ink, theme, dpr);
    legend();
    outline();
    ink.dataset.tiles = JSON.stringify(view.layout.tiles.map((t) => [t.x, t.y, t.width, t.height]));
  }

  view.show = (data) => {
    const now = themeOf(host), fresh = view.data !== data;
    if (now.key !== theme?.key) theme = now;
    if (fresh) {
      view.data = data;
      view.matrices = decode(data);
      if (view.choice === undefined) view.choice = data.current && { ...cellOf(data.current), of: data.selected };
      for (const name of ['hover', 'cursor']) if (!exists(view, view[name])) view[name] = null;
      ink.setAttribute('aria-label', data.alt);
    }
    draw();
    if (!view.hover && !view.cursor) readChosen();
    else read(view.hover ?? view.cursor, '');
  };

  const under = (event) => {
    const box = ink.getBoundingClientRect();
    return view.layout && cellAt(view, event.clientX - box.left, event.clientY - box.top);
  };

  function leave() {
    view.cursor = null;
    point(null);
    outline();
    share();
    if (view.data) readChosen();
  }

  const moves = {
    ArrowLeft: (c) => c.column--, ArrowRight: (c) => c.column++, ArrowUp: (c) => c.row--, ArrowDown: (c) => c.row++,
    PageUp: (c) => c.matrix--, PageDown: (c) => c.matrix++,
    Home: (c, m, all) => { c.column = 0; if (all) c.row = 0; },
    End: (c, m, all) => { c.column = m.columns - 1; if (all) c.row = m.rows - 1; },
  };

  function moveCursor(at) {
    const inside = (v, n) => Math.max(0, Math.min(n - 1, v));
    at.matrix = inside(at.matrix, view.matrices.length);
    const m = view.matrices[at.matrix];
    at.row = inside(at.row, m.rows);
    at.column = inside(at.column, m.columns);
    [view.cursor, view.hover] = [at, null];
    const s = squareOf(view, at.matrix, at.row, at.column), lack = s.x + s.w + 8 - scroll.clientWidth;
    scroll.scrollLeft = Math.min(Math.max(scroll.scrollLeft, lack), Math.max(0, s.x - 8));
    outline();
    read(at, '');
    share();
  }

  function press(event) {
    if (!view.layout || event.altKey || event.metaKey) return;
    const start = view.cursor ?? view.hover ?? chosenOf(view);
    if (moves[event.key]) {
      const at = { ...(start ?? { matrix: 0, row: 0, column: 0 }) };
      if (start) moves[event.key](at, view.matrices[at.matrix], event.ctrlKey);
      moveCursor({ matrix: at.matrix, row: at.row, column: at.column });
    } else if ((event.key === 'Enter' || event.key === ' ') && start) choose({ matrix: start.matrix, row: start.row, column: start.column });
    else if (event.key === 'Escape') leave();
    else return;
    event.preventDefault();
  }

  ink.onpointermove = (event) => { if (event.pointerType !== 'touch') { view.cursor = null; point(under(event)); } };
  ink.onpointerleave = (event) => { if (event.pointerType !== 'touch') leave(); };
  ink.onclick = (event) => {
    const at = under(event);
    view.cursor = null;
    point(at);
    if (at) choose(at);
  };
  ink.onkeydown = press;
  ink.onfocus = () => {
    if (view.layout && ink.matches(':focus-visible')) moveCursor({ matrix: 0, row: 0, column: 0, ...cellOf(listOf(chosenOf(view))) });
  };
  ink.onblur = leave;
  scroll.onscroll = () => tell(view.hover ?? view.cursor);

  const hear = ({ detail }) => {
    if (detail.source === view || detail.link !== view.data?.link) return;
    linked = detail.at && { row: detail.at.row, column: detail.at.column };
    outline();
  };
  const resized = () => {
    if (Math.abs(scroll.clientWidth - 6 - room) > 1 || dpr !== Math.min(4, Math.max(1, window.devicePixelRatio || 1))) draw();
  };
  const observer = new ResizeObserver(resized);
  observer.observe(scroll);
  window.addEventListener('explorer-matrix-hover', hear);
  window.addEventListener('resize', resized);
  view.unmount = () => {
    observer.disconnect();
    window.removeEventListener('explorer-matrix-hover', hear);
    window.removeEventListener('resize', resized);
  };
  return view;
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, mount(parentElement));
  const view = views.get(parentElement);
  view.send = (cell) => setStateValue('cell', cell);
  view.show(data);
  return view.unmount;
}
