// The component: texts whose tokens are coloured by their surprise. A token says what it is under the pointer or the focus,
// and is told to Python by a click.

// A token travels as a list, to keep the message small.
const [TEXT, BITS, KIND, NOTE, WHOLE] = [0, 1, 2, 3, 4];
const ORIGIN = { prompt: 'of the prompt', drawn: 'drawn', chosen: 'chosen by you', unread: 'out of the model’s sight' };

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function destination(key, at, n) {
  return { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[key];
}

function levelOf(bits, edges) {
  return bits === null ? '' : ` level level${edges.filter((edge) => bits >= edge).length}`;
}

function visible(text) {
  return text.replace(/\n/g, '↵').replace(/ /g, '␣').replace(/\t/g, '⇥');
}

class Panel {
  constructor(view, number) {
    [this.view, this.number] = [view, number];
    this.element = make('section', 'panel');
    [this.title, this.counts, this.text] = [make('h4', 'title'), make('p', 'counts'), make('div', 'text')];
    this.row = make('div', 'tokens');
    this.row.setAttribute('role', 'listbox');
    this.text.setAttribute('role', 'region');
    this.text.tabIndex = -1;
    this.text.append(this.row);
    this.row.onkeydown = (event) => this.press(event);
    this.row.onpointerover = (event) => {
      if (event.pointerType !== 'touch') view.look(this, this.spans.indexOf(event.target));
    };
    this.row.onpointerleave = () => view.look(null);
    this.row.onfocusin = (event) => view.look(this, this.spans.indexOf(event.target));
    this.row.onfocusout = (event) => { if (!this.row.contains(event.relatedTarget)) view.look(null); };
    this.row.onclick = (event) => this.choose(this.spans.indexOf(event.target));
    this.element.append(this.title, this.counts, this.text);
    [this.spans, this.tokens, this.written] = [[], [], []];
  }

  show(panel, data) {
    this.title.textContent = panel.title;
    this.counts.textContent = panel.counts;
    this.text.style.height = `${data.height}rem`;
    this.text.setAttribute('aria-label', [data.region, panel.title].filter(Boolean).join(', '));
    this.row.setAttribute('aria-label', 'Tokens');
    const written = panel.tokens.map((token) => JSON.stringify(token));
    let same = 0;
    while (same < written.length && written[same] === this.written[same]) same += 1;
    for (const span of this.spans.splice(same)) span.remove();
    const added = panel.tokens.slice(same).map((token) => this.span(token, data.edges));
    this.row.append(...added);
    this.spans.push(...added);
    [this.tokens, this.written] = [panel.tokens, written];
    this.stop(Math.min(this.at ?? this.spans.length - 1, this.spans.length - 1));
    if (data.follow && (added.length || same !== this.shown)) this.text.scrollTop = this.text.scrollHeight;
    this.shown = this.spans.length;
  }

  span(token, edges) {
    const newline = token[TEXT].includes('\n') ? ' newline' : '';
    const bytes = token[WHOLE] ? '' : ' bytes';
    const span = make('span', `token ${token[KIND]}${levelOf(token[BITS], edges)}${newline}${bytes}`, token[TEXT]);
    span.setAttribute('role', 'option');
    span.setAttribute('aria-label', this.spoken(token));
    span.tabIndex = -1;
    return span;
  }

  spoken(token) {
    const share = token[BITS] === null ? 0 : 100 * 2 ** -token[BITS];
    const percent = share >= 0.1 ? share.toPrecision(3) : 'under 0.1';
    const surprise = token[BITS] === null
      ? 'no surprise to tell: nothing before it was read'
      : `surprise ${token[BITS].toFixed(2)} bits, the model gave it ${percent} %`;
    return [`“${visible(token[TEXT])}”`, ORIGIN[token[KIND]], token[KIND] === 'unread' ? '' : surprise, token[NOTE]]
      .filter(Boolean).join(', ');
  }

  // The one token that Tab leads to.
  stop(at) {
    for (const span of this.spans) if (span.tabIndex === 0) span.tabIndex = -1;
    if (this.spans[at]) this.spans[at].tabIndex = 0;
  }

  press(event) {
    const at = this.spans.indexOf(this.view.root.activeElement);
    const to = destination(event.key, at, this.spans.length);
    if (event.key === 'Enter' || event.key === ' ') this.choose(at);
    else if (to !== undefined) {
      this.at = Math.max(0, Math.min(this.spans.length - 1, to));
      this.stop(this.at);
      this.spans[this.at].focus();
    } else return;
    event.preventDefault();
  }

  choose(token) {
    if (token >= 0) this.view.send({ panel: this.number, token });
  }
}

class View {
  constructor(root) {
    this.root = root.getRootNode() instanceof ShadowRoot ? root.getRootNode() : root;
    [this.board, this.legend, this.holder, this.readout] = ['.board', '.legend', '.panels', '.readout'].map((c) => root.querySelector(c));
    [this.panels, this.turns] = [[], 0];
  }

  show(data) {
    this.data = data;
    this.board.setAttribute('aria-label', data.alt);
    this.legend.hidden = !data.legend;
    if (!this.legend.childElementCount) this.legend.append(...this.keys(data.edges));
    while (this.panels.length > data.panels.length) this.panels.pop().element.remove();
    while (this.panels.length < data.panels.length) {
      this.panels.push(new Panel(this, this.panels.length));
      this.holder.append(this.panels.at(-1).element);
    }
    this.panels.forEach((panel, i) => panel.show(data.panels[i], data));
    if (!this.looked?.isConnected) this.look(null);
  }

  keys(edges) {
    const names = edges.map((edge, i) => (i ? `${edges[i - 1]}–${edge}` : `under ${edge}`));
    const swatches = [...names, `${edges.at(-1)} and more`].map((name, i) => make('span', `key level level${i}`, name));
    return [
      make('span', '', 'Surprise of a token in bits:'), ...swatches,
      make('span', 'key chosen', 'chosen by you'), make('span', 'key unread', 'out of sight'),
    ];
  }

  look(panel, token = -1) {
    this.looked?.classList.remove('here');
    this.looked = panel && panel.spans[token];
    this.looked?.classList.add('here');
    this.readout.textContent = this.looked ? panel.spoken(panel.tokens[token]) : this.data.hint;
    this.readout.classList.toggle('read', Boolean(this.looked));
  }

  send(event) {
    this.turns += 1;
    this.setEvent({ ...event, turn: `${Date.now()}-${this.turns}` });
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  view.setEvent = (event) => setStateValue('event', event);
  view.show(data);
}
