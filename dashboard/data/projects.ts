// The projects of this home, and what of the journal is of the one that is looked at.

import { Cell } from "./cell.ts";
import { about, useRead } from "./reads.ts";
import type { Project } from "./types.ts";

/** Whether the feed tells of all projects; remembered while the page is open. */
export const everywhere: Cell<boolean> = new Cell(false);

/** Other projects are looked at now and then: their figures only stand beside their names. */
const EVERY_MS = 10_000;

export function useProjects(): readonly Project[] {
  const { data } = useRead<{ projects: Project[] }>("list_projects", {}, about("home"), EVERY_MS);
  return data?.projects ?? [];
}

/** What people call a project whose figures are not at hand: the folder of its repository. */
export function projectName(id: string): string {
  const parts = id.split("/").filter((part) => part !== "" && part !== ".git");
  return parts.at(-1) ?? "This project";
}
