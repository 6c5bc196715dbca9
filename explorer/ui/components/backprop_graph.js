// The component: the network's steps as boxes, in two bands on a wide screen and in one column of boxes on a phone.

const SVG = 'http://www.w3.org/2000/svg';
const BOX = { width: 98, height: 46 };
const LANES = 3, PHONE = 700;

function add(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// Where the boxes lie: lanes are rows on a wide screen, columns on a phone.
function plan(data, width) {
  const tall = width < PHONE;
  const bands = Math.max(...data.nodes.map((node) => node.band)) + 1;
  if (tall) {
    const lane = Math.max(width / LANES, BOX.width + 6), row = 72;
    const at = (node) => [(node.lane + 0.5) * lane, (node.band * data.columns + node.column + 0.5) * row];
    return { tall, at, width: lane * LANES, height: bands * data.columns * row };
  }
  const column = Math.min(132, width / data.columns), lane = 68, band = LANES * lane + 30;
  const at = (node) => [(node.column + 0.5) * column, node.band * band + (node.lane + 0.5) * lane];
  return { tall, at, width: column * data.columns, height: bands * band - 30 };
}

// From a box's middle towards another: the point on the box's border.
function border([x, y], [toX, toY], gap) {
  const dx = toX - x, dy = toY - y;
  const scale = Math.min((BOX.width / 2 + gap) / Math.abs(dx || 1e-9), (BOX.height / 2 + gap) / Math.abs(dy || 1e-9));
  return [x + dx * scale, y + dy * scale];
}

// The line that leads from the end of one band to the beginning of the next goes around.
function wrapped([x0, y0], [x1, y1], width) {
  const right = Math.min(width - 2, x0 + BOX.width / 2 + 8), between = y1 - BOX.height / 2 - 68 - 15 + 8;
  return `M${x0 + BOX.width / 2},${y0} H${right} V${between} H${x1} V${y1 - BOX.height / 2 - 3}`;
}

// Forward arrows lead from operand to result; the asked gradient comes the other way, along the thick ones.
function drawEdge(svg, edge, nodes, layout) {
  const from = layout.at(nodes[edge.from]), to = layout.at(nodes[edge.to]);
  const wraps = !layout.tall && nodes[edge.from].band !== nodes[edge.to].band;
  let d;
  if (wraps) d = wrapped(from, to, layout.width);
  else {
    const start = border(from, to, edge.back ? 4 : 1), end = border(to, from, edge.back ? 1 : 4);
    d = `M${start[0]},${start[1]} L${end[0]},${end[1]}`;
  }
  const marker = edge.back ? { 'marker-start': 'url(#backprop-back)' } : { 'marker-end': 'url(#backprop-tip)' };
  add(svg, 'path', { class: edge.back ? 'edge back' : 'edge', d, ...marker });
}

function drawNode(svg, node, layout, choose) {
  const { width, height } = BOX, [x, y] = layout.at(node);
  const g = add(svg, 'g', { class: `node ${node.state} ${node.kind}`, transform: `translate(${x},${y})`, 'data-node': node.name });
  add(g, 'rect', { class: 'ring', x: -width / 2 - 4, y: -height / 2 - 4, width: width + 8, height: height + 8, rx: 10 });
  add(g, 'rect', { class: 'box', x: -width / 2, y: -height / 2, width, height, rx: 7 });
  const left = -width / 2 + (node.kind === 'parameter' ? 14 : 8), right = width / 2 - (node.kind === 'parameter' ? 14 : 8);
  add(g, 'text', { class: 'name', x: left, y: -4 }, node.name);
  add(g, 'text', { class: 'mark', x: right, y: -4 }, node.mark);
  add(g, 'text', { class: 'shape', x: left, y: 14 }, node.shape);
  add(g, 'title', {}, node.spoken);
  if (node.state === 'given') return;
  for (const [name, value] of Object.entries({ role: 'button', tabindex: 0, 'aria-label': node.spoken, 'aria-pressed': node.state === 'asked' })) g.setAttribute(name, String(value));
  g.onclick = () => choose(node.name);
  g.onkeydown = (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose(node.name);
  };
}

function draw(root, data, choose) {
  const svg = root.querySelector('svg'), scroll = root.querySelector('.scroll');
  const focused = svg.querySelector(':focus')?.dataset.node;
  const layout = plan(data, root.querySelector('.graph').clientWidth || 900);
  root.querySelector('.graph').classList.toggle('tall', layout.tall);
  svg.replaceChildren();
  svg.setAttribute('aria-label', data.alt);
  svg.setAttribute('width', layout.width);
  svg.setAttribute('height', layout.height);
  const defs = add(svg, 'defs', {});
  for (const [id, orient] of [['backprop-tip', 'auto'], ['backprop-back', 'auto-start-reverse']]) {
    const marker = add(defs, 'marker', { id, class: id === 'backprop-back' ? 'back' : 'tip', viewBox: '0 0 8 8', refX: 5, refY: 4, markerWidth: 9, markerHeight: 9, orient, markerUnits: 'userSpaceOnUse' });
    add(marker, 'path', { d: 'M0,0 L8,4 L0,8 z' });
  }
  for (const edge of [...data.edges].sort((a, b) => a.back - b.back)) drawEdge(svg, edge, data.nodes, layout);
  for (const node of data.nodes) drawNode(svg, node, layout, choose);
  if (focused !== undefined) svg.querySelector(`[data-node="${focused}"]`)?.focus({ preventScroll: true });
  const view = (root.__view ??= {}), look = `${data.asked}:${layout.tall}`;
  if (view.look !== look) {
    const calm = view.look === undefined || matchMedia('(prefers-reduced-motion: reduce)').matches;
    view.look = look;
    const [x, y] = layout.at(data.nodes.find((node) => node.name === data.asked));
    scroll.scrollTo({ left: x - scroll.clientWidth / 2, top: y - scroll.clientHeight / 2, behavior: calm ? 'auto' : 'smooth' });
  }
}

export default function ({ data, parentElement: root, setStateValue }) {
  // The count makes every choice a new one, so that a box chosen a second time answers too.
  const choose = (name) => setStateValue('choice', { name, count: (root.__count = (root.__count ?? 0) + 1) });
  draw(root, data, choose);
  let width = root.querySelector('.graph').clientWidth;
  const observer = new ResizeObserver(() => {
    const now = root.querySelector('.graph').clientWidth;
    if (now === width) return;
    width = now;
    draw(root, data, choose);
  });
  observer.observe(root.querySelector('.graph'));
  return () => observer.disconnect();
}
