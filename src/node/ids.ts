// Ids of peers and lives: letters and digits without look-alikes, so that they can be quoted.

const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/** A random id; 12 characters hold 60 bits. */
export function newId(length: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
