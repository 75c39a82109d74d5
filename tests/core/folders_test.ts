// Folders inside of a home, never a home itself; what is in a folder, whatever stands in its place.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { exists, folderIn, namesIn } from "../../src/core/folders.ts";
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

Deno.test("namesIn, exists: what is not there, or is no folder, holds nothing; a dangling link is there", async () => {
  await withTempFolder((parent) => {
    Deno.writeTextFileSync(`${parent}/file`, "");
    Deno.symlinkSync("nowhere", `${parent}/link`);
    assertEquals(namesIn(parent).sort(), ["file", "link"]);
    assertEquals([namesIn(`${parent}/none`), namesIn(`${parent}/file`)], [[], []]);
    const there = ["file", "link", "none", "file/below"].map((name) => exists(`${parent}/${name}`));
    assertEquals(there, [true, true, false, false]);
    return Promise.resolve();
  });
});
