// The version of this code; a test holds it against deno.json.

export const VERSION = "0.1.0";

/** Compares two versions `a.b.c`: negative if `a` is older. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): number[] => version.split(".").map((part) => Number(part) || 0);
  const [x, y] = [parts(a), parts(b)];
  for (const i of [0, 1, 2]) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
