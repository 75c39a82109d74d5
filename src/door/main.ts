// The command itself. A module of its own, so that a bundle of it holds nothing that the library's
// exports would load at every start.

import { runCli } from "./cli.ts";

Deno.exit(await runCli(Deno.args));
