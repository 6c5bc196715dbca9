// The parts of the board that are no panels: the merges of a token as boxes in boxes, the pairs that compete as bars, each
// a button, and a count as a sum.

const LONGEST_OPENED = 48, MOST_SHOWN = 48; // bytes of a token that is opened to the last; characters shown of one

function drawTree(box, learned, id) {
  const steps = new Map();
  const label = (token) => cutShort(learned.labels[token], MOST_SHOWN);
  // A token of thousands of bytes is opened once, and its long parts stay closed.
  const node = (token, isRoot) => {
    const isByte = token < BYTES, rank = token - BYTES;
    const isOpen = !isByte && (isRoot || learned.lengths[token] <= LONGEST_OPENED);
    const told = isByte ? '' : `, merge ${commas(rank + 1)}${isOpen ? '' : ', not opened here'}`;
    const element = make('div', `node${isByte ? ' byte' : ''}`), line = make('div', 'line');
    line.append(make('code', '', label(token)), make('span', 'id', `id ${token}${told}`));
    element.append(line);
    if (isOpen) {
      const [left, right] = learned.pairs[rank], parts = make('div', 'parts');
      parts.append(node(left, false), node(right, false));
      element.append(parts);
      steps.set(rank, `Merge ${rank + 1}: “${label(left)}” and “${label(right)}” became “${label(token)}”, id ${token}.`);
    }
    return element;
  };
  box.replaceChildren(node(id, true));
  const said = [...steps].sort(([a], [b]) => a - b).map(([, sentence]) => sentence).join(' ');
  box.setAttribute('aria-label', said || 'A single byte: it was there before the first merge.');
}

// bars: [label, count]; the first is the pair that is merged next.
function drawBars(box, bars, chosen, choose) {
  while (box.children.length > bars.length) box.lastChild.remove();
  while (box.children.length < bars.length) {
    const button = make('button', 'bar'), track = make('span', 'track');
    button.type = 'button';
    track.append(make('span', 'fill'));
    button.append(make('span', 'label'), track, make('span', 'count'));
    box.append(button);
  }
  const most = Math.max(1, ...bars.map(([, count]) => count));
  [...box.children].forEach((button, i) => {
    const [label, count] = bars[i], [name, track, number] = button.children;
    button.className = `bar${i === 0 ? ' winner' : ''}`;
    button.onclick = () => choose(i);
    button.setAttribute('aria-pressed', String(i === chosen));
    button.setAttribute('aria-label', `${label}: ${commas(count)} times${i === 0 ? ', merged next' : ''}`);
    name.textContent = label;
    number.textContent = commas(count);
    track.firstChild.style.width = `${(100 * count) / most}%`;
  });
}

function line(name, texts) {
  const row = document.createElement('tr');
  row.append(...texts.map((text, i) => make(name, i ? 'number' : '', text)));
  return row;
}

// shares: { pieces, total, largest: [[piece, times, inside]] } from the pieces of the text, or null while they are counted.
function drawSum(root, label, count, shares) {
  const find = (name) => root.querySelector(name), rows = [];
  find('.heading').textContent = `How often ${label} stands in the text`;
  find('thead').replaceChildren(line('th', ['piece of the text', 'times', 'in it', 'sum']));
  if (!shares) {
    find('.formula').textContent = commas(count);
    find('.verdict').textContent = 'Counting it afresh from the pieces of the text…';
    find('tbody').replaceChildren();
    return;
  }
  const { pieces, total, largest } = shares;
  let running = 0;
  for (const [piece, times, inside] of largest) {
    running += times * inside;
    rows.push([piece, commas(times), String(inside), commas(running)]);
  }
  if (pieces > largest.length) rows.push([`${commas(pieces - largest.length)} further pieces`, '', '', commas(total)]);
  const terms = largest.slice(0, 3).map(([, times, inside]) => `${commas(times)} × ${inside}`).join(' + ');
  find('.formula').textContent = `${commas(total)} = ${terms || 0}${pieces > 3 ? ' + …' : ''}`;
  find('tbody').replaceChildren(...rows.map((row) => line('td', row)));
  find('.verdict').textContent = `In the bar: ${commas(count)}, kept up to date from merge to merge. Counted afresh from the `
    + `pieces: ${commas(total)}, ${total === count ? 'the same' : 'NOT the same'}.`;
}
