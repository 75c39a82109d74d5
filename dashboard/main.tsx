// The page's entry: the same file is the page and, in a Worker, the layout of the task graph.

import { render } from "preact";
import dagre from "@dagrejs/dagre";

const root = document.getElementById("app");
if (root !== null) render(<main>{Object.keys(dagre).length}</main>, root);
