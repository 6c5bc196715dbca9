// The component: radio bars for layer and head, switches, and the tokens. One view a mounted element.

const HINT = 'Hover, tap or focus a token to see where it looks; click it (or press Enter) to keep it.';

function button(role, act) {
  const made = Object.assign(document.createElement('button'), { type: 'button', onclick: act });
  made.setAttribute('role', role);
  return made;
}

// Keeps the children that are already there, so that focus survives new data.
function fitted(parent, n, make) {
  while (parent.children.length > n) parent.lastChild.remove();
  while (parent.children.length < n) parent.append(make(parent.children.length));
  return [...parent.children];
}

// Where an arrow key, Home or End leads from place `at` of `n`; undefined for any other key.
function destination(event, at, n) {
  return { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[event.key];
}

class View {
  data = null; // the last message
  bytes = null; // its weights, decoded once a signature
  signature = null;
  state = null; // { layer, head, token, disabled }: what the visitor chose
  hover = null; // the token under the pointer or the focus
  spans = [];
  send = () => {};

  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    [this.svg, this.row, this.scroll] = ['svg', '.tokens', '.scroll'].map(find);
    [this.all, this.readout] = ['.all', '.readout'].map(find);
    this.bars = {};
    for (const name of ['layer', 'head', 'on']) this.bars[name] = find(`[data-bar=${name}] .choices`);
    this.listen();
  }

  listen() {
    for (const name of ['layer', 'head']) this.bars[name].onkeydown = (event) => this.turn(event, name);
    this.row.onkeydown = (event) => this.press(event);
    this.row.onpointerleave = (event) => { if (event.pointerType !== 'touch') this.look(null); };
    this.row.onfocusout = (event) => { if (!this.row.contains(event.relatedTarget)) this.look(null); };
    this.all.onclick = () => {
      this.state.disabled.clear();
      this.changed();
      this.bars.head.children[this.state.head].focus(); // the button that had the focus goes away
    };
    const observer = new ResizeObserver(() => { if (this.data) this.drawArcs(); });
    observer.observe(this.scroll);
    this.unmount = () => observer.disconnect();
  }

  show(data) {
    const pinnedAnew = data.passed.token !== this.data?.passed.token;
    this.follow(data);
    this.data = data;
    if (this.signature !== data.signature) {
      this.bytes = bytesOf(data.weights);
      this.signature = data.signature;
    }
    this.root.querySelector('.arcs').setAttribute('aria-label', data.alt);
    this.showTokens();
    this.draw();
    const pinned = this.spans[this.state.token];
    if (pinnedAnew && pinned) this.scroll.scrollLeft = pinned.offsetLeft - this.scroll.clientWidth / 2;
  }

  // Parts that the page passes anew win over what was chosen before; the rest stays as the visitor left it.
  follow(data) {
    if (!this.state) {
      const { layer, head, token, disabled } = data.current;
      this.state = { layer, head, token, disabled: new Set(disabled.map(String)) };
    }
    const { state } = this, sizes = { layer: data.layers, head: data.heads, token: data.tokens.length };
    for (const [name, size] of Object.entries(sizes)) {
      const anew = this.data && data.passed[name] !== this.data.passed[name];
      if (anew || state[name] >= size) state[name] = data.passed[name];
    }
    for (const pair of state.disabled) {
      const [layer, head] = pair.split(',').map(Number);
      if (layer >= data.layers || head >= data.heads) state.disabled.delete(pair);
    }
    if (this.hover >= data.tokens.length) this.hover = null;
  }

  choose(change) {
    if (Object.entries(change).every(([name, value]) => this.state[name] === value)) return;
    Object.assign(this.state, change);
    this.changed();
  }

  toggle(head) {
    const { layer, disabled } = this.state, pair = `${layer},${head}`;
    if (!disabled.delete(pair)) disabled.add(pair);
    this.changed();
  }

  changed() {
    this.draw();
    const { layer, head, token, disabled } = this.state;
    const pairs = [...disabled].map((pair) => pair.split(',').map(Number));
    this.send({ layer, head, token, disabled: pairs, of: this.data.passed });
  }

  turn(event, name) {
    const n = this.data[`${name}s`], to = destination(event, this.state[name], n);
    if (to === undefined) return;
    event.preventDefault();
    this.choose({ [name]: (to + n) % n });
    this.bars[name].children[this.state[name]].focus();
  }

  press(event) {
    const at = this.spans.indexOf(this.root.activeElement), last = this.spans.length - 1;
    const to = destination(event, at, this.spans.length);
    if (event.key === 'Escape') this.look(null);
    else if (event.key === 'Enter' || event.key === ' ') this.spans[at]?.click();
    else if (to !== undefined) this.spans[Math.max(0, Math.min(last, to))].focus();
    else return;
    event.preventDefault();
  }

  look(token) {
    this.hover = token;
    this.drawArcs();
  }

  isOff(head) {
    return this.state.disabled.has(`${this.state.layer},${head}`);
  }

  draw() {
    this.drawRadios('layer', this.data.layers);
    this.drawRadios('head', this.data.heads);
    this.drawSwitches();
    this.drawArcs();
  }

  drawRadios(name, n) {
    fitted(this.bars[name], n, (i) => button('radio', () => this.choose({ [name]: i }))).forEach((radio, i) => {
      const here = i === this.state[name], off = name === 'head' && this.isOff(i);
      radio.textContent = i;
      radio.setAttribute('aria-checked', String(here));
      radio.setAttribute('aria-label', `${name} ${i}${off ? ', switched off' : ''}`);
      radio.tabIndex = here ? 0 : -1;
      radio.classList.toggle('off', off);
    });
  }

  drawSwitches() {
    fitted(this.bars.on, this.data.heads, (i) => button('switch', () => this.toggle(i))).forEach((one, i) => {
      one.textContent = this.isOff(i) ? 'off' : 'on';
      one.setAttribute('aria-checked', String(!this.isOff(i)));
      one.setAttribute('aria-label', `layer ${this.state.layer}, head ${i}`);
    });
    const { size } = this.state.disabled;
    this.all.classList.toggle('needed', size > 0);
    this.all.textContent = size ? `All on (${size} off)` : 'All on';
  }

  makeToken(i) {
    const span = Object.assign(document.createElement('span'), { className: 'token' });
    span.setAttribute('role', 'option');
    span.onpointerenter = (event) => { if (event.pointerType !== 'touch') this.look(i); };
    span.onfocus = () => this.look(i);
    span.onclick = () => {
      this.look(i);
      this.choose({ token: this.state.token === i ? null : i });
    };
    return span;
  }

  showTokens() {
    const { tokens } = this.data;
    this.spans = fitted(this.row, tokens.length, (i) => this.makeToken(i));
    this.spans.forEach((span, i) => {
      const text = visible(tokens[i]), said = `${text}, token ${this.data.first + i}`;
      if (span.textContent !== text) span.textContent = text;
      if (span.getAttribute('aria-label') !== said) span.setAttribute('aria-label', said);
    });
  }

  drawArcs() {
    const { head, token } = this.state, q = this.hover ?? token;
    const words = drawToken(this, this.svg, this.spans, q, this.isOff(head)) ?? HINT;
    if (this.readout.textContent !== words) this.readout.textContent = words;
    this.readout.classList.toggle('token-read', q !== null);
    this.spans.forEach((span, i) => {
      span.tabIndex = i === (q ?? 0) ? 0 : -1;
      span.classList.toggle('pinned', i === token);
      span.setAttribute('aria-selected', String(i === token));
    });
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  // Numbered, so that Python hears of the same choice made again after the page moved it away.
  view.send = (chosen) => setStateValue('chosen', { ...chosen, turn: (view.turns = (view.turns ?? 0) + 1) });
  view.show(data);
  return view.unmount;
}
