// A disk of a test's own, as small or as read-only as it wants: a file system in memory that only the
// processes of one script see, mounted in a user namespace of theirs. It is gone with them.

import { SOURCE_COMMAND, testEnv } from "./peer.ts";
import { withTempFolder } from "./temp.ts";

/** Whether this system lets a user have such a disk; null, or why not. */
const NO_DISK: string | null = whyNot();

function whyNot(): string | null {
  if (Deno.build.os !== "linux") return "only Linux has user namespaces";
  try {
    const { success, stderr } = new Deno.Command("unshare", {
      args: ["-Urm", "sh", "-c", "mount -t tmpfs -o size=64k skein /mnt"],
      stdout: "null",
      stderr: "piped",
    }).outputSync();
    return success ? null : new TextDecoder().decode(stderr).trim();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** A test that needs such a disk; it is skipped, and says why, where there can be none. */
export function onRealDisk(name: string, body: () => Promise<void>): void {
  const skipped = NO_DISK === null ? "" : ` (no disk of its own here: ${NO_DISK})`;
  Deno.test({ name: `${name}${skipped}`, ignore: NO_DISK !== null, fn: body });
}

/**
 * Runs a shell script in which `$DISK` is the mounted disk, `$BESIDE` a folder on another one, and `skein`
 * the command with its home in `$DISK/home`.
 * @param kib size of the disk in KiB
 * @returns what it wrote to either output, and its exit code
 */
export async function onDisk(kib: number, script: string): Promise<{ out: string; code: number }> {
  return await withTempFolder(async (temp) => {
    const lines = [
      "exec 2>&1",
      `mkdir "$TEMP/disk" "$TEMP/beside"; cd "$TEMP/beside"`,
      `DISK="$TEMP/disk"; BESIDE="$TEMP/beside"; export SKEIN_HOME="$DISK/home"`,
      `mount -t tmpfs -o size=${kib}k,mode=700 skein "$DISK"`,
      `skein() { ${SOURCE_COMMAND.map((word) => `'${word}'`).join(" ")} "$@"; }`,
      script,
    ];
    const { code, stdout } = await new Deno.Command("unshare", {
      args: ["-Urm", "sh", "-c", lines.join("\n")],
      env: testEnv({ TEMP: temp }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).output();
    return { out: new TextDecoder().decode(stdout), code };
  });
}
