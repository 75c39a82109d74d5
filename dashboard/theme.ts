// Dark or light: as the system says, unless the user chose otherwise in this browser.

import { Cell } from "./data/cell.ts";
import { remember, remembered } from "./data/stored.ts";

export type Theme = "system" | "light" | "dark";
const ORDER: readonly Theme[] = ["system", "light", "dark"];
const KEY = "skein-theme";

export const theme: Cell<Theme> = new Cell<Theme>("system");

function apply(next: Theme): void {
  theme.set(next);
  if (next === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
}

export function startTheme(): void {
  const stored = remembered(KEY);
  apply(ORDER.find((one) => one === stored) ?? "system");
}

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  remember(KEY, next);
  apply(next);
}
