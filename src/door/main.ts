// The command itself. A module of its own, so that a bundle of it holds nothing that the library's
// exports would load at every start.

import { fromFileUrl } from "@std/path";
import { holdProgram } from "../claude/programs.ts";
import { runCli } from "./cli.ts";

if (Deno.mainModule.startsWith("file:")) holdProgram(fromFileUrl(Deno.mainModule));
Deno.exit(await runCli(Deno.args));
