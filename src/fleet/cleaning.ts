// note_cleaning: the journal knows every ref of a run that is removed, before it is.

import * as z from "zod";
import { line, list, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";

export const noteCleaning = operation({
  name: "note_cleaning",
  summary: "Write down which refs of a run are about to be removed, each with its commit.",
  roles: LEADING,
  effect: "write",
  hints: {},
  risk: "low",
  unlisted: true,
  positionals: ["run", "refs"],
  // The run may be another home's, which has worked in the same repository.
  input: z.strictObject({ run: word(), refs: list(line(LIMITS.pathChars), LIMITS.listItems, 1) }),
  output: z.lazy(() => z.object({ noted: z.number() })),
  handle(ctx, { run, refs }) {
    ctx.record({ subject: `run/${run}`, detail: { refs } });
    return Promise.resolve({ noted: refs.length });
  },
});
