// What every door that makes a node hands to it: the HTTP door, loaded when the node begins to lead.
// A session that never leads pays nothing for it.

import type { Lead, OnLead } from "../node/leading.ts";

/** Serves on the preferred port (0: any) for as long as the node leads. */
export function serving(preferred: number): OnLead {
  return (lead: Lead) => {
    let stopped = false;
    let stop = (): void => {};
    void import("./http.ts").then(({ serveHttp }) => {
      if (!stopped) stop = serveHttp(lead, preferred);
    }).catch((thrown) => lead.trouble("http", thrown));
    return () => {
      stopped = true;
      stop();
    };
  };
}
