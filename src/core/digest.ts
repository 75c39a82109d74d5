// Hashes. node:crypto is loaded at the first use, not at the start: a session that only lists its
// tools does not pay for it.

type NodeCrypto = typeof import("node:crypto");

let loaded: NodeCrypto | null = null;

/**
 * Loads it ahead, for a process that stays: an import brings along half a megabyte less than asking
 * `process` for it, which is all that a hash without warning can do.
 */
export async function loadHashes(): Promise<void> {
  loaded ??= await import("node:crypto");
}

function nodeCrypto(): NodeCrypto {
  return loaded ??= process.getBuiltinModule("node:crypto") as NodeCrypto;
}

/** SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256(text: string): string {
  return nodeCrypto().hash("sha256", text, "hex");
}

/** Bytes that one round of SHA-256 takes, and that it gives. */
const [BLOCK_BYTES, DIGEST_BYTES] = [64, 32];

/** A key as HMAC uses it: both blocks are the same for every text. */
interface Pads {
  /** The inner block; the text comes behind it. */
  inner: Uint8Array;
  /** The outer block, and room for the inner digest. */
  readonly outer: Uint8Array;
}

const pads = new WeakMap<Uint8Array, Pads>();

function padsOf(key: Uint8Array): Pads {
  let found = pads.get(key);
  if (found === undefined) {
    if (key.length > BLOCK_BYTES) throw new RangeError("a key is at most 64 bytes long");
    found = {
      inner: new Uint8Array(BLOCK_BYTES).fill(0x36),
      outer: new Uint8Array(BLOCK_BYTES + DIGEST_BYTES).fill(0x5c, 0, BLOCK_BYTES),
    };
    for (const [i, byte] of key.entries()) {
      found.inner[i] = byte ^ 0x36;
      found.outer[i] = byte ^ 0x5c;
    }
    pads.set(key, found);
  }
  return found;
}

const encoder = new TextEncoder();

/**
 * HMAC-SHA256 of a text in UTF-8, as 64 hexadecimal digits. As RFC 2104 writes it, of two hashes:
 * every journal row has one, made while the store is locked, and `createHmac` takes five times as long.
 */
export function hmacSha256(key: Uint8Array, text: string): string {
  const { hash } = nodeCrypto();
  const known = padsOf(key);
  // At most three bytes in UTF-8 for each unit of a text in UTF-16.
  const most = BLOCK_BYTES + 3 * text.length;
  if (known.inner.length < most) {
    const longer = new Uint8Array(2 * most);
    longer.set(known.inner.subarray(0, BLOCK_BYTES));
    known.inner = longer;
  }
  const { written } = encoder.encodeInto(text, known.inner.subarray(BLOCK_BYTES));
  const inner = hash("sha256", known.inner.subarray(0, BLOCK_BYTES + written), "hex");
  known.outer.subarray(BLOCK_BYTES).setFromHex(inner);
  return hash("sha256", known.outer, "hex");
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  const { timingSafeEqual } = nodeCrypto();
  const encoder = new TextEncoder();
  // Of equal length, or the comparison itself would refuse: so the digests are compared.
  return timingSafeEqual(encoder.encode(sha256(a)), encoder.encode(sha256(b)));
}
