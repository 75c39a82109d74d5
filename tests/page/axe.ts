// axe-core in the page: what it calls serious or critical is a failure.

import type { Page } from "playwright-core";
import axe from "axe-core";

const SOURCE: string = axe.source;

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly {
    readonly target: readonly unknown[];
    readonly failureSummary: string;
  }[];
}

/** Serious findings, one line each. The page's policy lets no script in, so the debugger brings it. */
export async function findings(page: Page): Promise<string[]> {
  await page.evaluate(`${SOURCE}; void 0`);
  const { violations, passes } = await page.evaluate(
    `axe.run(document).then(({ violations, passes }) => ({ violations, passes: passes.length }))`,
  ) as { violations: Finding[]; passes: number };
  if (passes < 10) throw new Error(`axe looked at next to nothing: ${passes} rules passed`);
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical").flatMap((
    one,
  ) =>
    one.nodes.slice(0, 3).map((node) =>
      `${one.id}: ${one.help}: ${node.target.join(" ")}: ${node.failureSummary.split("\n").at(1)}`
    )
  );
}
