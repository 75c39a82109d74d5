// What a layout is asked for and what it answers, apart from whoever lays out.

export interface LayoutWish {
  readonly nodes: readonly string[];
  /** From a task to what waits for it. */
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Left to right, or top to bottom where the page is narrow. */
  readonly direction: "LR" | "TB";
}

export interface Layout {
  /** Left upper corners, in pixels. */
  readonly at: Readonly<Record<string, readonly [x: number, y: number]>>;
  /** The path of each edge, as SVG draws it. */
  readonly paths: readonly { readonly from: string; readonly to: string; readonly d: string }[];
  readonly width: number;
  readonly height: number;
  readonly direction: "LR" | "TB";
}

/** Pixels of one task in the graph. */
export const NODE = { width: 196, height: 48 } as const;
