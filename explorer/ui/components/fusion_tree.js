// The component: a tree of nodes to hover, focus and choose, and the channels of one of them in full.

const HINT = 'Hover, tap or focus a node to see what it holds; click it (or press Enter) to keep it.';
const within = (v, n) => Math.max(0, Math.min(n - 1, v));
const same = (a, b) => a?.level === b?.level && a?.node === b?.node;

class TreeView {
  data = null; // the last message
  values = []; // of every level, decoded
  pinned = null; // { level, node, channel }: what the visitor chose
  hover = null; // the node under the pointer or the focus
  channel = null; // the channel under the pointer or the keyboard
  room = 0;
  send = () => {};

  constructor(root) {
    this.root = root;
    this.host = root.host ?? root;
    for (const name of ['tree', 'answer', 'scroll', 'stage', 'legend', 'title', 'note', 'whole', 'cells', 'readout']) {
      this[name] = root.querySelector(`.${name}`);
    }
    this.svg = root.querySelector('svg');
    this.listen();
  }

  listen() {
    const { stage, cells } = this;
    stage.onkeydown = (event) => this.walk(event);
    stage.onpointerleave = (event) => { if (event.pointerType !== 'touch') this.look(null); };
    stage.onfocusout = (event) => { if (!stage.contains(event.relatedTarget)) this.look(null); };
    cells.onpointermove = (event) => { if (event.pointerType !== 'touch') this.point(this.channelUnder(event)); };
    cells.onpointerleave = () => this.point(null);
    cells.onblur = () => this.point(null);
    cells.onclick = (event) => this.choose({ channel: this.channelUnder(event) });
    cells.onkeydown = (event) => this.step(event);
    const observer = new ResizeObserver(() => { if (Math.abs(this.scroll.clientWidth - this.room) > 1) this.draw(); });
    observer.observe(this.scroll);
    this.unmount = () => observer.disconnect();
  }

  show(data) {
    this.theme = themeOf(this.host);
    if (this.data !== data) {
      const before = this.data;
      this.data = data;
      this.values = data.levels.map(valuesOf);
      const { level, node, channel } = data.current;
      // What the page passes wins when it passes something else; until then the visitor's choice stays.
      if (!this.pinned || JSON.stringify(before?.passed) !== JSON.stringify(data.passed) || !this.has(this.pinned)) {
        this.pinned = { level, node, channel };
      }
      if (this.hover && !this.has(this.hover)) this.hover = null;
      this.tree.setAttribute('aria-label', data.alt);
      this.answer.textContent = data.answer;
      this.build();
    }
    this.draw();
  }

  has({ level, node, channel }) {
    const there = this.data.levels[level];
    return Boolean(there) && node < there.nodes && (channel ?? 0) < there.channels;
  }

  // Buttons are kept while the shape is the same, so that focus survives new numbers.
  build() {
    const shape = JSON.stringify([this.data.levels.map((l) => [l.nodes, l.channels, l.caption, l.edge]), this.data.labels]);
    if (shape === this.shape) return;
    this.shape = shape;
    this.isNew = true;
    for (const old of this.stage.querySelectorAll('.node, .caption')) old.remove();
    this.nodes = this.data.levels.map((level, k) => Array.from({ length: level.nodes }, (_, i) => this.button(k, i)));
    this.captions = this.data.levels.map((level) => {
      const caption = Object.assign(document.createElement('div'), { className: 'caption' });
      caption.append(Object.assign(document.createElement('span'), { textContent: level.caption }));
      this.stage.append(caption);
      return caption;
    });
    // Read and reached from the root down.
    for (const row of [...this.nodes].reverse()) this.stage.append(...row);
  }

  button(level, node) {
    const made = Object.assign(document.createElement('button'), { type: 'button', className: 'node' });
    made.append(document.createElement('canvas'));
    if (level === 0) {
      const letter = Object.assign(document.createElement('span'), { className: 'letter' });
      letter.textContent = visible(this.data.labels[node]);
      made.append(letter);
    }
    made.onpointerenter = (event) => { if (event.pointerType !== 'touch') this.look({ level, node }); };
    made.onfocus = () => { if (made.matches(':focus-visible')) this.look({ level, node }); };
    made.onclick = () => this.choose({ level, node });
    return made;
  }

