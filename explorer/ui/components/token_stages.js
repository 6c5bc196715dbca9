// The component: a column a token, a bar a stage. A column says its numbers under the pointer or the focus; a click, Enter or
// one of the buttons chooses its token.

const QUICK = 8; // buttons, of the first tokens

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function destination(key, at, n) {
  return { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: n - 1 }[key];
}

function percent(share) {
  if (share === null || share === 0) return '0 %';
  return share < 0.001 ? 'under 0.1 %' : `${(100 * share).toFixed(1)} %`;
}

// The range of a stage: scores share one with 0 in it; probabilities go from 0 to the next round number.
function rangeOf(rows, row) {
  const seen = (one) => [...one.values, one.others].filter((value) => value !== null);
  if (row.isShare) {
    const highest = Math.max(0, ...seen(row));
    return [0, [0.05, 0.1, 0.2, 0.5, 1].find((round) => highest <= round) ?? 1];
  }
  const values = seen(row.title === rows[0].title ? row : { ...rows[1], others: rows[1].others });
  return [Math.min(0, ...values), Math.max(0.001, ...values)];
}

class View {
  constructor(root) {
    this.root = root.getRootNode() instanceof ShadowRoot ? root.getRootNode() : root;
    [this.board, this.quick, this.axis, this.list, this.readout] = ['.board', '.quick', '.axis', '.columns', '.readout']
      .map((name) => root.querySelector(name));
    this.list.onkeydown = (event) => this.press(event);
    this.list.onpointerleave = (event) => { if (event.pointerType !== 'touch') this.look(-1); };
    this.list.onfocusout = (event) => { if (!this.list.contains(event.relatedTarget)) this.look(-1); };
    [this.columns, this.turns, this.looked] = [[], 0, -1];
  }

  show(data) {
    const focused = this.columns.indexOf(this.root.activeElement);
    const pressed = [...this.quick.querySelectorAll('button')].indexOf(this.root.activeElement);
    this.data = data;
    this.board.setAttribute('aria-label', data.alt);
    this.list.setAttribute('aria-label', 'Tokens, likeliest first');
    this.ranges = data.rows.map((row) => rangeOf(data.rows, row));
    this.drawAxis();
    this.columns = data.ids.map((_, i) => this.column(i));
    const others = data.nOthers ? [this.column(data.ids.length)] : [];
    this.list.replaceChildren(...this.columns, ...others);
    this.drawQuick();
    this.columns[0].tabIndex = 0;
    this.look(-1);
    if (focused >= 0) this.columns[Math.min(focused, this.columns.length - 1)].focus({ preventScroll: true });
    if (pressed >= 0) this.quick.querySelectorAll('button')[Math.min(pressed, this.columns.length - 1)]?.focus({ preventScroll: true });
  }

  drawAxis() {
    const style = getComputedStyle(this.board);
    const [panel, head] = ['--panel', '--head'].map((name) => parseFloat(style.getPropertyValue(name)));
    const ticks = [];
    const titles = this.data.rows.map((row, i) => {
      const top = i * (panel + head + 1) + head;
      const [low, high] = this.ranges[i];
      const words = (value) => (row.isShare ? `${Math.round(100 * value)} %` : value.toFixed(1).replace('-', '−'));
      for (const value of low < 0 ? [high, 0, low] : [high, low]) {
        const at = top + (panel * (high - value)) / (high - low);
        if (value === 0 && low < 0 && Math.min(at - top, top + panel - at) < 12) continue;
        const tick = make('span', 'tick', words(value));
        tick.style.top = `${at}px`;
        ticks.push(tick);
      }
      const title = make('span', 'panel-title', row.title);
      title.style.top = `${top - head + 9}px`;
      return title;
    });
    this.axis.replaceChildren(...ticks, ...titles);
  }

