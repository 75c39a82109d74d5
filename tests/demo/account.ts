// The live account: one short line for each thing that happens, with the time since the start and
// who it happened to. Colours only on a terminal that wants them; nothing at all with --json.

const encoder = new TextEncoder();
const COLOURS = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

export type Colour = keyof typeof COLOURS;

export class Account {
  readonly #silent: boolean;
  readonly #coloured = Deno.stdout.isTerminal() && !Deno.noColor;
  readonly #startMs = performance.now();

  constructor(silent: boolean) {
    this.#silent = silent;
  }

  /** Milliseconds since the start. */
  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  paint(colour: Colour, text: string): string {
    return this.#coloured ? `\x1b[${COLOURS[colour]}m${text}\x1b[0m` : text;
  }

  /** A new part of the story. */
  part(title: string): void {
    this.print(`\n${this.paint("bold", title)}`);
  }

  /** Somebody does something, or something happens to somebody. */
  tell(who: string, what: string): void {
    const time = `${(this.elapsedMs / 1_000).toFixed(2)} s`.padStart(8);
    this.print(`${this.paint("dim", time)}  ${this.paint("cyan", who.padEnd(5))}  ${what}`);
  }

  /** A measured time, as it stands in the account. */
  ms(value: number): string {
    return this.paint("green", `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
  }

  print(text: string): void {
    if (!this.#silent) printLine(text);
  }
}

/** Prints a line on standard output, whole. */
export function printLine(text: string): void {
  const bytes = encoder.encode(`${text}\n`);
  for (let from = 0; from < bytes.length;) from += Deno.stdout.writeSync(bytes.subarray(from));
}
