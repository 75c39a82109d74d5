// What this browser remembers for the user. Where storage is blocked, reading it throws: then nothing is
// remembered, and the page works all the same.

/** What was remembered under a name; null for nothing. */
export function remembered(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It holds until the next load.
  }
}
