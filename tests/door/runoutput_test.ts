// The file that a run's result goes to: tried before the run, and nothing of the user's is gone after it.

import { assertEquals, assertThrows } from "@std/assert";
import { Refusal } from "../../src/core/errors.ts";
import { namesIn } from "../../src/core/folders.ts";
import { tryOutput } from "../../src/door/runoutput.ts";
import { withTempFolder } from "../support/temp.ts";

Deno.test("-o: a try leaves no file, no other text, and every link", async () => {
  await withTempFolder((folder) => {
    tryOutput(`${folder}/new.json`);
    assertEquals(namesIn(folder), []);
    Deno.writeTextFileSync(`${folder}/old.json`, "old");
    tryOutput(`${folder}/old.json`);
    assertEquals(Deno.readTextFileSync(`${folder}/old.json`), "old");
    Deno.symlinkSync("later.json", `${folder}/link.json`);
    tryOutput(`${folder}/link.json`);
    assertEquals(Deno.readLinkSync(`${folder}/link.json`), "later.json");
    for (const path of [`${folder}/none/x.json`, `${folder}/old.json/x.json`, folder]) {
      assertThrows(() => tryOutput(path), Refusal, "no result can be written");
    }
    return Promise.resolve();
  });
});
