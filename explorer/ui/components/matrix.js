// The component: one view a mounted element, made once, shown anew with every message and theme.

const HINT = 'Hover or tap a cell for its value; or focus the picture and use the arrow keys.';
const HOVER = 'explorer-matrix-hover';

const listOf = (cell) => (cell ? [cell.matrix, cell.row, cell.column] : null);
const cellOf = (list) => (list ? { matrix: list[0], row: list[1], column: list[2] } : null);
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const within = (v, n) => Math.max(0, Math.min(n - 1, v));
const pixelRatio = () => Math.min(4, Math.max(1, window.devicePixelRatio || 1));

// What each key does to a place; `m` is its matrix, `all` whether Control is held.
const MOVES = {
  ArrowLeft: (at) => at.column--, ArrowRight: (at) => at.column++,
  ArrowUp: (at) => at.row--, ArrowDown: (at) => at.row++,
  PageUp: (at) => at.matrix--, PageDown: (at) => at.matrix++,
  Home: (at, m, all) => { at.column = 0; if (all) at.row = 0; },
  End: (at, m, all) => { at.column = m.columns - 1; if (all) at.row = m.rows - 1; },
};

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

class View {
  data = null; // the last message
  matrices = []; // what it holds, decoded
  layout = null;
  theme = null;
  choice = undefined; // what the visitor chose, with the `selected` the page passed then
  hover = null; // the cell under the pointer
  cursor = null; // the cell the keyboard is at
  linked = null; // the row and column hovered in another component of the same link
  room = 0;
  dpr = 1;
  send = () => {};

  constructor(root) {
    this.host = root.host ?? root;
    this.pen = document.createElement('canvas').getContext('2d');
    for (const name of ['matrix', 'scroll', 'ink', 'marks', 'tip', 'legend', 'readout', 'save']) {
      this[`${name}Part`] = root.querySelector(`.${name}`);
    }
    this.listen();
  }

  listen() {
    const ink = this.inkPart, byMouse = (event) => event.pointerType !== 'touch';
    ink.onpointermove = (event) => { if (byMouse(event)) this.point(this.under(event)); };
    ink.onpointerleave = (event) => { if (byMouse(event)) this.leave(); };
    ink.onclick = (event) => this.click(this.under(event));
    ink.onkeydown = (event) => this.press(event);
    ink.onfocus = () => {
      if (this.layout && ink.matches(':focus-visible')) this.moveTo(this.start() ?? cellOf([0, 0, 0]));
    };
    ink.onblur = () => this.leave();
    this.savePart.onclick = () => this.save();
    this.scrollPart.onscroll = () => this.showTip(this.hover ?? this.cursor);
    const resized = () => {
      if (Math.abs(this.scrollPart.clientWidth - 6 - this.room) > 1 || this.dpr !== pixelRatio()) this.draw();
    };
    const hear = ({ detail }) => this.hear(detail), observer = new ResizeObserver(resized);
    observer.observe(this.scrollPart);
    window.addEventListener('resize', resized);
    window.addEventListener(HOVER, hear);
    this.unmount = () => {
      observer.disconnect();
      window.removeEventListener('resize', resized);
      window.removeEventListener(HOVER, hear);
    };
  }

  measure = (text) => {
    this.pen.font = `700 ${LABEL}px ${this.theme.font}`; // the width of a label when it is emphasised
    return this.pen.measureText(text).width;
  };

  show(data) {
    const theme = themeOf(this.host);
    if (theme.key !== this.theme?.key) this.theme = theme;
    if (this.data !== data) {
      this.data = data;
      this.matrices = decode(data);
      if (this.choice === undefined && data.current) this.choice = { ...cellOf(data.current), of: data.selected };
      for (const name of ['hover', 'cursor']) if (!this.has(this[name])) this[name] = null;
      this.inkPart.setAttribute('aria-label', data.alt);
    }
    this.draw();
    this.read(this.hover ?? this.cursor);
  }

  draw() {
    this.room = this.scrollPart.clientWidth - 6;
    if (this.room <= 0 || !this.data) return;
    this.dpr = pixelRatio();
    this.layout = layout(this, this.room, this.dpr, this.measure);
    paint(this, this.inkPart, this.theme, this.dpr);
    this.legendPart.replaceChildren(...this.legend());
    this.outline();
    this.inkPart.dataset.tiles = JSON.stringify(this.layout.tiles.map((t) => [t.x, t.y, t.width, t.height]));
  }

  has(cell) {
    const m = cell && this.matrices[cell.matrix];
    return Boolean(m) && cell.row < m.rows && cell.column < m.columns;
  }

  // The visitor's choice counts until the page passes another `selected` than it did then.
  chosen() {
    const { choice, data } = this;
    return choice && same(choice.of, data.selected) && this.has(choice) ? choice : cellOf(data.selected);
  }

  start() {
    return cellOf(listOf(this.cursor ?? this.hover ?? this.chosen()));
  }

  under(event) {
    const box = this.inkPart.getBoundingClientRect();
    return this.layout && cellAt(this, event.clientX - box.left, event.clientY - box.top);
  }

  point(at) {
    if (this.cursor === null && same(at, this.hover)) return;
    [this.hover, this.cursor] = [at, null];
    this.outline();
    this.share();
  }

  moveTo(at) {
    at.matrix = within(at.matrix, this.matrices.length);
    at.row = within(at.row, this.matrices[at.matrix].rows);
    at.column = within(at.column, this.matrices[at.matrix].columns);
    [this.cursor, this.hover] = [at, null];
    const s = squareOf(this, at.matrix, at.row, at.column), scroll = this.scrollPart;
    scroll.scrollLeft = Math.min(Math.max(scroll.scrollLeft, s.x + s.w + 8 - scroll.clientWidth), Math.max(0, s.x - 8));
    this.outline();
    this.read(at);
    this.share();
  }

