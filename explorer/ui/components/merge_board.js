// The component: everything that the number of merges moves. Python sends what was learned once; the slider, the buttons
// and the choice of a token are answered here, and Python hears of them afterwards.

const PAUSE = 250; // ms without a move until Python hears of the slider: it has nothing to draw for it
const PLACES = ['the text learned from', 'the text typed above'];

class MergeBoard {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(name);
    [this.slider, this.output, this.undo, this.redo] = ['input', 'output', '.undo', '.do'].map(find);
    this.typed = new TokenBoard(root, find('.typed'));
    this.excerpt = new TokenBoard(root, find('.excerpt'));
    this.excerpt.send = () => {};
    this.typed.send = ({ panel, byte }) => this.tell({ panel, byte });
    this.slider.oninput = () => this.move(Number(this.slider.value));
    this.slider.onblur = () => this.flush();
    this.undo.onclick = () => this.move(this.now.merges - 1);
    this.redo.onclick = () => this.move(this.now.merges + 1);
    this.radios = PLACES.map((text, i) => {
      const radio = make('button', '', text);
      radio.type = 'button';
      radio.setAttribute('role', 'radio');
      radio.onclick = () => this.tell({ on: i });
      return radio;
    });
    find('.choices').append(...this.radios);
    find('.choices').onkeydown = (event) => {
      const to = destination(event.key, this.now.on, PLACES.length);
      if (to === undefined) return;
      event.preventDefault();
      this.tell({ on: (to + PLACES.length) % PLACES.length });
      this.radios[this.now.on].focus();
    };
  }

  show(data) {
    const passed = JSON.stringify(data.passed);
    // The page wins where it has set something since it heard of the last move; its echo of an older move does not.
    if (passed !== this.passed && data.passed.turn >= (this.turn ?? 0)) {
      const { turn, ...now } = data.passed;
      [this.now, this.turn] = [{ opened: null, ...this.now, ...now }, turn];
      clearTimeout(this.timer);
    }
    if (data.steps !== this.data?.steps) this.steps = JSON.parse(data.steps);
    [this.passed, this.data] = [passed, data];
    [this.learned, this.tree] = [new Learned(data.learned), null];
    this.now.merges = Math.min(this.now.merges, data.learned.pairs.length);
    this.draw();
  }

  move(merges) {
    this.now.merges = Math.max(0, Math.min(this.data.learned.pairs.length, merges));
    this.turn += 1;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE);
    this.draw();
  }

  tell(change) {
    Object.assign(this.now, change);
    this.turn += 1;
    this.flush();
    this.draw();
  }

  // Tells Python what it has not heard yet.
  flush() {
    clearTimeout(this.timer);
    if (this.told !== this.turn) this.send({ ...this.now, turn: this.turn });
    this.told = this.turn;
  }

  draw() {
    this.drawSlider();
    const tokens = this.learned.tokensAfter(this.data.typed.ids, this.now.merges);
    this.drawTyped(tokens);
    this.drawOpened(tokens);
    this.drawStep();
  }

  drawSlider() {
    const { merges } = this.now, highest = this.data.learned.pairs.length;
    Object.assign(this.slider, { max: Math.max(1, highest), value: merges, disabled: highest === 0 });
    this.slider.setAttribute('aria-valuetext', `${commas(merges)} of ${commas(highest)}`);
    this.slider.parentElement.style.setProperty('--made', merges / Math.max(1, highest));
    this.output.textContent = merges;
    for (const [button, ends] of [[this.undo, merges === 0], [this.redo, merges === highest]]) {
      if (ends && (this.typed.root.activeElement === button)) this.slider.focus(); // a disabled button would drop the focus
      button.disabled = ends;
    }
  }

  drawTyped(tokens) {
    const { panels, typed, most } = this.data, { merges, panel, byte } = this.now;
    const n = typed.counts[merges];
    const own = {
      title: `Byte-pair, ${commas(merges)} merges`,
      counts: `${plural(n, 'token')} · ${(typed.bytes / n).toFixed(2)} bytes per token · vocabulary of ${commas(BYTES + merges)}`,
      note: n > most ? `The first ${most} tokens are drawn.` : '',
      tokens: this.learned.row(tokens, most, this.learned.boxes),
    };
    const chosen = [panel, byte];
    const shown = panels.map((one) => one ?? own);
    const alt = `${this.data.alt}, byte-pair with ${commas(BYTES + merges)} tokens`;
    this.typed.show({ alt, hint: this.data.hint, panels: shown, selected: chosen, current: chosen });
  }

  // The chosen token: its id, its bytes, and the merges that made it.
  drawOpened(tokens) {
    const { panels } = this.data, { merges, panel, byte } = this.now;
    const isOwn = panels[panel] === null, id = isOwn ? this.learned.at(tokens, byte) : null;
    const spot = isOwn ? -1 : (panels[panel]?.tokens ?? []).findIndex(([, , , start, end]) => start <= byte && byte < end);
    const box = this.root.querySelector('.opened'), tree = box.querySelector('.tree');
    box.hidden = isOwn ? id === null : spot < 0;
    if (box.hidden) return;
    const said = isOwn
      ? `${this.learned.quoted(id)} has id ${commas(id)}; it stands for ${this.learned.size(id)}: ${this.learned.hexadecimal(id)}.`
      : panels[panel].told[spot];
    const title = isOwn ? `Byte-pair, ${commas(merges)} merges` : panels[panel].title;
    box.querySelector('.said').replaceChildren(make('strong', '', `${title}:`), ` ${said}`);
    tree.hidden = !isOwn;
    if (isOwn && id !== this.tree) drawTree(tree, this.learned, id);
    this.tree = isOwn ? id : null;
    box.querySelector('.told').textContent = isOwn
      ? 'Each box is a merge of the two parts in it; a dashed box is a byte, which was there from the beginning.'
      : 'Only the tokens of byte-pair are made of merges that can be opened here.';
  }

  drawStep() {
    const { data: { learned }, steps } = this, { merges } = this.now, n = learned.pairs.length, atEnd = merges === n;
    const find = (name) => this.root.querySelector(name), step = steps.list[merges - steps.first];
    find('.end').textContent = !atEnd ? '' : n === 0
      ? 'There is nothing to merge: no two tokens of this text stand beside each other.'
      : `All ${commas(n)} merges that were learned are made. Move the slider back to see one being chosen.`;
    find('.next').hidden = atEnd;
    if (atEnd) return;
    this.drawSentence(find('.sentence'));
    // The counts of a merge this far off arrive when Python has heard of the move.
    for (const part of ['.step', '.excerpt']) find(part).classList.toggle('waiting', !step);
    if (step) this.drawCounts(step);
    if (step || this.now.on === 1) this.drawExcerpt(step);
    this.radios.forEach((radio, i) => {
      radio.setAttribute('aria-checked', String(i === this.now.on));
      radio.tabIndex = i === this.now.on ? 0 : -1;
    });
  }

  drawSentence(box) {
    const { merges } = this.now, { pairs, labels } = this.data.learned, [left, right, count] = pairs[merges];
    box.replaceChildren(
      `Merge ${commas(merges + 1)} of ${commas(pairs.length)} will join “${labels[left]}” (id ${left}) and “${labels[right]}” `
      + `(id ${right}), which stand beside each other `,
      make('strong', '', commas(count)), ` times, into “${labels[BYTES + merges]}”, `, make('strong', '', `id ${BYTES + merges}`), '.',
    );
  }

  // step: [rivals, shares of the pair that wins, excerpt]; a rival's shares are counted when it is opened.
  drawCounts([rivals, shares]) {
    const { data: { learned, opened }, steps } = this, { merges } = this.now;
    const name = ([left, right, count]) => [`${learned.labels[left]} + ${learned.labels[right]}`, count];
    const bars = [learned.pairs[merges], ...rivals].map(name);
    const chosen = this.now.opened && this.now.opened[0] === merges && this.now.opened[1] < bars.length ? this.now.opened[1] : 0;
    const own = { ...shares, largest: shares.largest.map(([piece, times, inside]) => [steps.pieces[piece], times, inside]) };
    const isHere = opened && opened.of[0] === merges && opened.of[1] === chosen;
    const step = this.root.querySelector('.step'), [label, count] = bars[chosen];
    step.setAttribute('aria-label', `The most frequent pairs: ${bars[0][0]} ${commas(bars[0][1])} times, which is merged next, and its rivals`);
    drawBars(step.querySelector('.bars'), bars, chosen, (i) => this.tell({ opened: [merges, i] }));
    drawSum(step, label, count, chosen === 0 ? own : isHere ? opened.shares : null);
  }

  drawExcerpt(step) {
    const { merges, on } = this.now, { most, typed } = this.data;
    const ids = on === 1 ? typed.excerpt : this.steps.excerpts[step[2]];
    const [before, after] = [merges, merges + 1].map((made) => this.learned.tokensAfter(ids, made));
    const newest = BYTES + merges, merged = after.filter((id) => id === newest).length;
    const panel = (title, made, tokens) => ({
      title: `${title}: ${commas(made)} merges`,
      counts: `${commas(tokens.length)} tokens · ${(this.learned.bytesOf(tokens) / tokens.length).toFixed(2)} bytes per token`,
      note: '',
      tokens: this.learned.row(tokens, most, this.learned.labels, newest),
    });
    this.excerpt.show({
      alt: `An excerpt before and after merge ${commas(merges + 1)}, which joins ${merged} pairs of it`,
      hint: this.data.hint,
      panels: [panel('Before', merges, before), panel('After', merges + 1, after)],
      selected: null,
      current: this.excerpt.chosen,
    });
    this.root.querySelector('.nothing').hidden = merged > 0;
  }
}

const boards = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!boards.has(parentElement)) boards.set(parentElement, new MergeBoard(parentElement));
  const board = boards.get(parentElement);
  board.send = (event) => setStateValue('event', event);
  board.show(data);
}
