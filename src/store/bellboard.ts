// Who wants to be rung right now: a file with one byte for each port, 1 where nobody would listen. A
// ring costs sender and recipient more than the rest of a send, and most of the time nobody waits. A
// file is as quick as a glance at memory, and it is in order: a bell that is made loud before its owner
// looks at the store is seen so by whoever commits after that look. What is missing, torn or
// unreadable means that there is somebody to ring.

const QUIET = 1;

export class BellBoard {
  readonly #path: string;
  #file: Deno.FsFile | null = null;
  readonly #byte = new Uint8Array(1);

  constructor(path: string) {
    this.#path = path;
  }

  /** Says whether anybody would hear the bell at this port. Never throws. */
  set(port: number, quiet: boolean): void {
    this.#byte[0] = quiet ? QUIET : 0;
    try {
      const file = this.#open();
      file.seekSync(port, Deno.SeekMode.Start);
      file.writeSync(this.#byte);
    } catch {
      // On a disk that is full nothing can be said. A ring is a hint: whoever waits looks by itself, too.
    }
  }

  /** Whether the bell at this port need not be rung. */
  quiet(port: number): boolean {
    try {
      const file = this.#open();
      file.seekSync(port, Deno.SeekMode.Start);
      return file.readSync(this.#byte) === 1 && this.#byte[0] === QUIET;
    } catch {
      // Where nothing can be read, a ring too many does no harm.
      return false;
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = null;
  }

  #open(): Deno.FsFile {
    const options = { read: true, write: true, create: true, mode: 0o600 };
    return this.#file ??= Deno.openSync(this.#path, options);
  }
}
