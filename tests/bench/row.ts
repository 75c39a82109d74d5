// What a benchmark says: one row for each number, beside its budget. A row is never an assertion:
// the machine is shared, so the table shows the budget, and the ratio to the raw rate of the same
// run tells a slow machine from slow code.

/** One measured number. */
export interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The most or the least the value may be; null where the row is there for comparison. */
  readonly budget: { readonly most: number } | { readonly least: number } | null;
  /** A rate as a share of the raw transaction rate of this run. */
  readonly ratioToRaw?: number;
  /** What else was seen: quantiles, repetitions, circumstances. */
  readonly note?: string;
}

/** What a bare loop reached in turns with us, and how much of that we did. */
export function bareRow(
  what: string,
  barePerS: number,
  perS: number,
  { rawPerS }: { readonly rawPerS: number },
): Row {
  return {
    name: `${what}, 8 bare loops: the least there is to do`,
    value: barePerS,
    unit: "/s",
    budget: null,
    ratioToRaw: barePerS / rawPerS,
    note: `skein does ${(100 * perS / barePerS).toFixed(0)} % of that`,
  };
}

/** A row as `--json` prints it. */
export interface Verdict extends Omit<Row, "budget"> {
  readonly budget: string | null;
  readonly ok: boolean | null;
}

export function verdictOf(row: Row): Verdict {
  const { budget, ...rest } = row;
  if (budget === null) return { ...rest, budget: null, ok: null };
  const [sign, limit] = "most" in budget ? ["<=", budget.most] : [">=", budget.least];
  const ok = "most" in budget ? row.value <= limit : row.value >= limit;
  return { ...rest, value: rounded(row.value), budget: `${sign} ${shown(limit)} ${row.unit}`, ok };
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** A number with as many digits as mean something. */
export function shown(value: number): string {
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString("en-US");
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The rows as a table for people. */
export function tableOf(rows: readonly Row[], colour: boolean): string {
  const cells = rows.map((row) => {
    const verdict = verdictOf(row);
    return [
      row.name,
      `${shown(row.value)} ${row.unit}`,
      verdict.budget ?? "",
      verdict.ok === null ? "" : verdict.ok ? "ok" : "OVER",
      row.ratioToRaw === undefined ? "" : `${(100 * row.ratioToRaw).toFixed(1)} %`,
      row.note ?? "",
    ];
  });
  const head = ["what", "measured", "budget", "", "of raw", "note"];
  const widths = head.map((name, i) =>
    Math.max(name.length, ...cells.map((cell) => (cell[i] ?? "").length))
  );
  const line = (cell: readonly string[]): string =>
    cell.map((text, i) => i === 1 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))
      .join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...cells.map((cell) => painted(line(cell), cell[3] ?? "", colour))]
    .join("\n");
}

function painted(text: string, verdict: string, colour: boolean): string {
  if (!colour || verdict !== "OVER") return text;
  return `\x1b[33m${text}\x1b[39m`;
}

/** The value below which a share of the values lies; NaN if there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