  draw() {
    this.room = this.scroll.clientWidth;
    if (this.room <= 0 || !this.data) return;
    const { levels } = this.data, places = placesOf(levels, this.room - 8);
    Object.assign(this.stage.style, { width: `${places.width}px`, height: `${places.height}px` });
    this.svg.setAttribute('width', places.width);
    this.svg.setAttribute('height', places.height);
    this.drawLines(places.rows);
    levels.forEach((level, k) => {
      this.captions[k].style.top = `${places.rows[k].captionAt}px`;
      this.nodes[k].forEach((button, i) => this.drawNode(button, places.rows[k][i], k, i));
    });
    this.drawLegend();
    this.drawState();
    // A tree wider than the page begins at its right end, where the text ends; padding is on the left.
    if (this.isNew) this.scroll.scrollLeft = this.scroll.scrollWidth;
    this.isNew = false;
  }

  drawLines(rows) {
    this.svg.replaceChildren();
    this.lines = this.data.levels.map((level, k) => {
      if (k === 0) return [];
      const joined = rows[k - 1].length / rows[k].length;
      return rows[k - 1].map((below, i) => svgPart(this.svg, 'path', { d: curveBetween(below, rows[k][Math.floor(i / joined)]) }));
    });
    this.data.levels.forEach((level, k) => {
      if (k === 0) return;
      for (const at of rows[k]) {
        svgPart(this.svg, 'text', { x: at.x + at.width / 2, y: at.y + at.height + 16 }, level.edge);
      }
    });
  }

