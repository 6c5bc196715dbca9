// What was learned, and texts after any number of merges. Nothing here draws.

const BYTES = 256, MOST_HEX = 16, MOST_QUOTED = 40;

const commas = (n) => n.toLocaleString('en');
const cutShort = (text, most) => { const all = [...text]; return all.length <= most ? text : `${all.slice(0, most).join('')}…`; };
const plural = (n, one) => `${commas(n)} ${one}${n === 1 ? '' : 's'}`;

// pairs[r]: left, right and count of merge r, which makes token 256 + r; the first 256 tokens are the bytes. labels: of every
// token, its text or its bytes in hexadecimal. boxes: the same where white space is left alone, else null. partial: tokens
// whose bytes are no whole characters.
class Learned {
  constructor({ pairs, labels, boxes, partial }) {
    Object.assign(this, { pairs, labels, boxes: boxes ?? labels, partial: new Set(partial) });
    this.lengths = new Array(BYTES).fill(1);
    for (const [left, right] of pairs) this.lengths.push(this.lengths[left] + this.lengths[right]);
  }

  // The tokens after `made` merges of a text whose tokens after all of them are `ids`: what came later is opened.
  tokensAfter(ids, made) {
    const tokens = [], waiting = [...ids].reverse();
    while (waiting.length) {
      const id = waiting.pop();
      if (id < BYTES + made) tokens.push(id);
      else waiting.push(this.pairs[id - BYTES][1], this.pairs[id - BYTES][0]);
    }
    return tokens;
  }

  lastByte(id) {
    while (id >= BYTES) id = this.pairs[id - BYTES][1];
    return id;
  }

  hexadecimal(id) {
    const bytes = [], waiting = [id];
    while (waiting.length && bytes.length < MOST_HEX) {
      const next = waiting.pop();
      if (next < BYTES) bytes.push(next.toString(16).padStart(2, '0').toUpperCase());
      else waiting.push(this.pairs[next - BYTES][1], this.pairs[next - BYTES][0]);
    }
    return bytes.join(' ') + (waiting.length ? ' …' : '');
  }

  quoted(id) {
    return this.partial.has(id) ? `bytes ${this.hexadecimal(id)}` : `“${cutShort(this.labels[id], MOST_QUOTED)}”`;
  }

  size(id) {
    return `${this.lengths[id]} byte${this.lengths[id] === 1 ? '' : 's'}`;
  }

  // A token as a panel takes it: in its box, under it, spoken, first byte, byte after its last, kind, end of a line.
  drawn(id, number, start, boxes, newest) {
    const isPartial = this.partial.has(id), isNew = id === newest;
    const spoken = `${isNew ? 'New: ' : ''}${this.quoted(id)}, token ${number}, id ${id}, ${this.size(id)} `
      + `${this.hexadecimal(id)}${isPartial ? ' (a part of a character)' : ''}.`;
    const kind = isNew ? 'new' : isPartial ? 'bytes' : 'plain';
    const endsLine = Number(!isPartial && this.lastByte(id) === 10);
    return [boxes[id], String(id), spoken, start, start + this.lengths[id], kind, endsLine];
  }

  // The first `most` of the tokens, drawn.
  row(tokens, most, boxes, newest = null) {
    let start = 0;
    return tokens.slice(0, most).map((id, number) => {
      const one = this.drawn(id, number, start, boxes, newest);
      start = one[4];
      return one;
    });
  }

  // The token over a byte; null beyond the last.
  at(tokens, byte) {
    let start = 0;
    for (const id of tokens) {
      start += this.lengths[id];
      if (byte < start) return id;
    }
    return null;
  }

  bytesOf(tokens) {
    return tokens.reduce((sum, id) => sum + this.lengths[id], 0);
  }
}
