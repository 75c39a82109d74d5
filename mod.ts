/**
 * skein: coding agents as one flock.
 *
 * As a program, this file is the `skein` command. As a library, it gives the node that every
 * session embeds, the operations it can perform and the refusals it answers with.
 *
 * @module
 */

export { CATALOGUE, CORE, operationNamed } from "./src/catalogue.ts";
export {
  type Details,
  type ErrorCode,
  type ErrorKind,
  ERRORS,
  Refusal,
} from "./src/core/errors.ts";
export { LIMITS, TIMES } from "./src/core/limits.ts";
export type { AnyOperation, Operation, Role, Settings } from "./src/core/operation.ts";
export { VERSION } from "./src/core/version.ts";
export type { NodeOptions } from "./src/node/life.ts";
export type { Called, CallOptions } from "./src/node/call.ts";
export type { Lead, OnLead } from "./src/node/leading.ts";
export { Node } from "./src/node/node.ts";
export { type Environment, readEnvironment } from "./src/node/settings.ts";
export { Visitor, type VisitorOptions } from "./src/node/visitor.ts";
export type { Answer } from "./src/perform.ts";

if (import.meta.main) await import("./src/door/main.ts");
