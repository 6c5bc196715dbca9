// Panels of tokens over their ids. A token says what it is under the pointer or the focus, outlines what the other panels
// made of the same bytes, and is chosen by a click.

// A token travels as a list, to keep the message small.
const [TEXT, UNDER, SPOKEN, START, END, KIND, BREAK] = [0, 1, 2, 3, 4, 5, 6];

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// Where an arrow key, Home or End leads from place `at` of `n`; undefined for any other key.
function destination(key, at, n) {
  return { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[key];
}

class TokenPanel {
  constructor(view, number) {
    [this.view, this.number] = [view, number];
    this.element = make('section', 'panel');
    this.title = make('h4', 'title');
    [this.counts, this.note, this.readout] = ['counts', 'note', 'readout'].map((name) => make('p', name));
    this.row = make('div', 'row');
    this.row.setAttribute('role', 'listbox');
    this.row.setAttribute('aria-orientation', 'horizontal');
    this.row.onkeydown = (event) => this.press(event);
    this.row.onpointerleave = (event) => { if (event.pointerType !== 'touch') view.look(null); };
    this.row.onfocusout = (event) => { if (!this.row.contains(event.relatedTarget)) view.look(null); };
    this.element.append(this.title, this.counts, this.note, this.row, this.readout);
    this.spans = [];
  }

  show(data) {
    this.title.textContent = data.title;
    this.counts.textContent = data.counts;
    this.note.textContent = data.note;
    this.row.setAttribute('aria-label', `Tokens: ${data.title}`);
    this.row.hidden = this.readout.hidden = data.tokens.length === 0;
    const signature = JSON.stringify(data.tokens);
    if (signature === this.signature) return;
    const focused = this.spans.indexOf(this.view.root.activeElement);
    this.signature = signature;
    this.tokens = data.tokens;
    const colours = this.view.colours();
    const parts = [];
    this.spans = data.tokens.map((token, i) => {
      const span = make('div', `token ${token[KIND]}${i % 2 ? ' odd' : ''}`);
      span.style.setProperty('--tint', colours[i % colours.length]);
      span.setAttribute('role', 'option');
      span.setAttribute('aria-label', token[SPOKEN]);
      span.append(make('span', 'text', token[TEXT]), make('span', 'id', token[UNDER]));
      span.onpointerenter = (event) => { if (event.pointerType !== 'touch') this.view.look([this.number, i]); };
      span.onfocus = () => this.view.look([this.number, i]);
      span.onclick = () => this.view.choose(this.number, token[START]);
      parts.push(span);
      if (token[BREAK]) parts.push(make('span', 'break'));
      return span;
    });
    this.row.replaceChildren(...parts);
    if (focused >= 0) this.spans[Math.min(focused, this.spans.length - 1)]?.focus({ preventScroll: true });
  }

  press(event) {
    const at = this.spans.indexOf(this.view.root.activeElement), last = this.spans.length - 1;
    const to = destination(event.key, at, this.spans.length);
    if (event.key === 'Escape') this.view.look(null);
    else if (event.key === 'Enter' || event.key === ' ') this.spans[at]?.click();
    else if (to !== undefined) this.spans[Math.max(0, Math.min(last, to))].focus();
    else return;
    event.preventDefault();
  }

  // looked: the [panel, token] under the pointer, its bytes start..end; chosen: the byte chosen in this panel, or null.
  mark(looked, start, end, chosen) {
    let here = null, stop = 0;
    this.spans.forEach((span, i) => {
      const token = this.tokens[i];
      const isHere = looked !== null && looked[0] === this.number && looked[1] === i;
      const isChosen = chosen !== null && token[START] <= chosen && chosen < token[END];
      const overlaps = looked !== null && token[START] < end && start < token[END];
      span.classList.toggle('here', isHere);
      span.classList.toggle('linked', overlaps && !isHere);
      span.classList.toggle('chosen', isChosen);
      span.setAttribute('aria-selected', String(isChosen));
      if (isHere || (isChosen && here === null)) here = i;
      if (isHere || isChosen) stop = i;
      span.tabIndex = -1;
    });
    if (this.spans[stop]) this.spans[stop].tabIndex = 0;
    const words = here === null ? this.view.data.hint : this.tokens[here][SPOKEN];
    if (this.readout.textContent !== words) this.readout.textContent = words;
    this.readout.classList.toggle('read', here !== null);
  }
}

class TokenBoard {
  constructor(root, board) {
    this.root = root.getRootNode() instanceof ShadowRoot ? root.getRootNode() : root;
    this.board = board;
    this.panels = [];
    this.looked = null;
    this.chosen = null; // [panel, byte]
  }

  colours() {
    const listed = getComputedStyle(this.board).getPropertyValue('--st-chart-categorical-colors');
    const colours = listed.split(/,(?![^(]*\))/).map((colour) => colour.trim()).filter(Boolean).slice(0, 6);
    return colours.length ? colours : ['#8b95a3'];
  }

  show(data) {
    const passed = JSON.stringify(data.selected);
    if (passed !== this.passed) this.chosen = data.current;
    [this.passed, this.data] = [passed, data];
    this.board.setAttribute('aria-label', data.alt);
    const theme = this.colours().join();
    if (theme !== this.theme) for (const panel of this.panels) panel.signature = null;
    this.theme = theme;
    while (this.panels.length > data.panels.length) this.panels.pop().element.remove();
    while (this.panels.length < data.panels.length) {
      this.panels.push(new TokenPanel(this, this.panels.length));
      this.board.append(this.panels.at(-1).element);
    }
    if (this.looked && this.looked[1] >= (data.panels[this.looked[0]]?.tokens.length ?? 0)) this.looked = null;
    this.panels.forEach((panel, i) => panel.show(data.panels[i]));
    this.mark();
  }

  look(place) {
    this.looked = place;
    this.mark();
  }

  choose(panel, byte) {
    this.chosen = [panel, byte];
    this.mark();
    this.send({ panel, byte, of: this.data.selected, turn: (this.turns = (this.turns ?? 0) + 1) });
  }

  mark() {
    const token = this.looked && this.panels[this.looked[0]].tokens[this.looked[1]];
    for (const panel of this.panels) {
      const chosen = this.chosen && this.chosen[0] === panel.number ? this.chosen[1] : null;
      panel.mark(this.looked, token?.[START], token?.[END], chosen);
    }
  }
}
