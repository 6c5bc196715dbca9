// The component: boxes of a computation and the lines between them, drawn as SVG from coordinates that Python chose.

const SVG = 'http://www.w3.org/2000/svg';
const BOX = { width: 108, height: 58 };

function add(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// From the right side of the operand to the left side of the result, level at both ends.
function curve(points) {
  let d = `M${points[0][0]},${points[0][1]}`;
  for (let i = 1; i < points.length; i += 1) {
    const [x0, y0] = points[i - 1], [x1, y1] = points[i], middle = (x0 + x1) / 2;
    d += ` C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
  }
  return d;
}

function drawEdge(svg, edge) {
  const g = add(svg, 'g', { class: `edge ${edge.state}` });
  const points = edge.points.map(([x, y], i, all) => {
    if (i === 0) return [x + BOX.width / 2, y + edge.shift];
    return i === all.length - 1 ? [x - BOX.width / 2 - 5, y + edge.shift] : [x, y];
  });
  add(g, 'path', { d: curve(points), 'marker-end': 'url(#value-graph-tip)' });
  // Before the tip: there the lines of a fan lie furthest apart. Added later, so that no line covers a number.
  const [x, y] = points[points.length - 1];
  return () => add(add(svg, 'g', { class: `edge ${edge.state}` }), 'text', { x: x - 8, y: y - 5 }, edge.slope);
}

function drawNode(svg, node, i, choose) {
  const { width, height } = BOX, left = -width / 2 + 7, right = width / 2 - 7;
  const g = add(svg, 'g', {
    class: `node ${node.state}${node.chosen ? ' chosen' : ''}`, transform: `translate(${node.x},${node.y})`,
    role: 'button', tabindex: 0, 'aria-label': node.spoken, 'aria-pressed': node.chosen, 'data-node': i,
  });
  add(g, 'rect', { class: 'ring', x: -width / 2 - 4, y: -height / 2 - 4, width: width + 8, height: height + 8, rx: 10 });
  add(g, 'rect', { class: 'box', x: -width / 2, y: -height / 2, width, height, rx: 7 });
  add(g, 'text', { class: 'name', x: left, y: -12 }, node.name);
  add(g, 'text', { class: 'sign', x: right, y: -12 }, node.sign);
  add(g, 'text', { class: 'key', x: left, y: 5 }, 'data');
  add(g, 'text', { class: 'number', x: right, y: 5 }, node.data);
  add(g, 'text', { class: 'key', x: left, y: 22 }, 'grad');
  add(g, 'text', { class: 'number', x: right, y: 22 }, node.grad);
  if (node.flag) add(g, 'text', { class: 'flag', x: 0, y: -height / 2 - 8 }, node.flag);
  g.onclick = () => choose(i);
  g.onkeydown = (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return;
    event.preventDefault();
    choose(i);
  };
}

function draw(root, data, send) {
  const svg = root.querySelector('svg'), scroll = root.querySelector('.scroll');
  const focused = root.activeElement?.dataset?.node ?? svg.querySelector(':focus')?.dataset.node;
  svg.replaceChildren();
  svg.setAttribute('aria-label', data.alt);
  svg.setAttribute('width', data.width);
  svg.setAttribute('height', data.height);
  const marker = add(add(svg, 'defs', {}), 'marker', {
    id: 'value-graph-tip', viewBox: '0 0 8 8', refX: 5, refY: 4, markerWidth: 9, markerHeight: 9, orient: 'auto', markerUnits: 'userSpaceOnUse',
  });
  add(marker, 'path', { d: 'M0,0 L8,4 L0,8 z' });
  // What is active goes on top.
  const edges = [...data.edges].sort((a, b) => (a.state === 'now') - (b.state === 'now'));
  const labels = edges.map((edge) => drawEdge(svg, edge));
  for (const write of labels) write();
  data.nodes.forEach((node, i) => drawNode(svg, node, i, (node) => send({ node, of: data.graph })));
  if (focused !== undefined) svg.querySelector(`[data-node="${focused}"]`)?.focus({ preventScroll: true });
  const view = (root.__view ??= {});
  const look = `${data.graph}:${data.follow}`;
  if (view.look !== look) {
    const calm = view.look === undefined || matchMedia('(prefers-reduced-motion: reduce)').matches;
    view.look = look;
    const x = data.nodes[data.follow].x - scroll.clientWidth / 2;
    scroll.scrollTo({ left: x, behavior: calm ? 'auto' : 'smooth' });
  }
}

export default function ({ data, parentElement, setStateValue }) {
  draw(parentElement, data, (choice) => setStateValue('choice', choice));
}
