// The component: the pairs that compete for a merge as bars, each a button, and the chosen one's count as a sum.

function cell(name, text, isNumber) {
  const element = document.createElement(name);
  element.textContent = text;
  if (isNumber) element.className = 'number';
  return element;
}

function part(className, text = '') {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}

function drawBars(box, data, choose) {
  while (box.children.length > data.bars.length) box.lastChild.remove();
  while (box.children.length < data.bars.length) {
    const button = document.createElement('button');
    button.type = 'button';
    const track = part('track');
    track.append(part('fill'));
    button.append(part('label'), track, part('count'));
    box.append(button);
  }
  const most = Math.max(1, ...data.bars.map(([, count]) => count));
  [...box.children].forEach((button, i) => {
    const [label, count, spoken] = data.bars[i];
    const [name, track, number] = button.children;
    button.className = `bar${i === 0 ? ' next' : ''}`;
    button.onclick = () => choose(i);
    button.setAttribute('aria-pressed', String(i === data.chosen));
    button.setAttribute('aria-label', spoken);
    name.textContent = label;
    number.textContent = count.toLocaleString('en');
    track.firstChild.style.width = `${(100 * count) / most}%`;
  });
}

function drawSum(root, data) {
  const find = (name) => root.querySelector(name);
  for (const name of ['heading', 'formula', 'verdict']) find(`.${name}`).textContent = data[name];
  find('thead tr').replaceChildren(...data.columns.map((title, i) => cell('th', title, i > 0)));
  find('tbody').replaceChildren(...data.rows.map((row) => {
    const line = document.createElement('tr');
    line.append(...row.map((text, i) => cell('td', text, i > 0)));
    return line;
  }));
}

export default function ({ data, parentElement: root, setStateValue }) {
  root.querySelector('.step').setAttribute('aria-label', data.alt);
  const choose = (number) => setStateValue('choice', { number, of: data.of });
  drawBars(root.querySelector('.bars'), data, choose);
  drawSum(root, data);
}