  drawQuick() {
    const shares = this.data.rows.at(-1);
    const buttons = this.data.ids.slice(0, QUICK).map((id, i) => {
      const button = make('button', '');
      button.type = 'button';
      button.append(make('b', '', this.data.labels[i]), ` ${percent(shares.values[i])}`);
      button.setAttribute('aria-label', `${this.data.verb} “${this.data.labels[i]}”, ${percent(shares.values[i])}`);
      button.onclick = () => this.choose(i);
      return button;
    });
    this.quick.replaceChildren(make('span', '', `${this.data.verb}:`), ...buttons);
  }

  column(i) {
    const isOthers = i >= this.data.ids.length;
    const isTaken = !isOthers && this.data.ids[i] === this.data.taken;
    const column = make('div', `column${isOthers ? ' others' : ''}${isTaken ? ' taken' : ''}`);
    this.data.rows.forEach((row, stage) => column.append(this.cell(isOthers ? row.others : row.values[i], this.ranges[stage])));
    const text = isOthers ? `${this.data.nOthers.toLocaleString('en')} others` : this.data.labels[i];
    column.append(make('span', `label ${[...text].length > 1 ? 'long' : 'short'}`, text));
    column.onpointerenter = (event) => { if (event.pointerType !== 'touch') this.look(i, column); };
    if (isOthers) return column;
    column.setAttribute('role', 'option');
    column.setAttribute('aria-selected', String(isTaken));
    column.setAttribute('aria-label', this.spoken(i));
    column.tabIndex = -1;
    column.onfocus = () => this.look(i, column);
    // A finger covers several columns: its first tap reads one, the second chooses it.
    column.onpointerdown = (event) => { this.isFirstTap = event.pointerType === 'touch' && this.looked !== i; };
    column.onclick = () => (this.isFirstTap ? this.look(i, column) : this.choose(i));
    return column;
  }

  cell(value, [low, high]) {
    const cell = make('div', `cell${value === null ? ' out' : ''}`);
    if (value === null) return cell;
    const bar = make('div', 'bar');
    const height = (one) => (100 * one) / (high - low);
    bar.style.bottom = `${height(Math.min(0, value) - low)}%`;
    bar.style.height = `${height(Math.abs(value))}%`;
    cell.append(bar);
    return cell;
  }

  spoken(i) {
    const isOthers = i >= this.data.ids.length;
    const parts = this.data.rows.map((row) => {
      const value = isOthers ? row.others : row.values[i];
      if (row.isShare) return `${row.title} ${percent(value)}`;
      return `${row.title} ${value === null ? 'taken out' : value.toFixed(3)}`;
    });
    const name = isOthers
      ? `${this.data.nOthers.toLocaleString('en')} other tokens as one, their scores joined by log-sum-exp`
      : `“${this.data.labels[i]}”${this.data.ids[i] === this.data.taken ? ', taken here' : ''}`;
    return `${name}: ${parts.join(' → ')}`;
  }

  look(i, column) {
    this.list.querySelector('.here')?.classList.remove('here');
    column?.classList.add('here');
    this.looked = i;
    this.readout.textContent = i < 0 ? this.data.hint : this.spoken(i);
    this.readout.classList.toggle('read', i >= 0);
  }

  press(event) {
    const at = this.columns.indexOf(this.root.activeElement);
    const to = destination(event.key, at, this.columns.length);
    if (event.key === 'Enter' || event.key === ' ') this.choose(at);
    else if (to !== undefined && at >= 0) {
      const next = this.columns[Math.max(0, Math.min(this.columns.length - 1, to))];
      this.columns[at].tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    } else return;
    event.preventDefault();
  }

  choose(i) {
    if (i < 0) return;
    this.turns += 1;
    this.setEvent({ token: this.data.ids[i], turn: `${Date.now()}-${this.turns}` });
  }
}

const views = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!views.has(parentElement)) views.set(parentElement, new View(parentElement));
  const view = views.get(parentElement);
  view.setEvent = (event) => setStateValue('event', event);
  view.show(data);
}