  leave() {
    this.point(null);
    if (this.data) this.read(null);
  }

  click(at) {
    this.point(at);
    if (at) this.choose(at);
  }

  choose(at) {
    const { selected, toggles } = this.data;
    if (!toggles && same(listOf(this.chosen()), listOf(at))) return;
    this.choice = { ...at, of: selected, ...(toggles && { turn: (this.choice?.turn ?? 0) + 1 }) };
    this.outline();
    this.read(null);
    this.send(this.choice);
  }

  press(event) {
    if (!this.layout || event.altKey || event.metaKey) return;
    const at = this.start();
    if (MOVES[event.key]) {
      if (at) MOVES[event.key](at, this.matrices[at.matrix], event.ctrlKey);
      this.moveTo(at ?? cellOf([0, 0, 0]));
    } else if ((event.key === 'Enter' || event.key === ' ') && at) this.choose(at);
    else if (event.key === 'Escape') this.leave();
    else return;
    event.preventDefault();
  }

  // Tells the components of the same link where the visitor points; `hear` is their end of it.
  share() {
    const { link } = this.data, at = this.hover ?? this.cursor;
    if (link) window.dispatchEvent(new CustomEvent(HOVER, { detail: { link, source: this, at } }));
  }

  hear({ link, source, at }) {
    if (source === this || link !== this.data?.link) return;
    this.linked = at && { matrix: null, row: at.row, column: at.column };
    this.outline();
  }

  outline() {
    if (!this.layout) return;
    const at = this.hover ?? this.cursor;
    paintMarks(this, this.marksPart, this.theme, this.dpr, at ?? this.linked, this.chosen());
    this.showTip(at);
  }

  showTip(at) {
    const tip = this.tipPart;
    tip.style.visibility = at ? 'visible' : 'hidden';
    if (!at) return;
    const said = describe(this, at), drawn = this.matrices[at.matrix].textDrawn || said.text === said.value;
    const place = `${said.row} → ${said.column}`;
    const lines = [['where', said.title], ['where', place], ['where', drawn ? '' : said.text], ['value', said.value]];
    tip.replaceChildren(...lines.filter(([, text]) => text).map(([name, text]) => element('div', name, text)));
    const s = squareOf(this, at.matrix, at.row, at.column), x = s.x - this.scrollPart.scrollLeft + 3, y = s.y + 3;
    const gap = 10, { offsetWidth: w, offsetHeight: h } = tip, wide = this.matrixPart.clientWidth;
    const right = x + s.w + gap + w <= wide, left = x - gap - w >= 0;
    const beside = right ? x + s.w + gap : x - gap - w;
    tip.style.left = (right || left ? beside : within(x + s.w / 2 - w / 2, wide - w + 1)) + 'px';
    tip.style.top = (right || left ? y + s.h / 2 - h / 2 : y - h - gap) + 'px';
  }

  // The line below, also spoken: the cell the keyboard is at, else the chosen one, else what one can do.
  read(at) {
    const cell = at ?? this.chosen(), said = cell && describe(this, cell), line = this.readoutPart;
    const title = said?.title ? `${said.title}, ` : '';
    const text = said?.text && said.text !== said.value ? ` (${said.text})` : '';
    const words = said ? `${at ? '' : 'Chosen: '}${title}${said.row}, ${said.column}: ${said.value}${text}` : HINT;
    if (line.textContent !== words) line.textContent = line.title = words;
    line.classList.toggle('cell', Boolean(said));
  }

  // The picture as it is drawn, on the page's ground instead of a transparent one, named after the component.
  save() {
    const { width, height } = this.inkPart;
    const sheet = Object.assign(document.createElement('canvas'), { width, height }), pen = sheet.getContext('2d');
    pen.fillStyle = this.theme.ground;
    pen.fillRect(0, 0, width, height);
    pen.drawImage(this.inkPart, 0, 0);
    Object.assign(document.createElement('a'), { href: sheet.toDataURL('image/png'), download: `${this.data.name}.png` }).click();
  }

  legend() {
    const { data, matrices, theme } = this, [m] = matrices, parts = [];
    const number = (value) => formatNumber(value, data.format);
    const part = (...inside) => parts.push(element('span', '', ...inside));
    if (matrices.length > 1 && (data.rowAxis || data.columnAxis)) {
      const axes = [data.rowAxis && `rows ↓ ${data.rowAxis}`, data.columnAxis && `columns → ${data.columnAxis}`];
      part(axes.filter(Boolean).join(' · '));
    }
    if (sameScale(matrices)) {
      const ramp = element('i', 'ramp');
      ramp.style.background = `linear-gradient(90deg, ${(m.diverging ? theme.diverging : theme.sequential).css})`;
      part(number(m.low), ramp, number(m.high));
      // A bent ramp says so: the value in its middle is not half way between its ends.
      if (m.gamma !== 1 && !m.diverging) part(`middle shade ${number(valueOf(0.5, m))}`);
    } else if (!this.layout.own) part('each matrix from its lowest to its highest value');
    if (matrices.some((one) => one.masked)) part(element('i', 'hatch'), data.maskedLabel);
    return parts;
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  // Numbered, so that Python hears of the same cell chosen again after something else moved the choice away.
  view.send = (cell) => setStateValue('cell', { ...cell, turn: (view.turns = (view.turns ?? 0) + 1) });
  view.show(data);
  return view.unmount;
}
