// Folders inside of a home: never a home itself.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { folderIn } from "../../src/core/folders.ts";
import { withTempFolder } from "../support/temp.ts";

Deno.test("folderIn: makes one folder, for this user alone, and leaves one that is there", async () => {
  await withTempFolder((parent) => {
    const path = folderIn(parent, "wake");
    Deno.writeTextFileSync(`${path}/kept`, "");
    assertEquals(folderIn(parent, "wake"), path);
    assertEquals([...Deno.readDirSync(path)].map(({ name }) => name), ["kept"]);
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o700);
    return Promise.resolve();
  });
});

Deno.test("folderIn: brings back nothing that was deleted", async () => {
  await withTempFolder((parent) => {
    assertThrows(() => folderIn(`${parent}/home`, "wake"), Deno.errors.NotFound);
    assert(![...Deno.readDirSync(parent)].some(({ name }) => name === "home"));
    return Promise.resolve();
  });
});
