// The trace of a backup and of its restoring: who took the home's whole contents along, and who put older
// ones in its place. Copying itself is the command's (store/backup.ts); only the human may have it done.

import * as z from "zod";
import { line, oneOf } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { OPERATOR_ONLY } from "../core/policy.ts";

export const noteCopy = operation({
  name: "note_copy",
  summary: "Write down that the home is about to be backed up, or was restored, and where.",
  roles: OPERATOR_ONLY,
  effect: "write",
  hints: {},
  risk: "high",
  unlisted: true,
  input: z.strictObject({
    what: oneOf(["backup", "restore", "restored"]),
    folder: line(LIMITS.pathChars),
  }),
  output: z.lazy(() => z.object({ noted: z.boolean() })),
  handle(ctx, input) {
    ctx.record({ subject: "home/store", detail: input });
    return Promise.resolve({ noted: true });
  },
});
