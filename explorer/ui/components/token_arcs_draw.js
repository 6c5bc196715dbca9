// Arcs, shades and words for one token of one head. Knows nothing of the controls.

const SVG = 'http://www.w3.org/2000/svg', HEIGHT = 150, FAINT = 0.012;

const visible = (token) => token.replace(/\n/g, '↵').replace(/\t/g, '⇥').replace(/ /g, '␣') || '∅';

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const raw = atob(base64), bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// The weights of token `q` in the head shown, 0..1, or null while its layer has not arrived.
function weightsOf(view, q) {
  const { data, state, bytes } = view, n = data.tokens.length;
  if (data.onlyLayer !== null && data.onlyLayer !== state.layer) return null;
  const plane = (data.onlyLayer === null ? state.layer * data.heads : 0) + state.head;
  const start = (plane * n + q) * n;
  return Array.from(bytes.subarray(start, start + n), (byte) => byte / 255);
}

function arc(from, to, weight, off) {
  const path = document.createElementNS(SVG, 'path'), y = HEIGHT - 2;
  const rise = Math.min(HEIGHT - 12, 16 + Math.abs(from - to) * 0.45) * 1.3;
  const loop = `M${from - 4},${y} C${from - 16},${y - 32} ${from + 16},${y - 32} ${from + 4},${y}`;
  path.setAttribute('d', from === to ? loop : `M${from},${y} C${from},${y - rise} ${to},${y - rise} ${to},${y}`);
  path.setAttribute('stroke-width', (0.7 + weight * 6.5).toFixed(2));
  path.setAttribute('stroke-opacity', (0.35 + weight * 0.65).toFixed(2));
  if (off) path.setAttribute('class', 'off');
  return path;
}

// The strongest places first, in words; what is left is summed, so that the shares add up.
function summary(view, q, weights, off) {
  const { data, state } = view;
  const order = weights.map((w, k) => [w, k]).filter(([w]) => w >= 0.01).sort((a, b) => b[0] - a[0]).slice(0, 4);
  const share = (w) => `${Math.round(w * 100)} %`;
  const parts = order.map(([w, k]) => `${k === q ? 'itself' : `“${visible(data.tokens[k])}” (${data.first + k})`} ${share(w)}`);
  const rest = 1 - order.reduce((total, [w]) => total + w, 0);
  if (rest >= 0.01) parts.push(`the others ${share(rest)}`);
  const head = `Layer ${state.layer}, head ${state.head}${off ? ' (switched off)' : ''}`;
  return `${head}: “${visible(data.tokens[q])}” (${data.first + q}) looks at ${parts.join(', ')}.`;
}

// Draws token `q` (null: nothing) and returns the sentence that says the same.
function drawToken(view, svg, spans, q, off) {
  const weights = q === null ? null : weightsOf(view, q);
  svg.setAttribute('height', HEIGHT);
  const middle = weights && spans.map((span) => span.offsetLeft + span.offsetWidth / 2);
  const colour = off ? 'var(--st-gray-text-color)' : 'var(--st-primary-color)';
  spans.forEach((span, k) => {
    const w = weights?.[k] ?? 0;
    span.style.background = w >= 0.004 ? `color-mix(in srgb, ${colour} ${Math.round(12 + w * 62)}%, transparent)` : '';
    span.classList.toggle('here', k === q);
  });
  if (!weights) {
    svg.replaceChildren();
    return q === null ? null : `Reading layer ${view.state.layer} …`;
  }
  const order = [...weights.keys()].filter((k) => weights[k] >= FAINT).sort((a, b) => weights[a] - weights[b]);
  svg.replaceChildren(...order.map((k) => arc(middle[q], middle[k], weights[k], off)));
  return summary(view, q, weights, off);
}
