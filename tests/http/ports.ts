// Ports for tests: some in a row that nobody listens on right now.

/** Looks for `count` free ports in a row. */
export function freePorts(count: number): number[] {
  for (let tries = 0; tries < 200; tries++) {
    // Below those that the system gives away by itself.
    const first = 12_000 + Math.floor(Math.random() * 18_000);
    const ports = Array.from({ length: count + 1 }, (_, i) => first + i);
    if (ports.every(isFree)) return ports.slice(0, count);
  }
  throw new Error(`no ${count} free ports in a row`);
}

export function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.AddrInUse) return false;
    throw thrown;
  }
}
