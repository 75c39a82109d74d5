// What the disk does to a store: full, read-only, kept by another process. Each is told as what it is, with
// what to do about it, and never as a defect of skein; the disk is a real one.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startHolder } from "../support/holder.ts";
import { refusal, withHome } from "../support/home.ts";
import { onDisk, onRealDisk } from "../support/disk.ts";

onRealDisk("STORE_FULL: a first start on a disk that runs full at any moment of it", async () => {
  // So much that the file, the log's index, the schema, the first row finds no room.
  for (const kib of [4, 8, 16, 32, 64, 128, 256]) {
    const { out, code } = await onDisk(kib, "skein status");
    assertStringIncludes(out, "STORE_FULL", `${kib} KiB`);
    assertStringIncludes(out, "Free some disk space", `${kib} KiB`);
    assertEquals(code, 1, out);
  }
});

onRealDisk("STORE_FULL: once there is room again everything goes on", async () => {
  const { out, code } = await onDisk(
    1_024,
    `head -c 950k /dev/zero >"$DISK/filler"
     skein task create one
     rm "$DISK/filler"
     skein task create two --json && skein task list && skein audit verify`,
  );
  assertStringIncludes(out, "STORE_FULL");
  assertStringIncludes(out, "two");
  assert(!out.includes("INTERNAL"), out);
  assertEquals(code, 0, out);
});

onRealDisk(
  "STORE_READONLY: a disk that is mounted read-only says so, and can be looked at",
  async () => {
    const { out } = await onDisk(
      4_096,
      `skein task create "made before" >"$BESIDE/log"
     mount -o remount,ro "$DISK"
     skein task list
     skein task create later`,
    );
    assertStringIncludes(out, "made before");
    assertStringIncludes(out, "STORE_READONLY");
    assertStringIncludes(out, "chmod");
    assert(!out.includes("INTERNAL"), out);
  },
);

Deno.test("STORE_BUSY: a store that has to be brought up while somebody keeps it is busy", async () => {
  await withHome(async (home) => {
    (await home.open()).engine.close();
    // As after a reboot, which whoever comes first writes down.
    home.setMeta("boot", JSON.stringify({ machine: "this one", bootMinute: 1 }));
    const holder = await startHolder("write", home.database);
    try {
      await refusal("STORE_BUSY", () => home.open());
    } finally {
      await holder.end();
    }
    await home.open();
  });
});

Deno.test({
  name: "LIMIT_REACHED: a process that may open no more files says which limit it is",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const errors = new URL("../../src/core/errors.ts", import.meta.url).href;
    const script = `import { asRefusal } from "${errors}";
      const open = [];
      try { for (;;) open.push(Deno.openSync("/dev/null")); }
      catch (thrown) { Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(asRefusal(thrown)))); }`;
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 200 && "$@"', "sh", Deno.execPath(), "eval", "--no-check", script],
      stdin: "null",
      stderr: "inherit",
    }).output();
    const { error } = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(error.code, "LIMIT_REACHED");
    assertStringIncludes(error.hint, "ulimit -n");
  },
});