  drawNode(button, place, level, node) {
    const { x, y, width, height } = place;
    Object.assign(button.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    const strip = button.querySelector('canvas');
    paintStrip(strip, this.channelsOf({ level, node }), this.data.levels[level].scale, this.theme.diverging, width - FRAME);
    button.setAttribute('aria-label', this.data.spoken[level][node]);
  }

  drawLegend() {
    const [letters, ...others] = this.data.levels, css = this.theme.diverging.css;
    const scale = (name, level) => {
      const part = document.createElement('span'), ramp = document.createElement('i'), end = shortNumber(level.scale, 2);
      ramp.className = 'ramp';
      ramp.style.background = `linear-gradient(90deg, ${css})`;
      part.append(`${name}: −${end}`, ramp, end);
      return part;
    };
    const parts = [scale('nodes', others[0]), scale('letters', letters)];
    parts.push(Object.assign(document.createElement('span'), { textContent: 'one small cell a channel' }));
    this.legend.replaceChildren(...parts);
  }

  channelsOf({ level, node }) {
    const { channels } = this.data.levels[level];
    return this.values[level].subarray(node * channels, (node + 1) * channels);
  }

  // Whether node `a` lies under node `b`, or is it.
  isUnder(a, b) {
    if (a.level > b.level) return false;
    const ratio = this.data.levels[a.level].nodes / this.data.levels[b.level].nodes;
    return Math.floor(a.node / ratio) === b.node;
  }

  drawState() {
    const { hover, pinned } = this, shown = hover ?? pinned;
    this.nodes.forEach((row, level) => row.forEach((button, node) => {
      const here = { level, node }, isOn = hover !== null && (this.isUnder(here, hover) || this.isUnder(hover, here));
      button.classList.toggle('path', isOn);
      button.classList.toggle('apart', hover !== null && !isOn);
      button.classList.toggle('pinned', same(here, pinned));
      button.setAttribute('aria-pressed', String(same(here, pinned)));
      button.tabIndex = same(here, pinned) ? 0 : -1;
    }));
    this.lines.forEach((row, level) => row.forEach((line, i) => {
      const below = { level: level - 1, node: i };
      const isOn = hover !== null && ((this.isUnder(below, hover) && level <= hover.level) || this.isUnder(hover, below));
      line.classList.toggle('path', isOn);
      line.classList.toggle('apart', hover !== null && !isOn);
    }));
    this.title.textContent = this.data.titles[shown.level][shown.node];
    this.note.textContent = this.data.notes[shown.level][shown.node];
    this.drawChannels();
  }

  drawChannels() {
    const shown = this.hover ?? this.pinned, { scale } = this.data.levels[shown.level], values = this.channelsOf(shown);
    const isPinned = same(shown, this.pinned), width = this.whole.clientWidth - 6;
    const most = Math.max(...this.data.levels.map((level) => level.channels));
    // As high as the node with the most channels needs, so that nothing below moves while the pointer does.
    this.whole.style.minHeight = `${Math.min(320, Math.ceil(most / columnsFor(width)) * CELL.height + 6)}px`;
    const chosen = isPinned && this.data.opens ? this.pinned.channel : null;
    paintChannels(this.cells, values, scale, this.theme, width, isPinned ? this.channel : null, chosen);
    this.cells.classList.toggle('open', isPinned && this.data.opens);
    this.cells.setAttribute('aria-label', `${this.title.textContent}: ${values.length} channels`);
    const at = isPinned ? this.channel ?? chosen : null;
    const words = at === null || at >= values.length ? HINT : `Channel ${at}: ${shortNumber(values[at], 4)}`;
    const more = at !== null && this.data.opens ? (at === chosen ? ', opened below' : '; click to open it') : '';
    if (this.readout.textContent !== words + more) this.readout.textContent = words + more;
  }

  look(at) {
    if (same(at, this.hover)) return;
    this.hover = at;
    this.channel = null;
    this.drawState();
  }

  point(channel) {
    if (channel === this.channel) return;
    this.channel = channel;
    this.drawChannels();
  }

  channelUnder(event) {
    const box = this.cells.getBoundingClientRect(), columns = columnsFor(this.whole.clientWidth - 6);
    const column = Math.floor((event.clientX - box.left) / CELL.width), row = Math.floor((event.clientY - box.top) / CELL.height);
    const channel = row * columns + column;
    return column >= 0 && column < columns && channel >= 0 && channel < this.channelsOf(this.pinned).length ? channel : null;
  }

  choose(change) {
    if (change.channel === null) return;
    const next = { ...this.pinned, ...change };
    next.channel = within(next.channel, this.data.levels[next.level].channels);
    if (same(next, this.pinned) && next.channel === this.pinned.channel) return;
    this.pinned = next;
    if (change.level === undefined) this.hover = null;
    this.drawState();
    this.send({ ...next, of: this.data.passed });
  }

  // Arrow keys along the tree: sideways in a level, up to the node above, down to the first below.
  walk(event) {
    const at = this.hover ?? this.pinned, { levels } = this.data;
    const ratio = (level) => levels[level - 1].nodes / levels[level].nodes;
    const to = { ...at };
    if (event.key === 'ArrowLeft') to.node -= 1;
    else if (event.key === 'ArrowRight') to.node += 1;
    else if (event.key === 'Home') to.node = 0;
    else if (event.key === 'End') to.node = levels[at.level].nodes - 1;
    else if (event.key === 'ArrowUp' && at.level < levels.length - 1) [to.level, to.node] = [at.level + 1, Math.floor(at.node / ratio(at.level + 1))];
    else if (event.key === 'ArrowDown' && at.level > 0) [to.level, to.node] = [at.level - 1, at.node * ratio(at.level)];
    else if (event.key === 'Escape') return this.look(null);
    else return undefined;
    event.preventDefault();
    to.node = within(to.node, levels[to.level].nodes);
    this.nodes[to.level][to.node].focus();
    return this.look(to);
  }

  step(event) {
    const columns = columnsFor(this.whole.clientWidth - 6), n = this.channelsOf(this.pinned).length;
    const at = this.channel ?? this.pinned.channel;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - columns, ArrowDown: at + columns, Home: 0, End: n - 1 }[event.key];
    if (to !== undefined) this.point(within(to, n));
    else if (event.key === 'Enter' || event.key === ' ') this.choose({ channel: at });
    else return;
    event.preventDefault();
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new TreeView(parentElement));
  const view = views.get(parentElement);
  view.send = (choice) => { if (view.data.opens) setStateValue('choice', { ...choice, turn: (view.turns = (view.turns ?? 0) + 1) }); };
  view.show(data);
  return view.unmount;
}
